"""UMSAB, the Unified Multilingual Sentiment Analysis Benchmark: real tweets in eight languages.

Barbieri, Espinosa Anke & Camacho-Collados 2022, "XLM-T: Multilingual Language Models in Twitter for Sentiment Analysis
and Beyond". Per language 1,839 train, 324 dev and 870 test tweets, each label a third of them.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from datasets import DatasetDict
from tqdm import tqdm

from xlft_helpers import settings
from xlft_helpers.errors import DataError

from .download import fetch
from .schema import PLACE, build_dataset
from .tables import SPLIT_NAMES, read_lines

LABELS = ("negative", "neutral", "positive")
FOLDERS = {
    "ar": "arabic",
    "en": "english",
    "fr": "french",
    "de": "german",
    "hi": "hindi",
    "it": "italian",
    "pt": "portuguese",
    "es": "spanish",
}
COMMIT = "874214d64d96599eb869a033c22ec2cc57d19256"
URL = f"https://raw.githubusercontent.com/cardiffnlp/xlm-t/{COMMIT}/data/sentiment"
SHA256 = json.loads(Path(__file__).with_name("umsab_sha256.json").read_text(encoding="utf-8"))
"""The hash of every file as it is in ``COMMIT``, by ``language/file``."""


def load_umsab(data_dir: Path | str | None = None, languages: Sequence[str] | None = None) -> DatasetDict:
    """Load UMSAB as it was published; the texts are not cleaned.

    Args:
        data_dir: a folder with files such as ``french/train_text.txt`` and ``french/train_labels.txt``; languages and
            splits may be missing, and nothing is downloaded. Default: the cache folder, filled by a verified download.
        languages: some of ``FOLDERS``; default: all of them, or all that ``data_dir`` has.

    Returns:
        The splits train, dev (``val`` in the files) and test. Ids are language, split and line: ``fr-test-1``.

    Raises:
        DataError: a language is not there, a label is not 0, 1 or 2, or texts and labels differ in number.
        DownloadError: without ``data_dir``, the files are not in the cache and cannot be downloaded.
    """
    unknown = [code for code in languages or () if code not in FOLDERS]
    if unknown:
        raise DataError(f"UMSAB has no language {unknown[0]!r}; it has {', '.join(FOLDERS)}. Choose among them.")
    chosen = list(languages or FOLDERS)
    folder = Path(data_dir) if data_dir is not None else _download(chosen)
    frames = [
        frame
        for code in chosen
        for split in ("train", "val", "test")
        if (frame := _read_split(folder / FOLDERS[code], split, code)) is not None
    ]
    found = {frame["language"].iloc[0] for frame in frames}
    absent = [code for code in languages or () if code not in found]
    if absent or not frames:
        missing = FOLDERS[absent[0]] if absent else "french"
        raise DataError(
            f"{folder}: no files {Path(missing) / 'train_text.txt'}, {Path(missing) / 'train_labels.txt'} (or val, "
            f"test). Languages found: {', '.join(sorted(found)) or 'none'}. Point data_dir at the folder that holds "
            "the languages' folders."
        )
    return build_dataset(pd.concat(frames, ignore_index=True), LABELS, "umsab")


def _read_split(folder: Path, split: str, language: str) -> pd.DataFrame | None:
    texts_path, labels_path = folder / f"{split}_text.txt", folder / f"{split}_labels.txt"
    if not texts_path.exists() and not labels_path.exists():
        return None
    texts, labels = read_lines(texts_path), read_lines(labels_path)
    if len(texts) != len(labels):
        raise DataError(
            f"{texts_path} has {len(texts)} lines, but {labels_path.name} beside it has {len(labels)}. They must pair "
            "line by line: get both files again."
        )
    if not texts:
        raise DataError(f"{texts_path} is empty. Get the file again, or remove it and {labels_path.name}.")
    for number, label in enumerate(labels, start=1):
        if label not in ("0", "1", "2"):
            raise DataError(f"{labels_path}, line {number}: the label {label!r} is not 0, 1 or 2. Get the file again.")
    name = SPLIT_NAMES[split]
    numbers = range(1, len(texts) + 1)
    return pd.DataFrame(
        {
            "text": texts,
            "label": [LABELS[int(label)] for label in labels],
            "language": language,
            "split": name,
            "id": [f"{language}-{name}-{number}" for number in numbers],
            PLACE[0]: str(texts_path),
            PLACE[1]: numbers,
        }
    )


def _download(languages: Sequence[str]) -> Path:
    """Fetch what is not in the cache yet; return the folder."""
    folder = settings.cache_dir() / "umsab" / COMMIT[:12]
    names = [name for name in SHA256 if name.split("/")[0] in {FOLDERS[code] for code in languages}]
    for name in tqdm(names, desc="UMSAB", unit="file", leave=False):
        fetch(f"{URL}/{name}", SHA256[name], folder / name)
    return folder
