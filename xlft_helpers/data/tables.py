"""Tables of labelled texts: TSV, CSV and JSONL files, and folders with a folder per language.

Texts from social media hold characters that common readers trip over: a lone quote makes ``pandas.read_csv`` swallow
the lines up to the next quote, and ``str.splitlines`` breaks a line at U+2028 or U+0085. Here only a line feed ends a
line, and quotes mean nothing in a TSV.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from xlft_helpers.errors import DataError

from .languages import check_language
from .schema import PLACE

FORMATS = (".tsv", ".csv", ".jsonl")
SPLIT_NAMES = {"train": "train", "dev": "dev", "val": "dev", "valid": "dev", "validation": "dev", "test": "test"}
"""The names that splits go by, and the schema's name for each."""

_Row = tuple[int, dict[str, str]]


def read_lines(path: Path | str) -> list[str]:
    """The lines of a UTF-8 file, exactly: only ``\\n`` and ``\\r\\n`` end a line, and the last one may lack its end.

    Raises:
        DataError: the file does not exist, cannot be read, or is not UTF-8.
    """
    lines = _read_text(Path(path)).split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def read_table(
    path: Path | str,
    *,
    text_column: str = "text",
    label_column: str = "label",
    language_column: str = "language",
    split_column: str = "split",
    id_column: str = "id",
    label_map: Mapping[str, str] | None = None,
    language: str | None = None,
    split: str | None = None,
) -> pd.DataFrame:
    """Read one file of labelled texts.

    A TSV (no quoting) or CSV (RFC 4180) has a header with the columns' names; a TSV of two columns without header is
    read as ``label<TAB>text``. A JSONL file has an object a line. Blank lines are skipped.

    Args:
        path: ends in .tsv, .csv or .jsonl.
        text_column, label_column, language_column, split_column, id_column: what the file calls its columns.
        label_map: the file's label names to the names to use; default: the names stay.
        language: the language of all rows; default: the language column says it.
        split: the split of all rows; default: the split column says it.

    Returns:
        One row a text, all values strings, in the columns ``schema.COLUMNS`` and ``schema.PLACE`` and whatever else the
        file has. Without an id column, ids are made of language, split and line number.

    Raises:
        DataError: the file cannot be read, or a line does not fit; the message names file, line and column.
    """
    path = Path(path)
    rows = list(_read_rows(path, text_column, label_column))
    if not rows:
        raise DataError(f"{path}: there are no rows. Check that the right file was given and that it is complete.")
    frame = pd.DataFrame([cells for _, cells in rows], dtype=str)
    lines = pd.Series([line for line, _ in rows])
    names = {text_column: "text", label_column: "label", language_column: "language", split_column: "split"}
    frame = frame.rename(columns={**names, id_column: "id"})
    twice = sorted(frame.columns[frame.columns.duplicated()])
    if twice:
        raise DataError(f"{path}: two columns would be called {twice}. Remove or rename one of each.")
    for column in {"label", "language", "split", "id"} & set(frame.columns):
        frame[column] = frame[column].str.strip()
    _settle(frame, lines, path, "language", check_language(language) if language else None)
    if "split" in frame:
        frame["split"] = frame["split"].map(lambda name: SPLIT_NAMES.get(name, name))
    _settle(frame, lines, path, "split", SPLIT_NAMES.get(split, split) if split else None)
    if label_map is not None:
        frame["label"] = _map_labels(frame["label"], label_map, path, lines)
    if "id" not in frame:
        frame["id"] = frame["language"] + "-" + frame["split"] + "-" + lines.astype(str)
    return frame.assign(**{PLACE[0]: str(path), PLACE[1]: lines})


