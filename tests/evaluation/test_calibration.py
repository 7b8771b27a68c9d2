"""Calibration: cases worked by hand, and a known temperature to find again."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import expected_calibration_error, fit_temperature, reliability

# Predicted classes 0, 0, 0, 1 with confidences 0.95, 0.91, 0.65, 0.55; right, wrong, right, right.
PROBABILITIES = [[0.95, 0.05], [0.91, 0.09], [0.65, 0.35], [0.45, 0.55]]
LABELS = [0, 1, 0, 1]


def test_reliability_and_error_by_hand():
    table = reliability(PROBABILITIES, LABELS, bins=10)
    filled = table[table["count"] > 0]
    assert list(filled.index) == [6, 7, 10]
    np.testing.assert_allclose(filled["confidence"], [0.55, 0.65, 0.93])
    np.testing.assert_allclose(filled["accuracy"], [1, 1, 0.5])
    assert list(filled["count"]) == [1, 1, 2]
    assert table.loc[1, ["confidence", "accuracy"]].isna().all()
    np.testing.assert_allclose(table.loc[6, ["low", "high"]].astype(float), [0.5, 0.6])
    # 1/4 * |1 - 0.55| + 1/4 * |1 - 0.65| + 2/4 * |0.5 - 0.93|
    assert expected_calibration_error(PROBABILITIES, LABELS, bins=10) == pytest.approx(0.415)
    # One bin: |3/4 - mean confidence|
    assert expected_calibration_error(PROBABILITIES, LABELS, bins=1) == pytest.approx(0.765 - 0.75)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_and_certainty_to_the_last():
    for confidence, expected in ((0.6, 6), (0.7, 7), (0.9, 9), (1.0, 10), (np.float32(1) + np.float32(1e-6), 10)):
        table = reliability([[confidence, 1 - min(confidence, 1.0)]], [0])
        assert table.index[table["count"] == 1] == [expected]


def test_labels_drawn_from_the_probabilities_are_calibrated_and_overconfidence_is_not():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3)) * 1.5
    probabilities = softmax(logits, axis=1)
    labels = (probabilities.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert expected_calibration_error(probabilities, labels) < 0.015
    assert expected_calibration_error(softmax(3 * logits, axis=1), labels) > 0.1


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found_from_logits_and_from_probabilities(temperature):
    rng = np.random.default_rng(1)
    calibrated = rng.normal(size=(20_000, 3)) * 2
    labels = (softmax(calibrated, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    logits = calibrated * temperature
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    assert fit_temperature(softmax(logits, axis=1), labels) == pytest.approx(found, rel=1e-3)


def test_the_temperature_is_where_torch_sees_no_slope():
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(size=(200, 4)) * 3, rng.integers(4, size=200)
    logits[np.arange(200), labels] += 2
    temperature = torch.tensor(fit_temperature(logits, labels), dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits) / temperature, torch.tensor(labels))
    (slope,) = torch.autograd.grad(loss, temperature)
    assert abs(slope.item()) < 1e-5


def test_a_temperature_without_a_best_value_stays_in_its_range():
    assert 0.01 <= fit_temperature([[4.0, 0.0], [0.0, 4.0]], [0, 1]) < 0.2
    assert fit_temperature([[4.0, 0.0], [0.0, 4.0]], [1, 0]) == pytest.approx(100, rel=1e-3)


def test_a_probability_of_zero_for_the_true_class_is_survived():
    assert np.isfinite(fit_temperature([[1.0, 0.0], [0.8, 0.2], [0.3, 0.7]], [1, 0, 1]))


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([[0.5, 0.6]], [0], r"Row 0 of the probabilities sums to 1\.1000"),
        ([[0.5, 0.5], [0.2, 0.2]], [0, 1], "Row 1 of the probabilities sums to 0.4000"),
        ([[0.5, 0.5]], [2], "labels run from 2 to 2; with 2 labels"),
        ([[0.5, 0.5]], [0, 1], "1 rows of scores, but the labels have shape"),
        ([], [], "shape"),
        ([0.5, 0.5], [0, 1], "shape"),
    ],
)
def test_what_cannot_be_calibrated_says_why(probabilities, labels, message):
    for function in (reliability, expected_calibration_error, fit_temperature):
        with pytest.raises(DataError, match=message):
            function(probabilities, labels)


def test_logits_nan_and_no_bins_are_refused():
    with pytest.raises(DataError, match="take their softmax first"):
        expected_calibration_error([[0.5, 0.5], [3.0, -2.0]], [0, 0])
    with pytest.raises(DataError, match="outside"):
        expected_calibration_error([[float("nan"), 0.5]], [0])
    with pytest.raises(DataError, match="finite"):
        fit_temperature([[float("inf"), 0.5]], [0])
    with pytest.raises(ValueError, match="bins is 0"):
        reliability(PROBABILITIES, LABELS, bins=0)
