"""Accuracy and macro-averaged precision, recall and F1 from the confusion matrix."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlft_helpers.errors import DataError

from .validation import labels_and_predictions


@dataclass(frozen=True)
class Scores:
    """The scores of one set of predictions, each from 0 to 1.

    Attributes:
        accuracy: share of correct predictions.
        macro_precision: mean over the classes of "correct among those predicted as the class".
        macro_recall: mean over the classes of "found among those of the class".
        macro_f1: mean over the classes of F1, not the F1 of the two means above.
        n: number of predictions.
    """

    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    n: int


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, num_labels: int) -> NDArray[np.int64]:
    """Count how often each label met each prediction.

    Args:
        labels: (n,) true class indices.
        predictions: (n,) predicted class indices, in the same order.
        num_labels: number of classes C, also of those that do not occur.

    Returns:
        (C, C): rows are true labels, columns predictions.

    Raises:
        DataError: the input is empty, of different lengths, or holds something else than indices from 0 to C - 1.
    """
    true, predicted = labels_and_predictions(labels, predictions, num_labels)
    if len(predicted) != 1:
        raise DataError(f"predictions of {len(predicted)} runs were given; a confusion matrix takes one run, (n,).")
    cells = true * num_labels + predicted[0]
    return np.bincount(cells, minlength=num_labels**2).reshape(num_labels, num_labels)


def macro_f1_from_confusion(confusion: ArrayLike) -> NDArray[np.float64]:
    """Macro-F1 of any number of confusion matrices at once.

    F1 of class c is 2 TP / (2 TP + FP + FN), and the denominator is the row sum plus the column sum of c. A class that
    occurs neither in the labels nor in the predictions has F1 = 0 and stays in the mean, as in scikit-learn's
    ``f1_score(..., labels=range(C), average="macro", zero_division=0)``.

    Args:
        confusion: (..., C, C) counts or shares; rows are true labels, columns predictions.

    Returns:
        (...,) values from 0 to 1; a 0-d array for a single matrix.
    """
    matrix = np.asarray(confusion)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    return _ratio(2 * hits, matrix.sum(axis=-1) + matrix.sum(axis=-2)).mean(axis=-1)


def score(labels: ArrayLike, predictions: ArrayLike, num_labels: int) -> Scores:
    """Score one run's predictions. A class without predictions has precision 0, one without labels recall 0.

    Args and errors are those of :func:`confusion_matrix`.
    """
    confusion = confusion_matrix(labels, predictions, num_labels)
    hits, n = confusion.diagonal(), int(confusion.sum())
    return Scores(
        accuracy=float(hits.sum() / n),
        macro_precision=float(_ratio(hits, confusion.sum(axis=0)).mean()),
        macro_recall=float(_ratio(hits, confusion.sum(axis=1)).mean()),
        macro_f1=float(macro_f1_from_confusion(confusion)),
        n=n,
    )


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """Element-wise quotient that is 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)