def read_folder(
    folder: Path | str,
    *,
    text_column: str = "text",
    label_column: str = "label",
    id_column: str = "id",
    label_map: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read a folder that has a folder per language with a file per split, such as ``fr/train.tsv``.

    Args:
        folder: holds folders named by ISO 639-1 codes; in them, files named by split (``SPLIT_NAMES``).
        text_column, label_column, id_column, label_map: see :func:`read_table`.

    Raises:
        DataError: a folder or a file has another name, two files hold the same split, or see :func:`read_table`.
    """
    folder = Path(folder)
    frames = []
    for language_folder in sorted(_visible(folder)):
        if not language_folder.is_dir():
            continue
        try:
            language = check_language(language_folder.name)
        except DataError as error:
            raise DataError(f"{language_folder}: {error} Folders are named by the language of their rows.") from error
        found: dict[str, Path] = {}
        for path in sorted(_visible(language_folder)):
            if path.suffix not in FORMATS:
                continue
            split = SPLIT_NAMES.get(path.stem)
            if split is None:
                raise DataError(f"{path}: the name of the file must be its split, one of {', '.join(SPLIT_NAMES)}.")
            if split in found:
                raise DataError(f"{path} and {found[split].name} both hold the split {split!r}. Merge or remove one.")
            found[split] = path
            columns = {"text_column": text_column, "label_column": label_column, "id_column": id_column}
            frames.append(read_table(path, **columns, label_map=label_map, language=language, split=split))
    if not frames:
        raise DataError(
            f"{folder}: there are no data files. Expected a folder per language with train, dev and test files in it, "
            f"such as {folder / 'fr' / 'train.tsv'} ({', '.join(FORMATS)})."
        )
    return pd.concat(frames, ignore_index=True)


def _visible(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}). Check the path and its permissions.") from error


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Check the path and its permissions.") from error
    try:
        return content.decode("utf-8-sig")  # spreadsheet programs put a byte-order mark first
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: the byte 0x{content[error.start]:02x} is not UTF-8. Save the file as UTF-8, for "
            f"example with: iconv -f WINDOWS-1252 -t UTF-8 {path.name} (put its real encoding there)."
        ) from error


def _read_rows(path: Path, text_column: str, label_column: str) -> Iterator[_Row]:
    """Line number and cells by column, for each row of a file."""
    if path.suffix == ".jsonl":
        return _json_rows(path, (text_column, label_column))
    if path.suffix == ".csv":
        return _named_cells(path, _csv_cells(path), text_column, label_column)
    if path.suffix == ".tsv":
        cells = ((number, line.split("\t")) for number, line in enumerate(read_lines(path), start=1) if line)
        return _named_cells(path, list(cells), text_column, label_column)
    raise DataError(f"{path}: files of the kind {path.suffix or '(none)'!r} are not read. Use {', '.join(FORMATS)}.")


def _named_cells(path: Path, rows: list[tuple[int, list[str]]], text: str, label: str) -> Iterator[_Row]:
    if not rows:
        return
    header = [name.strip() for name in rows[0][1]]
    if {text, label} <= set(header):
        rows = rows[1:]
    elif path.suffix == ".tsv" and len(header) == 2:
        _refuse_unknown_header(path, [cells[0] for _, cells in rows])
        header = [label, text]
    else:
        raise DataError(
            f"{path}, line {rows[0][0]}: the columns {text!r} and {label!r} are not both there; found {header}. "
            "Rename them in the header; read_table() also takes other names, as text_column and label_column."
        )
    if len(set(header)) < len(header):
        raise DataError(f"{path}: two columns have the same name: {header}. Rename one of them.")
    for number, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{path}, line {number}: {len(cells)} columns, but {len(header)} were expected "
                f"({', '.join(header)}). A separator or a line break inside a text is the usual cause: replace it by a "
                "space (TSV), or put the text into quotes (CSV)."
            )
        yield number, dict(zip(header, cells, strict=True))


def _refuse_unknown_header(path: Path, labels: list[str]) -> None:
    """A first label that no other row has, where all others recur, is a header that names its columns differently."""
    counts = pd.Series(labels).value_counts()
    if len(labels) > 2 and counts[labels[0]] == 1 and counts.drop(labels[0]).min() > 1:
        raise DataError(
            f"{path}, line 1: no other row has the label {labels[0]!r}, so this looks like a header. Call the columns "
            "'label' and 'text', say what they are called with label_column and text_column, or remove the line."
        )


def _csv_cells(path: Path) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(_read_text(path), newline="\n"), strict=True)
    rows, start = [], 1
    try:
        for cells in reader:
            if cells:
                rows.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {start}: the row that starts here is not valid CSV ({error}). Put texts that hold quotes, "
            "commas or line breaks into quotes, and write a quote inside them twice."
        ) from error
    return rows


def _json_rows(path: Path, required: tuple[str, ...]) -> Iterator[_Row]:
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {number}, column {error.colno}: not valid JSON ({error.msg}).") from error
        if not isinstance(record, dict):
            raise DataError(f'{path}, line {number}: expected an object such as {{"text": …}}, found {line[:40]!r}.')
        absent = [column for column in required if column not in record]
        if absent:
            raise DataError(f"{path}, line {number}: the key {absent[0]!r} is missing; found {list(record)}. Add it.")
        cells = {key: "" if value is None else str(value) for key, value in record.items()}
        for key, value in cells.items():
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise DataError(
                    f"{path}, line {number}, key {key!r}: half of a surrogate pair. Write the character out."
                )
        yield number, cells


def _settle(frame: pd.DataFrame, lines: pd.Series, path: Path, column: str, value: str | None) -> None:
    """Fill a column with a value that is known from outside, and make sure that the file does not contradict it."""
    if column not in frame:
        if value is None:
            raise DataError(
                f"{path}: there is no column {column!r}, and nothing else says the {column} of the rows. Add the "
                f"column, pass {column}=… to read_table, or use a folder per language (fr/train.tsv)."
            )
        frame[column] = value
    elif value is not None and (other := frame[column] != value).any():
        raise DataError(
            f"{path}, line {lines[other].iloc[0]}: column {column!r} says {frame.loc[other, column].iloc[0]!r}, but "
            f"the file was read as {value!r}. Correct the column or the place of the file."
        )


def _map_labels(labels: pd.Series, label_map: Mapping[str, str], path: Path, lines: pd.Series) -> pd.Series:
    known = {**{name: name for name in label_map.values()}, **label_map}
    unknown = ~labels.isin(list(known))
    if unknown.any():
        raise DataError(
            f"{path}, line {lines[unknown].iloc[0]}: the label {labels[unknown].iloc[0]!r} is not in the label map, "
            f"which has {', '.join(map(repr, label_map))}. Add it to the map or correct the row."
        )
    return labels.map(known)
