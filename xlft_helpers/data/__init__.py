"""Data: sources, the one schema and its checks, cleaning, leakage, language sampling and tokenization."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from datasets import DatasetDict, disable_progress_bars

from xlft_helpers.errors import DataError

from .archives import unpack
from .cleaning import CleaningReport, clean, near_duplicates, normalize_text
from .download import fetch
from .intents import load_intents
from .languages import check_language, has_spaces, is_right_to_left, language_name, script
from .leakage import find_leakage
from .massive import load_massive
from .parallel import load_parallel
from .preprocessing import stem, strip_accents
from .sampling import class_priors, sample_languages, sampling_probabilities
from .schema import COLUMNS, SPLITS, build_dataset, label_names, languages_of, require_rows, select_language
from .tables import read_folder, read_lines, read_table
from .tokenization import MODEL_INPUTS, character_coverage, encode, tokenize, tokenizer_report
from .tweets import load_tweets
from .umsab import load_umsab

# `datasets` draws a bar for every step over a few hundred rows; they would bury the bars that matter.
disable_progress_bars()

SOURCES = ("tweets", "intents", "umsab", "massive")
"""The names that :func:`load_data` knows."""

__all__ = [
    "COLUMNS",
    "MODEL_INPUTS",
    "SOURCES",
    "SPLITS",
    "CleaningReport",
    "build_dataset",
    "character_coverage",
    "check_language",
    "class_priors",
    "clean",
    "encode",
    "fetch",
    "find_leakage",
    "has_spaces",
    "is_right_to_left",
    "label_names",
    "language_name",
    "languages_of",
    "load_data",
    "load_intents",
    "load_massive",
    "load_parallel",
    "load_tweets",
    "load_umsab",
    "near_duplicates",
    "normalize_text",
    "read_folder",
    "read_lines",
    "read_table",
    "require_rows",
    "sample_languages",
    "sampling_probabilities",
    "script",
    "select_language",
    "stem",
    "strip_accents",
    "tokenize",
    "tokenizer_report",
    "unpack",
]


def load_data(
    source: Path | str = "tweets",
    *,
    data_dir: Path | str | None = None,
    languages: Sequence[str] | None = None,
    label_map: Mapping[str, str] | None = None,
) -> DatasetDict:
    """Load labelled texts in the one schema: ``text``, ``label``, ``language``, ``split``, ``id``.

    Args:
        source: ``tweets`` (the bundled corpus), ``intents`` (voice commands, see :func:`load_intents`, with the intents
            that all of the languages share), ``umsab`` (tweets, see :func:`load_umsab`), ``massive`` (what people say to
            a voice assistant, see :func:`load_massive`, with the intents that all splits share), or a file (.tsv, .csv,
            .jsonl) or a folder of your own.
        data_dir: for ``umsab`` and ``massive`` only, a folder that holds its files; without it they are downloaded.
        languages: ISO 639-1 codes; default: every language that the source has.
        label_map: for your own data only, the labels' names in it to the names to use, e.g. ``{"1": "positive"}``.

    Returns:
        The splits that have rows.

    Raises:
        DataError: the source does not exist, cannot be read, or has a row that cannot be used.
        DownloadError: ``umsab`` or ``massive`` is needed from the network and cannot be had.
    """
    if data_dir is not None and source not in ("umsab", "massive"):
        raise DataError(
            f"data_dir={str(data_dir)!r} belongs to 'umsab' and 'massive'; for your own data, give its path as the source."
        )
    if label_map is not None and source in SOURCES:
        raise DataError(f"label_map does not apply to {source!r}, whose labels have the course's names already.")
    if source == "tweets":
        return load_tweets(languages)
    if source == "intents":
        return load_intents(languages, shared=True)
    if source == "umsab":
        return load_umsab(data_dir, languages)
    if source == "massive":
        return load_massive(languages, data_dir, shared=True)
    frame = _read_own(Path(source), label_map)
    for code in languages or ():
        if check_language(code) not in set(frame["language"]):
            found = ", ".join(frame["language"].unique())
            raise DataError(f"{source}: there are no rows in the language {code!r}; found {found}. Choose among them.")
    if languages:
        frame = frame[frame["language"].isin(languages)]
    names = label_map.values() if label_map else sorted(frame["label"].unique())
    return build_dataset(frame, list(dict.fromkeys(names)), str(source))


def _read_own(path: Path, label_map: Mapping[str, str] | None) -> pd.DataFrame:
    if path.is_dir():
        return read_folder(path, label_map=label_map)
    if not path.exists():
        raise DataError(
            f"{path}: no such file or folder. Give {', '.join(map(repr, SOURCES))}, or the path of your own data."
        )
    return read_table(path, label_map=label_map)
