"""Checks of the arrays that the evaluation functions are given."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlft_helpers.errors import DataError

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from summing to one: room for half precision, not for logits."""


def class_indices(values: ArrayLike, num_labels: int, name: str) -> NDArray[np.int64]:
    """``values`` as an array of class indices from 0 to ``num_labels`` - 1; ``name`` is what an error calls them.

    Raises:
        DataError: they are empty, not integers, or outside the range.
    """
    array = np.asarray(values)
    if array.size == 0:
        raise DataError(f"{name} are empty: there is nothing to evaluate.")
    if not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"{name} are of type {array.dtype}; expected integer class indices "
            "(for probabilities or logits, take argmax over the classes first)."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= num_labels:
        raise DataError(
            f"{name} run from {low} to {high}; with {num_labels} labels they go from 0 to {num_labels - 1}."
        )
    return array.astype(np.int64)


def labels_and_predictions(
    labels: ArrayLike, predictions: ArrayLike, num_labels: int, what: str = ""
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels (n,) and predictions (S, n) of S runs; predictions (n,) count as one run.

    ``what`` opens the error messages, e.g. ``"fr: "``.

    Raises:
        DataError: either is refused by :func:`class_indices`, or the shapes do not belong together.
    """
    true = class_indices(labels, num_labels, f"{what}labels")
    predicted = class_indices(predictions, num_labels, f"{what}predictions")
    if true.ndim != 1 or predicted.ndim not in (1, 2) or predicted.shape[-1] != len(true):
        raise DataError(
            f"{what}labels have shape {true.shape} and predictions {predicted.shape}; "
            "expected (n,) and (n,), or (seeds, n) for several runs, with the same n in the same order."
        )
    return true, np.atleast_2d(predicted)


def probability_rows(probabilities: ArrayLike) -> NDArray[np.float64]:
    """``probabilities`` as an array (n, C) of float64 whose rows are probability distributions.

    Raises:
        DataError: it is empty or not two-dimensional, holds a value outside [0, 1], or a row that does not sum to one.
    """
    array = np.asarray(probabilities, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise DataError(f"probabilities have shape {array.shape}; expected (n, C) with at least one row.")
    outside = ~((array >= 0) & (array <= 1 + SUM_TOLERANCE)).all(axis=1)
    if outside.any():
        row = int(outside.argmax())
        raise DataError(
            f"Row {row} of the probabilities holds a value outside [0, 1]: {array[row]}. "
            "If these are logits, take their softmax first."
        )
    sums = array.sum(axis=1)
    wrong = np.abs(sums - 1) > SUM_TOLERANCE
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"Row {row} of the probabilities sums to {sums[row]:.4f}; every row must sum to 1.")
    return array
