"""MASSIVE: what people say to a voice assistant, with its intent: English, translated and localised by people.

FitzGerald et al. 2023, "MASSIVE: A 1M-Example Multilingual Natural Language Understanding Dataset with 51
Typologically-Diverse Languages" (ACL); version 1.1, which adds Catalan. Here 51 languages, each with 11,514 train, 2,033 dev
and 2,974 test utterances of 60 intents, unbalanced. CC BY 4.0.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from datasets import ClassLabel, DatasetDict

from xlft_helpers.errors import DataError

from .hub_tables import HubTables, read_tables
from .schema import build_dataset

_LOCALES = (
    "af-ZA", "am-ET", "ar-SA", "az-AZ", "bn-BD", "ca-ES", "cy-GB", "da-DK", "de-DE", "el-GR", "en-US", "es-ES", "fa-IR",
    "fi-FI", "fr-FR", "he-IL", "hi-IN", "hu-HU", "hy-AM", "id-ID", "is-IS", "it-IT", "ja-JP", "jv-ID", "ka-GE", "km-KH",
    "kn-IN", "ko-KR", "lv-LV", "ml-IN", "mn-MN", "ms-MY", "my-MM", "nb-NO", "nl-NL", "pl-PL", "pt-PT", "ro-RO", "ru-RU",
    "sl-SL", "sq-AL", "sv-SE", "sw-KE", "ta-IN", "te-IN", "th-TH", "tl-PH", "tr-TR", "ur-PK", "vi-VN", "zh-CN",
)  # fmt: skip
"""One a language: of the two Chinese ones, the simplified ``zh-CN`` and not ``zh-TW``."""

MASSIVE = HubTables(
    name="MASSIVE",
    repository="AmazonScience/massive",
    commit="ed58ac423a2f4121720918bf5301577edce4ffd3",  # of the branch refs/convert/parquet
    configurations={locale[:2]: locale for locale in _LOCALES},
    columns=("id", "utt", "intent"),
    megabytes=1,
)


def load_massive(
    languages: Sequence[str] | None = None, data_dir: Path | str | None = None, *, shared: bool = False
) -> DatasetDict:
    """Load MASSIVE in the course's schema: the utterance is the text, its intent the label.

    Args:
        languages: ISO 639-1 codes; default: all 51, or all that ``data_dir`` has.
        data_dir: a folder with files such as ``de-DE/train/0000.parquet``; nothing is downloaded. Default: the Hub
            client's cache, which the full profile fills, at about 1 MB a language.
        shared: leave out the intents that a split of one of the languages lacks (``audio_volume_other`` has no dev
            utterance), as comparisons need each label everywhere.

    Returns:
        train, dev and test, sorted by number. An utterance and its translations have the same id, such as ``test-17``.

    Raises:
        DataError: a language is not in MASSIVE or not in the folder; a split or a column is missing; the intents have no
            names or two files number them differently.
        DownloadError: without ``data_dir``, a file is not in the cache and cannot be downloaded.
    """
    frames, intents = [], None
    for language, split, rows, path in read_tables(MASSIVE, languages, data_dir):
        feature = rows.features["intent"]
        if not isinstance(feature, ClassLabel) or intents not in (None, feature.names):
            raise DataError(
                f"{path}: the column 'intent' must be a ClassLabel with the same names as in the files that were read before. "
                "Get the files again, all from one place."
            )
        intents = feature.names
        frames.append(_frame(rows.select_columns(list(MASSIVE.columns)).to_pandas(), intents, language, split, path))
    assert intents is not None  # there is a file of each language, or an error
    frame = pd.concat(frames, ignore_index=True)
    if shared:
        places = frame.groupby("label")[["language", "split"]].apply(lambda rows: len(rows.drop_duplicates()))
        offered = set(places.index[places == len(frames)])
        if not offered:
            raise DataError("No intent occurs in every split of every language. Bring more rows, or fewer languages.")
        frame, intents = frame[frame["label"].isin(offered)], [name for name in intents if name in offered]
    return build_dataset(frame, intents, "massive", partial_labels=True)


def _frame(rows: pd.DataFrame, intents: Sequence[str], language: str, split: str, path: Path) -> pd.DataFrame:
    if pd.to_numeric(rows["id"], errors="coerce").isna().any():
        raise DataError(f"{path}: the column 'id' must hold numbers. Get the file again.")
    rows = rows.sort_values("id", key=lambda ids: ids.astype(int))  # one order in all languages
    return pd.DataFrame(
        {
            "text": rows["utt"],
            "label": rows["intent"].map(dict(enumerate(intents))),
            "language": language,
            "split": split,
            "id": f"{split}-" + rows["id"].astype(str),
        }
    )
