"""Checks of notebook 07."""

from collections.abc import Collection
from typing import Any

import numpy as np
from scipy.stats import binom

from xlft_helpers.evaluation import expected_calibration_error, macro_f1_from_confusion, reliability

from .report import Wrong, call, exercise

CLAIMS = {
    "A": (
        "A says that the two methods do *equally* well in French. The interval there runs from -2.0 to +11.8: a "
        "missing proof of a difference is no proof of its absence."
    ),
    "B": "",
    "C": (
        "C takes the interval for a range of scores. It speaks about where the mean difference may lie, not about "
        "where single runs or messages fall."
    ),
    "D": "",
    "E": (
        "E compares two differences with each other, but only each was tested against zero. One test below 0.05 "
        "and one above it do not show that the two differ: the intervals overlap widely."
    ),
}
"""Each claim of exercise 4 and what speaks against it; empty where the data support it."""


@exercise
def macro_f1(answer: Any) -> str:
    """Macro-F1 of a confusion matrix."""
    confusion = np.array([[42, 5, 3], [20, 22, 8], [4, 6, 40]])
    hits, rows, columns = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = (hits / columns).mean(), (hits / rows).mean()
    expected = float(macro_f1_from_confusion(confusion))
    got = _number(call(answer, confusion), "macro-F1, one number")
    if _near(got, 100 * expected):
        raise Wrong(f"You returned {got:.1f}: these are points. Return the share between 0 and 1.")
    if _near(got, hits.sum() / confusion.sum()):
        raise Wrong(
            "That is the accuracy, the diagonal over everything. Compute F1 for each class first, then their mean."
        )
    if _near(got, precision):
        raise Wrong("That is macro-precision: you divided by the column sums only. F1 = 2 TP / (row sum + column sum).")
    if _near(got, 2 * precision * recall / (precision + recall)):
        raise Wrong(
            "That is the F1 of the two means. Macro-F1 is the mean of the classes' F1: average last, not first."
        )
    if not _near(got, expected):
        raise Wrong(
            f"Expected {expected:.4f} for {confusion.tolist()}, got {got:.4f}. F1 of a class is 2 TP / (row sum + "
            "column sum); then take the mean over the classes."
        )
    _macro_f1_without_a_class(answer)
    return f"Right: {expected:.3f} here, and a class without rows and predictions counts as 0, as in scikit-learn."


def _macro_f1_without_a_class(answer: Any) -> None:
    absent = np.array([[40, 10, 0], [20, 30, 0], [0, 0, 0]])
    expected = float(macro_f1_from_confusion(absent))
    try:
        got = _number(call(answer, absent), "macro-F1, one number")
    except Wrong as wrong:
        raise Wrong(
            f"Right for the first matrix. For one with a class that neither occurs nor is predicted: {wrong}"
        ) from wrong
    if not np.isfinite(got):
        raise Wrong(
            "Right for the first matrix. A class that neither occurs nor is predicted gives 0/0: count its F1 as 0."
        )
    if _near(got, 1.5 * expected):
        raise Wrong(
            "Right for the first matrix. You leave out a class that neither occurs nor is predicted; the course, "
            "like scikit-learn with all labels named, counts its F1 as 0."
        )
    if not _near(got, expected):
        raise Wrong(
            f"Right for the first matrix. For {absent.tolist()} expected {expected:.4f}, got {got:.4f}: count the "
            "F1 of the last class as 0."
        )


@exercise
def accuracy_interval(answer: Any) -> str:
    """The 95 % percentile bootstrap interval of an accuracy; the binomial distribution says where its ends lie."""
    n, share = 1000, 0.7
    correct = np.random.default_rng(7).permutation(np.repeat([1, 0], [700, 300]))
    low, high = _pair(call(answer, correct, 5000))
    expected = binom.ppf([0.025, 0.975], n, share) / n
    deviation = (share * (1 - share) / n) ** 0.5
    if low > 1 or high > 1:
        raise Wrong(
            f"You returned ({low:.1f}, {high:.1f}). Return shares between 0 and 1: the mean of `correct` is {share}."
        )
    if abs(high - low) < 1e-9:
        raise Wrong(
            "Both ends are the same, so every resample is the data themselves in another order. Draw *with* "
            "replacement."
        )
    if low > high:
        raise Wrong(f"The lower end {low:.3f} is above the upper end {high:.3f}. Return (low, high).")
    width, wanted = high - low, float(expected[1] - expected[0])
    if np.allclose([low, high], expected, atol=0.0024):
        return (
            f"Right: resamples of {n} outcomes with a share of {share} spread as the binomial distribution says, "
            f"{expected[0]:.3f} to {expected[1]:.3f}."
        )
    if abs(width - 2 * deviation) < 0.004:
        raise Wrong(
            "Your interval is one standard deviation to each side, which holds about 68 %, not 95 %. Take the "
            "2.5 % and 97.5 % quantiles."
        )
    if abs(width - 2 * 1.645 * deviation) < 0.0045:
        raise Wrong(
            "That is a 90 % interval. For 95 %, 2.5 % of the resamples lie below the lower end and 2.5 % above "
            "the upper one."
        )
    if width > 1.4 * wanted and width < 0.2:
        raise Wrong(
            "Too wide. Did you take the smallest and the largest resample, or draw fewer than n outcomes? Draw "
            "n, and take quantiles."
        )
    if width > 0.5:
        raise Wrong(
            "Your interval covers single outcomes, which are 0 or 1. Take the *mean* of each resample, then the "
            "quantiles of these means."
        )
    raise Wrong(
        f"Expected about ({expected[0]:.3f}, {expected[1]:.3f}) for 700 right of 1,000, got ({low:.3f}, "
        f"{high:.3f}). Resample n outcomes with replacement, take the mean, repeat, take the quantiles 0.025 and "
        "0.975."
    )


