"""Does a model that says "90% sure" get it right 9 times in 10?

Source: C. Guo, G. Pleiss, Y. Sun and K. Weinberger (2017), On Calibration of Modern Neural Networks, ICML: equation 3
(expected calibration error) and section 4.2 (temperature scaling).
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from xlft_helpers.errors import DataError

from .validation import class_indices, probability_rows

TEMPERATURE_RANGE = (0.01, 100.0)
"""Where a temperature is looked for."""


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """The reliability table: confidence against accuracy, in bins of equal width.

    The confidence of a prediction is its largest probability, and bin m holds the confidences in ((m-1)/M, m/M].

    Args:
        probabilities: (n, C), rows that sum to one.
        labels: (n,) true class indices.
        bins: number of bins M.

    Returns:
        One row a bin, indexed from 1, with ``low`` and ``high`` (its edges), ``confidence`` and ``accuracy`` (means in
        the bin, NaN where it is empty) and ``count``.

    Raises:
        DataError: empty input, different lengths, labels outside 0 to C - 1, or rows that are not probabilities.
        ValueError: ``bins`` is less than 1.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}; it must be at least 1.")
    rows = probability_rows(probabilities)
    true = _labels_of(rows, labels)
    confidence, correct = rows.max(axis=1), rows.argmax(axis=1) == true
    edges = np.arange(bins + 1) / bins
    # Rounding can carry a confidence just over 1, which still belongs to the last bin.
    index = np.minimum(np.searchsorted(edges, confidence, side="left") - 1, bins - 1)
    count = np.bincount(index, minlength=bins)
    sums = pd.DataFrame(
        {
            "confidence": np.bincount(index, weights=confidence, minlength=bins),
            "accuracy": np.bincount(index, weights=correct, minlength=bins),
        },
        index=pd.RangeIndex(1, bins + 1, name="bin"),
    )
    means = sums.div(count, axis=0)  # 0/0 is NaN: an empty bin has no mean
    means.insert(0, "low", edges[:-1])
    means.insert(1, "high", edges[1:])
    return means.assign(count=count)


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> float:
    """Mean distance between confidence and accuracy over the bins, each weighted by its share of the predictions.

    With few predictions it is above 0 even for a perfectly calibrated model, because each bin's accuracy is noisy:
    compare models on the same n and the same bins.

    Args, errors: those of :func:`reliability`.

    Returns:
        From 0 (calibrated, as far as these bins can tell) to 1.
    """
    table = reliability(probabilities, labels, bins)
    gaps = (table["accuracy"] - table["confidence"]).abs()
    return float((table["count"] * gaps).sum() / table["count"].sum())  # pandas leaves the NaN of empty bins out


def fit_temperature(probabilities_or_logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature T that makes softmax(logits / T) most likely on held-out data.

    T > 1 means that the model was over-confident. It changes no prediction, only the confidences. Fit it on a dev set
    and never on the test set. Probabilities serve as well as logits, because their logarithms are logits up to a
    constant in each row; the calibrated ones are ``scipy.special.softmax(np.log(probabilities) / T, axis=1)``.

    Args:
        probabilities_or_logits: (n, C). An array whose values all lie in [0, 1] is taken for probabilities.
        labels: (n,) true class indices.

    Returns:
        T, within 0.01 and 100. If all predictions are right the likelihood only grows as T falls, and T is small but
        has no further meaning; it is 100 if the scores tell nothing about the labels.

    Raises:
        DataError: empty input, different lengths, labels outside 0 to C - 1, values that are not finite, or values in
            [0, 1] whose rows do not sum to one.
    """
    scores = np.asarray(probabilities_or_logits, dtype=np.float64)
    if scores.ndim != 2 or scores.size == 0 or not np.isfinite(scores).all():
        raise DataError(f"The scores have shape {scores.shape}; expected (n, C), not empty, all values finite.")
    true = _labels_of(scores, labels)
    if ((scores >= 0) & (scores <= 1)).all():
        # A probability that was rounded to 0 has no logarithm; the smallest float32 stands for it.
        scores = np.log(np.maximum(probability_rows(scores), np.finfo(np.float32).tiny))

    def negative_log_likelihood(log_temperature: float) -> float:
        log_probabilities = log_softmax(scores / np.exp(log_temperature), axis=1)
        return float(-np.take_along_axis(log_probabilities, true[:, None], axis=1).mean())

    # The likelihood is concave in 1/T, so it has a single peak in log T and a bounded line search finds it.
    best = minimize_scalar(
        negative_log_likelihood, bounds=np.log(TEMPERATURE_RANGE), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(best.x))


def _labels_of(rows: NDArray[np.float64], labels: ArrayLike) -> NDArray[np.int64]:
    true = class_indices(labels, rows.shape[1], "labels")
    if true.shape != (len(rows),):
        raise DataError(f"There are {len(rows)} rows of scores, but the labels have shape {true.shape}; expected (n,).")
    return true
