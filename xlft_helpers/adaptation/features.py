"""Frozen features: every text is embedded once, and what is trained afterwards is a head that takes milliseconds.

Experiments that need many runs (which messages to label, pseudo-labels in rounds) are affordable only so. What they
find is about heads on a frozen encoder; fine-tuning the encoder moves the scores, and may move the conclusion.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers.errors import DataError, TrainingError
from xlft_helpers.inference import embed


@dataclass(frozen=True, eq=False)
class Features:
    """Embedded rows.

    Attributes:
        embeddings: (n, H).
        labels: (n,) class indices.
        languages: (n,) ISO 639-1 codes.
    """

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]
    languages: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, *codes: str) -> "Features":
        """The rows in the given languages.

        Raises:
            DataError: there is none.
        """
        rows = np.flatnonzero(np.isin(self.languages, codes))
        if len(rows) == 0:
            raise DataError(f"There are no rows in {', '.join(codes)}; found {', '.join(np.unique(self.languages))}.")
        return self.take(rows)

    def take(self, rows: NDArray[np.int64]) -> "Features":
        """The rows of the given numbers."""
        return Features(self.embeddings[rows], self.labels[rows], self.languages[rows])

    def joined(self, other: "Features") -> "Features":
        """These rows and then the other ones."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("embeddings", "labels", "languages"))
        return Features(*(np.concatenate(pair) for pair in pairs))


def frozen_features(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Dataset, *, max_length: int = 128
) -> Features:
    """Embed rows with ``text``, ``label`` and ``language``; the model is not changed.

    Args:
        model: an encoder, ``load_model(NAME, "embedding")``.
        tokenizer: its tokenizer.
        rows: in the course's schema.
        max_length: longest input in pieces.
    """
    embeddings = embed(model, tokenizer, rows, max_length=max_length).cpu().numpy()
    return Features(embeddings, np.asarray(rows["label"]), np.asarray(rows["language"]))


def answers(
    head: LogisticRegression, features: Features, shifts: Mapping[str, NDArray[np.float32]] | None = None
) -> dict[str, NDArray[np.int64]]:
    """The head's class of every row, by language.

    Args:
        head: of :func:`fit_head`.
        features: the rows to classify.
        shifts: language to (H,), taken off its embeddings first (mean-centring). Default: nothing.

    Returns:
        Language to (n_k,) class indices, in the order of its rows.
    """
    found = {}
    for language in dict.fromkeys(features.languages.tolist()):
        embeddings = features.of(language).embeddings
        found[language] = head.predict(embeddings - shifts[language] if shifts else embeddings)
    return found


def fit_head(features: Features, strength: float = 1.0) -> LogisticRegression:
    """A logistic regression on frozen features; it has no randomness.

    Args:
        features: the labelled rows.
        strength: scikit-learn's ``C``. 1 (default) did as well as 3 and better than 10 to 100 on the dev messages of
            ``tweets``; the 35 intents of the commands want 10.

    Raises:
        TrainingError: all rows have the same label.
    """
    if len(np.unique(features.labels)) < 2:
        raise TrainingError(f"All {len(features)} rows have the same label: a head needs two classes to tell apart.")
    # The products are small: on two cores, sharing each between two threads takes four to seven times as long.
    with threadpool_limits(1, user_api="blas"):
        return LogisticRegression(C=strength, max_iter=1000).fit(features.embeddings, features.labels)
