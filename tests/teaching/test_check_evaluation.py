"""The checks of notebook 07 accept the solution, know an untouched stub, and explain typical mistakes."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score

from xlft_helpers.teaching import check
from xlft_helpers.teaching.check.report import judge


def labels_of(confusion):
    """The labels and predictions that a confusion matrix counts, for scikit-learn."""
    rows, columns = np.indices(confusion.shape)
    return np.repeat(rows.ravel(), confusion.ravel()), np.repeat(columns.ravel(), confusion.ravel())


def sklearn_f1(confusion):
    return f1_score(*labels_of(confusion), labels=range(len(confusion)), average="macro", zero_division=0)


def class_f1(confusion):
    return [2 * confusion[c, c] / max(confusion[c].sum() + confusion[:, c].sum(), 1) for c in range(len(confusion))]


def f1_of_the_means(confusion):
    hits = confusion.diagonal()
    precision, recall = (hits / confusion.sum(axis=0)).mean(), (hits / confusion.sum(axis=1)).mean()
    return 2 * precision * recall / (precision + recall)


def f1_of_occurring_classes(confusion):
    return np.mean([f for c, f in enumerate(class_f1(confusion)) if confusion[c].sum() + confusion[:, c].sum()])


def f1_without_care_for_zero(confusion):
    with np.errstate(invalid="ignore"):
        return np.mean(2 * confusion.diagonal() / (confusion.sum(axis=0) + confusion.sum(axis=1)))


@pytest.mark.parametrize("solution", [sklearn_f1, lambda confusion: float(np.mean(class_f1(confusion)))])
def test_macro_f1_accepts_solutions(solution):
    assert judge(check.macro_f1, solution).status == "right"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda c: c.trace() / c.sum(), "accuracy"),
        (lambda c: precision_score(*labels_of(c), average="macro", zero_division=0), "macro-precision"),
        (f1_of_the_means, "average last"),
        (lambda c: 100 * sklearn_f1(c), "points"),
        (class_f1, "mean or a sum missing"),
        (f1_of_occurring_classes, "leave out a class"),
        (f1_without_care_for_zero, "0/0"),
        (
            lambda c: float(np.mean([2 * int(c[k, k]) / int(c[k].sum() + c[:, k].sum()) for k in range(3)])),
            "ZeroDivision",
        ),
        (lambda c: 0.5, "2 TP"),
    ],
)
def test_macro_f1_explains_mistakes(wrong, hint):
    verdict = judge(check.macro_f1, wrong)
    assert verdict.status == "wrong"
    assert hint in verdict.message


def interval(correct, resamples, *, quantiles=(0.025, 0.975), replace=True, size=None):
    rng = np.random.default_rng(11)
    size = size or len(correct)
    means = [rng.choice(correct, size=size, replace=replace).mean() for _ in range(resamples)]
    return tuple(np.quantile(means, quantiles))


def one_deviation(correct, resamples):
    deviation = correct.std() / len(correct) ** 0.5
    return correct.mean() - deviation, correct.mean() + deviation


@pytest.mark.parametrize("seed", range(20))
def test_accuracy_interval_accepts_any_seed(seed):
    def solution(correct, resamples=2000):
        drawn = np.random.default_rng(seed).integers(len(correct), size=(resamples, len(correct)))
        return np.quantile(np.asarray(correct)[drawn].mean(axis=1), [0.025, 0.975])

    assert judge(check.accuracy_interval, solution).status == "right"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda c, r: interval(c, r, replace=False), "*with* replacement"),
        (lambda c, r: interval(c, r, quantiles=(0.05, 0.95)), "90 % interval"),
        (lambda c, r: interval(c, r, quantiles=(0, 1)), "Too wide"),
        (lambda c, r: interval(c, r, size=150), "Too wide"),
        (lambda c, r: interval(c, r, quantiles=(0.975, 0.025)), "above the upper end"),
        (lambda c, r: tuple(100 * end for end in interval(c, r)), "shares"),
        (one_deviation, "68 %"),
        (lambda c, r: np.quantile(c, [0.025, 0.975]), "*mean* of each resample"),
        (lambda c, r: c.mean(), "two numbers"),
    ],
)
def test_accuracy_interval_explains_mistakes(wrong, hint):
    verdict = judge(check.accuracy_interval, wrong)
    assert verdict.status == "wrong"
    assert hint in verdict.message


def bins_of(probabilities, labels, bins, confidence=None):
    """Size share, accuracy and mean confidence of every filled bin, written without the package."""
    confidence = probabilities.max(axis=1) if confidence is None else confidence
    right = probabilities.argmax(axis=1) == labels
    inside = [(confidence > m / bins) & (confidence <= (m + 1) / bins) for m in range(bins)]
    return np.array([(i.mean(), right[i].mean(), confidence[i].mean()) for i in inside if i.any()]).T


def calibration_error(probabilities, labels, bins=10):
    share, accuracy, confidence = bins_of(probabilities, labels, bins)
    return (share * abs(accuracy - confidence)).sum()


def unweighted(probabilities, labels, bins=10):
    _, accuracy, confidence = bins_of(probabilities, labels, bins)
    return abs(accuracy - confidence).mean()


def cancelling(probabilities, labels, bins=10):
    share, accuracy, confidence = bins_of(probabilities, labels, bins)
    return abs((share * (accuracy - confidence)).sum())


def worst_bin(probabilities, labels, bins=10):
    _, accuracy, confidence = bins_of(probabilities, labels, bins)
    return abs(accuracy - confidence).max()


def of_the_true_label(probabilities, labels, bins=10):
    own = probabilities[np.arange(len(labels)), labels]
    share, accuracy, confidence = bins_of(probabilities, labels, bins, own)
    return (share * abs(accuracy - confidence)).sum()


def test_calibration_error_accepts_the_solution():
    assert judge(check.calibration_error, calibration_error).status == "right"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (unweighted, "Weight each"),
        (cancelling, "absolute value"),
        (worst_bin, "maximum"),
        (of_the_true_label, "*true* label"),
        (lambda p, y, bins=10: 100 * calibration_error(p, y, bins), "points"),
        (lambda p, y, bins=10: calibration_error(p, y), "use `bins`"),
        (lambda p, y, bins=10: float("nan"), "empty bins"),
        (lambda p, y, bins=10: 0.0, "Per bin"),
    ],
)
def test_calibration_error_explains_mistakes(wrong, hint):
    verdict = judge(check.calibration_error, wrong)
    assert verdict.status == "wrong"
    assert hint in verdict.message


@pytest.mark.parametrize("answer", [{"B", "D"}, ["d", "b"], "BD", "B, D"])
def test_supported_claims_accepts_the_solution(answer):
    assert judge(check.supported_claims, answer).status == "right"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"A", "B", "D"}, "no proof"),
        ({"B", "C", "D"}, "range of scores"),
        ({"B", "D", "E"}, "only each was tested against zero"),
        ({"D"}, "Hindi"),
        ({"B"}, "no empty result"),
        (set(), "missing"),
        ({"B", "F"}, "no claim F"),
        (3, "Expected letters"),
    ],
)
def test_supported_claims_explains_mistakes(wrong, hint):
    verdict = judge(check.supported_claims, wrong)
    assert verdict.status == "wrong"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("checker", "stub"),
    [
        (check.macro_f1, lambda confusion: ...),
        (check.accuracy_interval, lambda correct, resamples=2000: ...),
        (check.calibration_error, lambda probabilities, labels, bins=10: ...),
        (check.supported_claims, ...),
    ],
)
def test_an_untouched_stub_is_not_attempted(checker, stub):
    assert judge(checker, stub).status == "not attempted"
