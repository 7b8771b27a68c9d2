"""A linear classifier on sentence embeddings."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

UNSEEN = 1e-3
"""The probability of a class that the probe never saw."""


class Probe:
    """Multinomial logistic regression on embeddings.

    Args:
        embeddings: (n, H).
        labels: (n,) class indices, of two classes at least.
        num_labels: number of classes C; some may be missing among ``labels``.
        strength: the inverse of the weight decay, as in scikit-learn.
    """

    def __init__(
        self, embeddings: NDArray[np.float64], labels: NDArray[np.int64], num_labels: int, strength: float
    ) -> None:
        self._num_labels = num_labels
        self._model = LogisticRegression(C=strength, max_iter=300).fit(embeddings, labels)

    def log_probabilities(self, embeddings: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, C) for (n, H)."""
        found = np.full((len(embeddings), self._num_labels), np.log(UNSEEN))
        found[:, self._model.classes_] = self._model.predict_log_proba(embeddings)
        return found