@exercise
def calibration_error(answer: Any) -> str:
    """Expected calibration error, Guo et al. 2017, equation 3."""
    probabilities, labels = _uneven_predictions()
    expected = expected_calibration_error(probabilities, labels)
    table = reliability(probabilities, labels)
    table = table[table["count"] > 0]
    signed, share = table["confidence"] - table["accuracy"], table["count"] / table["count"].sum()
    got = _number(call(answer, probabilities, labels), "the expected calibration error, one number")
    if not np.isfinite(got):
        raise Wrong("The result is not a number: a bin without predictions has no mean. Skip empty bins.")
    if _near(got, expected):
        other = expected_calibration_error(probabilities, labels, bins=4)
        second = _number(call(answer, probabilities, labels, 4), "the expected calibration error, one number")
        if not _near(second, other):
            raise Wrong(
                f"Right for ten bins, but for four it should be {other:.4f} and you returned {second:.4f}. Does "
                "your function use `bins`?"
            )
        return f"Right: {expected:.3f} on the check's data, each bin weighted by its share of the predictions."
    if _near(got, 100 * expected):
        raise Wrong("These are points. Return the share between 0 and 1.")
    if _near(got, float(signed.abs().mean())):
        raise Wrong(
            "You average over the bins as if they were equally full. Weight each by its share of the "
            "predictions, |B_m| / n."
        )
    if _near(abs(got), abs(float((share * signed).sum()))):
        raise Wrong(
            "The absolute value is missing, or comes after the sum: over-confident and under-confident bins "
            "cancel. Take it in each bin."
        )
    if _near(got, float(signed.abs().max())):
        raise Wrong(
            "That is the *maximum* calibration error, the worst bin. The expected one is the weighted mean over "
            "the bins."
        )
    own = probabilities[np.arange(len(labels)), labels]
    if _near(got, _error(own, probabilities.argmax(axis=1) == labels)):
        raise Wrong(
            "You used the probability of the *true* label. Confidence is the probability of the label that the "
            "model chose, right or wrong."
        )
    raise Wrong(
        f"Expected {expected:.4f}, got {got:.4f}. Per bin: |accuracy - mean confidence|; then the mean over the "
        "bins, weighted by their counts."
    )


@exercise
def supported_claims(answer: Any) -> str:
    """Which of five claims a pair of tests supports."""
    if not isinstance(answer, Collection) or not all(isinstance(part, str) for part in answer):
        raise Wrong(f"Expected letters, such as {{'A', 'E'}}, got {answer!r}.")
    chosen = {letter.upper() for part in answer for letter in part if letter.isalpha()}
    unknown = sorted(chosen - set(CLAIMS))
    if unknown:
        raise Wrong(f"There is no claim {', '.join(unknown)}; the claims are A to E.")
    for letter in sorted(chosen):
        if CLAIMS[letter]:
            raise Wrong(CLAIMS[letter])
    if "B" not in chosen:
        raise Wrong(
            "One that the data support is missing. In Hindi the interval leaves out zero and the p-value is "
            "small, even doubled for two tests: what may be said of it?"
        )
    if "D" not in chosen:
        raise Wrong(
            "One that the data support is missing. An interval that holds zero is no empty result: which claim "
            "says what French leaves possible?"
        )
    return (
        "Right: B states a difference that was tested, and D reads the interval for what it leaves open. A, C "
        "and E each say more than was measured."
    )


def _uneven_predictions() -> tuple[np.ndarray, np.ndarray]:
    """240 predictions of three classes, over-confident above 0.7 and under-confident below, in bins of unequal size."""
    rng = np.random.default_rng(3)
    confidence = np.sort(np.concatenate([rng.uniform(0.36, 0.69, 60), rng.uniform(0.71, 0.99, 180)]))
    winner = rng.integers(3, size=len(confidence))
    probabilities = np.repeat((1 - confidence)[:, None] / 2, 3, axis=1)
    probabilities[np.arange(len(winner)), winner] = confidence
    right = rng.random(len(winner)) < np.where(confidence > 0.7, confidence - 0.2, confidence + 0.15)
    return probabilities, np.where(right, winner, (winner + 1) % 3)


def _error(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> float:
    index = np.ceil(confidence * bins)
    inside = [index == m for m in range(1, bins + 1) if (index == m).any()]
    return float(sum(rows.mean() * abs(correct[rows].mean() - confidence[rows].mean()) for rows in inside))


def _number(value: Any, what: str) -> float:
    if np.ndim(value) != 0 or isinstance(value, (str, bytes)):
        raise Wrong(f"Expected {what}, got {type(value).__name__} {value!r}. Is a mean or a sum missing at the end?")
    return float(value)


def _pair(value: Any) -> tuple[float, float]:
    if np.shape(value) != (2,):
        raise Wrong(f"Expected two numbers, (low, high), got {value!r}.")
    low, high = value
    return float(low), float(high)


def _near(first: float, second: float) -> bool:
    return abs(first - second) < 1e-4
