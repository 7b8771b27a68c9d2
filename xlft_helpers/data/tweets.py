"""The bundled corpus: short messages in ten languages, written for the course (see corpora/tweets/DATA_CARD.md)."""

import csv
import io
from collections.abc import Sequence
from importlib.resources import files

import pandas as pd
from datasets import DatasetDict

from xlft_helpers.errors import DataError

from .schema import build_dataset

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "ru", "ar", "zh", "hi")
LABELS = ("negative", "neutral", "positive")


def load_tweets(languages: Sequence[str] | None = None) -> DatasetDict:
    """Load the corpus; columns of the schema and ``topic``. Test ids are the same in all languages.

    Args:
        languages: some of ``LANGUAGES``; default all.

    Raises:
        DataError: a language that the corpus does not have.
    """
    frames = []
    for code in languages or LANGUAGES:
        path = files("xlft_helpers.data").joinpath("corpora", "tweets", f"{code}.tsv")
        if not path.is_file():
            raise DataError(f"The bundled corpus has no language {code!r}; it has {', '.join(LANGUAGES)}.")
        text = io.StringIO(path.read_text(encoding="utf-8"), newline="\n")
        frame = pd.read_csv(text, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
        frames.append(frame.assign(language=code))
    return build_dataset(pd.concat(frames, ignore_index=True), LABELS, "tweets")
