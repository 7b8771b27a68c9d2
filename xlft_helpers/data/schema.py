"""The one schema of all data sets, and the checks that every source goes through."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from xlft_helpers.errors import DataError

from .languages import check_language

COLUMNS = ("text", "label", "language", "split", "id")
SPLITS = ("train", "dev", "test")
PLACE = ("source_file", "source_line")
"""Columns in which a reader notes where a row stands, for messages; they do not become part of the data set."""


def build_dataset(
    frame: pd.DataFrame,
    label_names: Sequence[str],
    source: str,
    *,
    features: Mapping[str, Any] | None = None,
    partial_labels: bool = False,
) -> DatasetDict:
    """Check rows and turn them into splits.

    Args:
        frame: rows with the columns of ``COLUMNS``, label *names* in ``label``, and perhaps those of ``PLACE``.
            Further columns, such as ``topic``, are kept as strings, unless ``features`` says what they hold.
        label_names: the classes in the order of their indices.
        source: where the rows are from, for messages.
        features: the ``datasets`` features of further columns that do not hold strings.
        partial_labels: each language may lack labels that others have. By default that is refused, since it mostly
            means that two languages name the same label differently.

    Returns:
        The splits that have rows, in the order of ``SPLITS``; ``label`` is a ``ClassLabel``.

    Raises:
        DataError: a column is missing; a row has an empty text, or an unknown label, language or split; an id occurs
            twice in its language and split; two languages name their labels differently.
    """
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise DataError(
            f"{source}: the columns {missing} are missing; found {list(frame.columns)}. Add or rename them."
        )
    if frame.empty:
        raise DataError(f"{source}: there are no rows. Check that the right file was given.")
    _check_languages(frame, source)
    _refuse(_blank(frame["text"]), frame, source, "text", "is empty. Write a text or remove the row")
    _refuse(~frame["split"].isin(SPLITS), frame, source, "split", f"is not one of {', '.join(SPLITS)}. Rename it")
    _check_labels(frame, label_names, source, partial_labels)
    _refuse(
        frame.duplicated(["language", "split", "id"]),
        frame,
        source,
        "id",
        "occurs twice in its language and split. Remove the copy, or give each row an id of its own",
    )
    return DatasetDict(
        {split: _to_dataset(rows, label_names, features or {}) for split in SPLITS if len(rows := _split(frame, split))}
    )


def languages_of(data: Dataset | DatasetDict) -> list[str]:
    """The languages of a data set, or of all splits of one, in the order in which they first occur."""
    parts = data.values() if isinstance(data, DatasetDict) else [data]
    return list(dict.fromkeys(code for part in parts for code in part["language"]))


def select_language(dataset: Dataset, *codes: str) -> Dataset:
    """The rows in the given languages, in the order of ``dataset``; none where a language does not occur in it.

    Raises:
        DataError: a code is not an ISO 639-1 code.
    """
    wanted = [check_language(code) for code in codes]
    return dataset.select(np.flatnonzero(np.isin(dataset["language"], wanted)))


def label_names(data: Dataset | DatasetDict) -> list[str]:
    """The names of the classes in the order of their indices."""
    part = next(iter(data.values())) if isinstance(data, DatasetDict) else data
    return list(part.features["label"].names)


def require_rows(data: DatasetDict, split: str, languages: Sequence[str]) -> None:
    """Make sure that a split can be used for each of the languages.

    Raises:
        DataError: the split is missing or empty, a language has no rows in it, or one of its classes has none.
    """
    if split not in data or len(data[split]) == 0:
        filled = [name for name, rows in data.items() if len(rows)]
        raise DataError(
            f"The split {split!r} has no rows; rows exist in {filled}. Mark rows with {split!r} in the column 'split', "
            f"or add a file {split}.tsv to the folder of each language."
        )
    names = label_names(data)
    for code in languages:
        rows = select_language(data[split], code)
        if len(rows) == 0:
            raise DataError(
                f"Language {code!r} has no rows in the split {split!r}; languages there: "
                f"{', '.join(languages_of(data[split]))}. Leave the language out, or add rows."
            )
        present = set(rows["label"])
        absent = [name for index, name in enumerate(names) if index not in present]
        if absent:
            raise DataError(
                f"Language {code!r} has no row with the label {', '.join(map(repr, absent))} in the split {split!r}. "
                "Every class needs at least one: correct the label if it is misspelt, add rows, or merge classes with a "
                "label map (--label-map)."
            )


def _split(frame: pd.DataFrame, split: str) -> pd.DataFrame:
    return frame[frame["split"] == split]


def _to_dataset(rows: pd.DataFrame, label_names: Sequence[str], further: Mapping[str, Any]) -> Dataset:
    extra = [column for column in rows.columns if column not in (*COLUMNS, *PLACE)]
    index = {name: number for number, name in enumerate(label_names)}
    table = rows[[*COLUMNS, *extra]].assign(label=rows["label"].map(index))
    features = Features({column: further.get(column, Value("string")) for column in table.columns})
    features["label"] = ClassLabel(names=list(label_names))
    return Dataset.from_pandas(table, features=features, preserve_index=False)


def _check_languages(frame: pd.DataFrame, source: str) -> None:
    for code in frame["language"].unique():
        try:
            check_language(code)
        except DataError as error:
            _complain(frame[frame["language"] == code], source, str(error))


def _check_labels(frame: pd.DataFrame, label_names: Sequence[str], source: str, partial_labels: bool) -> None:
    """Two languages may lack a label each, but when each has labels that the other lacks, the names differ."""
    used = {} if partial_labels else {code: set(rows["label"]) for code, rows in frame.groupby("language", sort=False)}
    for first, names in used.items():
        for second, others in used.items():
            if names - others and others - names:
                raise DataError(
                    f"{source}: the languages name their labels differently: {first} has {sorted(names - others)} "
                    f"where {second} has {sorted(others - names)}. Map them to the same names with label_map (--label-map)."
                )
    problem = f"is not one of {', '.join(label_names)}. Correct it, or map it with label_map (--label-map)"
    _refuse(~frame["label"].isin(list(label_names)), frame, source, "label", problem)


def _blank(texts: pd.Series) -> pd.Series:
    return texts.isna() | (texts.astype(str).str.strip() == "")


def _refuse(wrong: pd.Series, frame: pd.DataFrame, source: str, column: str, problem: str) -> None:
    if wrong.any():
        _complain(frame[wrong], source, f"column {column!r}: {frame.loc[wrong, column].iloc[0]!r} {problem}.")


def _complain(rows: pd.DataFrame, source: str, problem: str) -> NoReturn:
    first = rows.iloc[0]
    if set(PLACE) <= set(rows.columns):
        place = f"{first['source_file']}, line {first['source_line']}"
    else:
        place = f"{source}, row with id {first['id']!r} ({first['language']}, {first['split']})"
    more = f" {len(rows) - 1} more rows have the same problem." if len(rows) > 1 else ""
    raise DataError(f"{place}: {problem}{more}")
