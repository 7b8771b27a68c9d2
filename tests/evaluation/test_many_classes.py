"""Reports for many classes, against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import class_report, confused_pairs, confusion_matrix, f1_averages, top_k_accuracy


@pytest.fixture
def answers():
    generator = np.random.default_rng(0)
    labels = generator.choice(12, size=400, p=np.arange(1, 13) / 78)
    predictions = np.where(generator.random(400) < 0.6, labels, generator.integers(11, size=400))
    return labels, predictions


def test_report_and_averages_agree_with_scikit_learn(answers):
    labels, predictions = answers
    report = class_report(labels, predictions, list("abcdefghijkl"))
    expected = metrics.precision_recall_fscore_support(labels, predictions, labels=range(12), zero_division=0)
    for column, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose(report[column], values)
    for name, value in f1_averages(report).items():
        assert value == pytest.approx(metrics.f1_score(labels, predictions, average=name, zero_division=0))
    assert f1_averages(report)["micro"] == pytest.approx((labels == predictions).mean())


def test_class_that_is_never_seen_nor_answered_counts_zero():
    report = class_report([0, 0, 1], [0, 0, 1], ["a", "b", "c"])
    assert report.loc["c"].tolist() == [0, 0, 0, 0]
    assert f1_averages(report) == pytest.approx({"macro": 2 / 3, "micro": 1, "weighted": 1})


@pytest.mark.parametrize("k", [1, 3, 12])
def test_top_k_agrees_with_scikit_learn(answers, k):
    labels = answers[0]
    probabilities = np.random.default_rng(1).dirichlet(np.ones(12), size=400)
    expected = metrics.top_k_accuracy_score(labels, probabilities, k=k, labels=range(12))
    assert top_k_accuracy(labels, probabilities, k) == pytest.approx(expected)


def test_top_k_refuses_what_has_no_answer():
    with pytest.raises(DataError, match=r"k=3 is outside 1 to 2"):
        top_k_accuracy([0], [[0.5, 0.5]], 3)
    with pytest.raises(DataError, match=r"labels of shape \(2,\)"):
        top_k_accuracy([0, 1], [[0.5, 0.5]], 1)


def test_pairs_count_both_directions_and_leave_out_the_diagonal():
    confusion = confusion_matrix([0, 0, 0, 1, 1, 2, 2], [0, 1, 1, 0, 1, 0, 2], 3)
    pairs = confused_pairs(confusion, ["on", "off", "dim"])
    assert pairs.to_numpy().tolist() == [["on", "off", 2, 1], ["on", "dim", 0, 1]]
    assert len(confused_pairs(confusion, ["on", "off", "dim"], top=1)) == 1
