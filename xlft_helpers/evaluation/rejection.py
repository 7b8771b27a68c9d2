"""When a classifier should rather not answer: telling in-scope from out-of-scope input, and risk against coverage.

Sources: T. Fawcett (2006), An introduction to ROC analysis, Pattern Recognition Letters 27, section 7 (AUROC as the
chance that a positive scores higher than a negative); R. El-Yaniv and Y. Wiener (2010), On the Foundations of Noise-free
Selective Classification, JMLR 11, section 2 (risk and coverage).
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from xlft_helpers.errors import DataError

from .uncertainty import Interval


def auroc(
    in_scope: ArrayLike, out_of_scope: ArrayLike, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval:
    """The chance that a text in scope gets a higher score than one out of scope, ties counting half.

    Args:
        in_scope: (n,) scores, e.g. confidences, of the texts that should be answered.
        out_of_scope: (m,) scores of the texts that should not.
        resamples: bootstrap resamples; each draws n and m texts with replacement.
        seed: seed of the resampling.
        level: coverage of the percentile interval, between 0 and 1.

    Returns:
        0.5 for scores that tell nothing, 1 for perfect separation. The interval speaks about this model on texts like
        these; it knows nothing of other seeds.

    Raises:
        DataError: one of the two is empty, or has a value that is not finite.
    """
    positives, negatives = _scores(in_scope, "in_scope"), _scores(out_of_scope, "out_of_scope")
    generator = np.random.default_rng(seed)
    draws = [
        _area(generator.choice(positives, len(positives)), generator.choice(negatives, len(negatives)))
        for _ in range(resamples)
    ]
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(_area(positives, negatives), float(low), float(high), level)


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> pd.DataFrame:
    """What is answered and how often that is wrong, for every threshold on the confidence.

    Args:
        confidence: (n,) confidences.
        correct: (n,) whether each answer is right. A text out of scope has no right answer.

    Returns:
        One row a different confidence, from high to low: ``threshold`` (answer from this confidence on), ``coverage``
        (share of texts answered) and ``risk`` (share of the answered ones that is wrong), each from 0 to 1.

    Raises:
        DataError: empty input, different lengths, or a confidence that is not finite.
    """
    values, right = _scores(confidence, "confidence"), np.asarray(correct, dtype=bool)
    if right.shape != values.shape:
        raise DataError(f"There are {len(values)} confidences, but correct has shape {right.shape}; expected (n,).")
    order = np.argsort(-values, kind="stable")
    sorted_values, answered = values[order], np.arange(1, len(values) + 1)
    last_of_its_value = np.append(sorted_values[1:] != sorted_values[:-1], True)
    frame = pd.DataFrame(
        {
            "threshold": sorted_values,
            "coverage": answered / len(values),
            "risk": np.cumsum(~right[order]) / answered,
        }
    )
    return frame[last_of_its_value].reset_index(drop=True)


def _area(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
    ranks = rankdata(np.concatenate([positives, negatives]))[: len(positives)]  # equal scores share their mean rank
    wins = ranks.sum() - len(positives) * (len(positives) + 1) / 2
    return float(wins / (len(positives) * len(negatives)))


def _scores(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0 or not np.isfinite(array).all():
        raise DataError(f"{name} has shape {array.shape}; expected (n,) finite numbers, at least one.")
    return array
