"""The one schema of all data sets, and the checks that every source goes through."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict

from xlft_helpers.errors import DataError

from .languages import check_language

COLUMNS = ("text", "label", "language", "split", "id")
SPLITS = ("train", "dev", "test")


def build_dataset(frame: pd.DataFrame, label_names: Sequence[str], source: str) -> DatasetDict:
    """Check rows and turn them into splits.

    Args:
        frame: the columns of ``COLUMNS``, with label *names* in ``label``; further columns are kept.
        label_names: the classes in the order of their indices.
        source: where the rows are from, for messages.

    Returns:
        Splits with ``label`` as a ``ClassLabel``; a split without rows is absent.

    Raises:
        DataError: a column is missing, or rows hold empty text, an unknown label, language or split, or an id twice.
    """
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise DataError(f"{source}: the columns {missing} are missing; found {list(frame.columns)}.")
    if frame.empty:
        raise DataError(f"{source}: there are no rows.")
    for code in frame["language"].unique():
        check_language(str(code))
    _refuse(frame["text"].astype(str).str.strip() == "", frame, source, "text", "is empty; drop the row or fill it")
    _refuse(~frame["split"].isin(SPLITS), frame, source, "split", f"is unknown; expected one of {list(SPLITS)}")
    _refuse(
        ~frame["label"].isin(list(label_names)), frame, source, "label",
        f"is unknown; expected one of {list(label_names)}. Map other names with label_map",
    )  # fmt: skip
    _refuse(
        frame.duplicated(["language", "split", "id"]), frame, source, "id",
        "occurs twice in its language and split; ids must be unique there",
    )  # fmt: skip
    _same_labels_everywhere(frame, source)
    splits = {}
    for split in SPLITS:
        rows = frame[frame["split"] == split]
        if len(rows):
            dataset = Dataset.from_pandas(rows, preserve_index=False)
            splits[split] = dataset.cast_column("label", ClassLabel(names=list(label_names)))
    return DatasetDict(splits)


def languages_of(data: Dataset | DatasetDict) -> list[str]:
    """The languages of a data set or of all its splits, in the order in which they first occur."""
    parts = data.values() if isinstance(data, DatasetDict) else [data]
    return list(dict.fromkeys(code for part in parts for code in part["language"]))


def select_language(dataset: Dataset, *codes: str) -> Dataset:
    """The rows in the given languages, in their order."""
    return dataset.select(np.flatnonzero(np.isin(dataset["language"], codes)))


def label_names(data: Dataset | DatasetDict) -> list[str]:
    """The names of the classes in the order of their indices."""
    part = next(iter(data.values())) if isinstance(data, DatasetDict) else data
    return list(part.features["label"].names)


def require_rows(data: DatasetDict, split: str, languages: Sequence[str]) -> None:
    """Make sure that a split can be used for every one of the languages.

    Raises:
        DataError: the split is missing, a language has no rows in it, or a class has none in a language.
    """
    if split not in data:
        raise DataError(f"There is no {split!r} split; found {list(data)}. Name the rows' split in a column 'split'.")
    names = label_names(data)
    for code in languages:
        rows = select_language(data[split], check_language(code))
        if len(rows) == 0:
            raise DataError(
                f"Language {code!r} has no rows in {split!r}; languages there: {languages_of(data[split])}. "
                "Leave the language out, or add rows."
            )
        absent = [names[index] for index in range(len(names)) if index not in set(rows["label"])]
        if absent:
            raise DataError(f"Language {code!r} has no row labelled {absent} in {split!r}. Every class needs one.")


def _refuse(wrong: pd.Series, frame: pd.DataFrame, source: str, column: str, problem: str) -> None:
    if wrong.any():
        row = frame[wrong].iloc[0]
        place = f"line {row['line']}" if "line" in frame else f"id {row['id']!r}"
        count = int(wrong.sum())
        more = f" ({count - 1} more like it)" if count > 1 else ""
        raise DataError(f"{source}, {place}: {column} {row[column]!r} {problem}{more}.")


def _same_labels_everywhere(frame: pd.DataFrame, source: str) -> None:
    train = frame[frame["split"] == "train"]
    used = train.groupby("language")["label"].agg(lambda labels: tuple(sorted(set(labels))))
    if used.nunique() > 1:
        listed = "; ".join(f"{code}: {', '.join(labels)}" for code, labels in used.items())
        raise DataError(f"{source}: the languages' training rows do not use the same labels ({listed}). Map them with label_map.")
