"""The transfer gap and matrix, by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import gap_weights, mean_difference, transfer_gap, transfer_matrix


def test_gap_is_source_minus_mean_of_the_targets():
    assert transfer_gap({"fr": 50.0, "en": 64.0, "de": 60.0, "hi": 46.0}, "en") == pytest.approx(
        64 - (50 + 60 + 46) / 3
    )


def test_gap_is_negative_when_the_targets_come_out_better():
    assert transfer_gap({"en": 0.5, "fr": 0.6}, "en") == pytest.approx(-0.1)


def test_gap_weights_leave_a_common_shift_without_effect():
    weights = gap_weights(["fr", "en", "de"], "en")
    assert weights == {"fr": -0.5, "en": 1.0, "de": -0.5}


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"fr": 0.5, "de": 0.6}, r"source language 'en', only for \['fr', 'de'\]"),
        ({}, "source language 'en'"),
        ({"en": 0.6}, "needs a target language"),
        ({"en": 0.6, "fr": float("nan")}, "language 'fr' is nan"),
    ],
)
def test_scores_without_a_gap_say_why(scores, message):
    with pytest.raises(DataError, match=message):
        transfer_gap(scores, "en")


RUNS = [
    {"train_languages": ["fr"], "test_language": "fr", "seed": 0, "macro_f1": 0.7, "accuracy": 0.1},
    {"train_languages": ["fr"], "test_language": "en", "seed": 0, "macro_f1": 0.5, "accuracy": 0.2},
    {"train_languages": ["fr"], "test_language": "en", "seed": 1, "macro_f1": 0.6, "accuracy": 0.4},
    {"train_languages": ["en", "fr"], "test_language": "en", "seed": 0, "macro_f1": 0.9, "accuracy": 0.5},
]


@pytest.mark.parametrize("runs", [RUNS, pd.DataFrame(RUNS), iter(RUNS)], ids=["list", "frame", "iterator"])
def test_matrix_averages_seeds_and_keeps_the_order(runs):
    matrix = transfer_matrix(runs)
    assert list(matrix.index) == ["fr", "en+fr"]
    assert list(matrix.columns) == ["fr", "en"]
    np.testing.assert_allclose(matrix.to_numpy(), [[0.7, 0.55], [np.nan, 0.9]])


def test_matrix_takes_another_metric_and_a_single_code():
    runs = [{**run, "train_languages": "fr"} for run in RUNS[:3]]
    np.testing.assert_allclose(transfer_matrix(runs, metric="accuracy").loc["fr"], [0.1, 0.3])


def test_matrix_without_rows_or_columns_says_what_is_missing():
    with pytest.raises(DataError, match=r"missing columns: \['test_language'\]"):
        transfer_matrix([{"train_languages": "en", "macro_f1": 0.5}])
    with pytest.raises(DataError, match="0 rows"):
        transfer_matrix([])


def test_mean_difference_is_paired_and_means_over_languages():
    random = np.random.default_rng(0)
    labels = {k: random.integers(3, size=80) for k in ("fr", "de")}
    right = {k: np.stack([y, y]) for k, y in labels.items()}
    noisy = {k: np.where(random.random((2, 80)) < 0.3, 0, y) for k, y in labels.items()}
    found = mean_difference(labels, right, noisy, 3)
    by_hand = np.mean([f1_score(y, a, average="macro") - f1_score(y, b, average="macro")
                       for k, y in labels.items() for a, b in zip(right[k], noisy[k], strict=True)])  # fmt: skip
    assert found.estimate == pytest.approx(by_hand)
    assert 0 < found.low < found.estimate < found.high
    # The same answers on both sides leave nothing to vary: that is what paired means.
    same = mean_difference(labels, noisy, noisy, 3)
    assert (same.low, same.estimate, same.high) == pytest.approx((0, 0, 0), abs=1e-12)
