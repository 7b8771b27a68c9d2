"""PAN-X (WikiANN): names of persons, organisations and places in Wikipedia's sentences.

Pan et al. 2017, "Cross-lingual Name Tagging and Linking for 282 Languages" (ACL), with the splits of Rahimi et al. 2019,
"Massively Multilingual Transfer for NER" (ACL). The tags were made from Wikipedia's links, without a human reading them. A
language has from 100 to 20,000 training sentences, and 100 to 10,000 in dev and in test.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from xlft_helpers.data import SPLITS
from xlft_helpers.data.hub_tables import HubTables, read_tables
from xlft_helpers.errors import DataError

from .tags import spans_of_words

ENTITIES = ("LOC", "ORG", "PER")
"""The slots: places, organisations, persons."""

_CODES = (
    "af am an ar as ay az ba be bg bn bo br bs ca ce co cs cv cy da de dv el en eo es et eu fa fi fo fr fy ga gd gl gn gu he "
    "hi hr hu hy ia id ig io is it ja jv ka kk km kn ko ku ky la lb li ln lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc or "
    "os pa pl ps pt qu rm ro ru rw sa sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt ug uk ur uz vi vo wa yi yo zh"
)
"""Its languages with an ISO 639-1 code, by which the configurations are called; 56 others have none."""

PANX = HubTables(
    name="PAN-X",
    repository="unimelb-nlp/wikiann",
    commit="f89f2fe2694613baf6bb62e7393290846127adbf",  # of the branch refs/convert/parquet
    configurations={code: code for code in _CODES.split()},
    columns=("tokens", "ner_tags"),
    megabytes=2.5,
)

_FEATURES = Features(
    {
        "text": Value("string"),
        "language": Value("string"),
        "split": Value("string"),
        "id": Value("string"),
        "slots": [{"name": Value("string"), "start": Value("int32"), "end": Value("int32")}],
    }
)


def load_panx(languages: Sequence[str] | None = None, data_dir: Path | str | None = None) -> DatasetDict:
    """Load PAN-X as rows for a tagger: ``text``, ``language``, ``split``, ``id``, and the entities in ``slots``.

    Words become a text with :func:`~xlft_helpers.tasks.extraction.spans_of_words`: with spaces between them, and with none in
    languages that write none. Words of white space only are left out, and sentences without any other.

    Args:
        languages: ISO 639-1 codes. Default: all that ``data_dir`` has; without a folder they must be named, since all
            120 are more than a million sentences.
        data_dir: a folder with files such as ``de/train/0000.parquet``; nothing is downloaded. Default: the Hub client's
            cache, which the full profile fills, at 2 to 3 MB for a large language.

    Returns:
        train, dev and test; a slot is ``{"name", "start", "end"}`` with a name among ``ENTITIES``.

    Raises:
        DataError: no language is named, one is not in PAN-X or not in the folder, a split or a column is missing, the tags
            are not BIO tags of ``ENTITIES``, or a sentence has not as many tags as words.
        DownloadError: without ``data_dir``, a file is not in the cache and cannot be downloaded.
    """
    if not languages and data_dir is None:
        raise DataError(
            "Name the languages of PAN-X that you want, such as languages=['en', 'de']; there are "
            f"{', '.join(PANX.configurations)}."
        )
    rows: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for language, split, table, path in read_tables(PANX, languages, data_dir):
        rows[split] += _rows(table, language, split, path)
    if empty := [split for split, found in rows.items() if not found]:
        raise DataError(f"PAN-X: the split {empty[0]!r} has no sentence with a word. Get the files again.")
    return DatasetDict({split: Dataset.from_list(found, features=_FEATURES) for split, found in rows.items()})


def _rows(table: Dataset, language: str, split: str, path: Path) -> Iterator[dict[str, Any]]:
    names = _tag_names(table, path)
    columns = zip(table["tokens"], table["ner_tags"], strict=True)
    for number, (words, tags) in enumerate(columns, start=1):
        if words is None or tags is None or None in words or len(words) != len(tags):
            raise DataError(f"{path}, row {number}: words and tags must be there, and as many. Get the file again.")
        if any(tag is None or not 0 <= tag < len(names) for tag in tags):
            raise DataError(f"{path}, row {number}: a tag is none of 0 to {len(names) - 1}. Get the file again.")
        kept = [(word, names[tag]) for word, tag in zip(words, tags, strict=True) if word.strip()]
        if not kept:
            continue
        text, spans = spans_of_words([word for word, _ in kept], [tag for _, tag in kept], language)
        yield {
            "text": text,
            "language": language,
            "split": split,
            "id": f"{language}-{split}-{number}",
            "slots": [span._asdict() for span in spans],
        }


def _tag_names(table: Dataset, path: Path) -> list[str]:
    feature = getattr(table.features["ner_tags"], "feature", None)
    expected = {"O", *(f"{prefix}-{entity}" for entity in ENTITIES for prefix in "BI")}
    if not isinstance(feature, ClassLabel) or set(feature.names) != expected:
        found = ", ".join(feature.names) if isinstance(feature, ClassLabel) else "numbers without names"
        raise DataError(
            f"{path}: the column 'ner_tags' must be a list of the ClassLabel {', '.join(sorted(expected))}; found {found}. "
            "Is it a file of PAN-X?"
        )
    return list(feature.names)
