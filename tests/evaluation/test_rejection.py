"""AUROC and risk against coverage, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import auroc, risk_coverage


def test_area_agrees_with_scikit_learn_with_ties():
    generator = np.random.default_rng(0)
    inside, outside = generator.integers(3, 10, 80) / 10, generator.integers(0, 7, 50) / 10
    found = auroc(inside, outside, resamples=200)
    expected = roc_auc_score(np.r_[np.ones(80), np.zeros(50)], np.r_[inside, outside])
    assert found.estimate == pytest.approx(expected)
    assert found.low < expected < found.high


def test_interval_holds_the_true_area_about_as_often_as_it_says():
    generator = np.random.default_rng(1)
    truth = 0.7602  # P(x > y) for x ~ N(1, 1), y ~ N(0, 1): the normal distribution function at 1/sqrt(2)
    held = 0
    for trial in range(100):
        found = auroc(generator.normal(1, 1, 60), generator.normal(0, 1, 60), resamples=200, seed=trial)
        held += found.low <= truth <= found.high
    assert 88 <= held <= 100


def test_separated_and_equal_scores():
    assert auroc([3, 4], [1, 2], resamples=10).estimate == 1
    assert auroc([1, 1], [1, 1, 1], resamples=10).estimate == 0.5
    assert auroc([1], [2], resamples=10).estimate == 0


def test_risk_and_coverage_by_hand_with_equal_confidences_together():
    table = risk_coverage([0.5, 0.9, 0.9, 0.7], [False, True, False, True])
    expected = [[0.9, 0.5, 0.5], [0.7, 0.75, 1 / 3], [0.5, 1, 0.5]]
    np.testing.assert_allclose(table.to_numpy(), expected)


def test_empty_and_unequal_input_is_refused():
    with pytest.raises(DataError, match="out_of_scope has shape"):
        auroc([1], [])
    with pytest.raises(DataError, match="in_scope"):
        auroc([np.nan], [1])
    with pytest.raises(DataError, match=r"2 confidences, but correct has shape \(1,\)"):
        risk_coverage([0.1, 0.2], [True])
