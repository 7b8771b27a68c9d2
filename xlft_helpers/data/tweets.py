"""The bundled corpus: short messages in ten languages, written for the course (see corpora/tweets/DATA_CARD.md)."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from datasets import DatasetDict

from xlft_helpers.errors import DataError

from .schema import build_dataset
from .tables import read_table

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "ru", "ar", "zh", "hi")
LABELS = ("negative", "neutral", "positive")
_FOLDER = Path(__file__).parent / "corpora" / "tweets"


def load_tweets(languages: Sequence[str] | None = None) -> DatasetDict:
    """Load the corpus: the columns of the schema and ``topic``. Test ids are the same in all languages.

    Args:
        languages: some of ``LANGUAGES``; default: all that are installed.

    Raises:
        DataError: the corpus does not have a language.
    """
    installed = [code for code in LANGUAGES if (_FOLDER / f"{code}.tsv").is_file()]
    absent = [code for code in languages or () if code not in installed]
    if absent or not installed:
        raise DataError(
            f"The corpus 'tweets' has no language {', '.join(map(repr, absent)) or 'at all'}; in {_FOLDER} there are: "
            f"{', '.join(installed) or 'none'}. Choose among them, or install the package again."
        )
    frames = [read_table(_FOLDER / f"{code}.tsv", language=code) for code in languages or installed]
    return build_dataset(pd.concat(frames, ignore_index=True), LABELS, "tweets")
