"""Intervals and tests against SciPy, against enumeration, and in simulated experiments whose truth is known."""

import itertools
import tracemalloc

import numpy as np
import pytest
import sklearn
from scipy import stats
from sklearn.metrics import f1_score

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import (
    bootstrap_macro_f1,
    bootstrap_mean,
    bootstrap_weighted_sum,
    gap_weights,
    macro_f1_from_confusion,
    paired_test,
)

PRIORS = np.array([0.2, 0.3, 0.5])


def mean_f1(labels, predictions, classes=3):
    runs = np.atleast_2d(predictions)
    options = {"labels": range(classes), "average": "macro", "zero_division": 0}
    with sklearn.config_context(skip_parameter_validation=True):  # half of the time of thousands of small calls
        return np.mean([f1_score(labels, run, **options) for run in runs])


def experiment(rng, items, accuracies, shared=0.8):
    """Labels, and predictions of one run for each accuracy; the runs share their fate on most items."""
    labels = rng.choice(3, p=PRIORS, size=items)
    fate, error = rng.random(items), rng.integers(1, 3, size=items)
    alone = rng.random((len(accuracies), items)) > shared
    fate = np.where(alone, rng.random(alone.shape), fate)
    error = np.where(alone, rng.integers(1, 3, size=alone.shape), error)
    return labels, np.where(fate < np.array(accuracies)[:, None], labels, (labels + error) % 3)


def population_macro_f1(accuracy):
    shares = np.full((3, 3), (1 - accuracy) / 2)
    np.fill_diagonal(shares, accuracy)
    return float(macro_f1_from_confusion(PRIORS[:, None] * shares))


def test_interval_of_one_run_is_scipys_percentile_bootstrap():
    labels, predictions = experiment(np.random.default_rng(0), 120, [0.6])

    interval = bootstrap_macro_f1(labels, predictions[0], 3, resamples=20_000, level=0.9)

    expected = stats.bootstrap(
        (labels, predictions[0]),
        mean_f1,
        paired=True,
        vectorized=False,
        n_resamples=1500,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert interval.estimate == pytest.approx(mean_f1(labels, predictions))
    assert interval.level == 0.9
    # The quantiles of 1,500 resamples have a standard error of about 0.002.
    assert [interval.low, interval.high] == pytest.approx(list(expected), abs=0.008)


def test_three_runs_are_resampled_with_the_items():
    """Against a plain loop that draws items and runs, with the runs' deviations widened by sqrt(3/2)."""
    rng = np.random.default_rng(2)
    labels, predictions = experiment(rng, 100, [0.5, 0.6, 0.75])

    interval = bootstrap_macro_f1(labels, predictions, 3, resamples=20_000)

    draws = []
    for _ in range(1500):
        items, runs = rng.integers(100, size=100), rng.integers(3, size=3)
        counts = np.zeros((3, 3, 3))
        np.add.at(counts, (np.arange(3)[:, None], labels[items], predictions[:, items]), 1)
        hits = np.diagonal(counts, axis1=1, axis2=2)
        f1 = (2 * hits / (counts.sum(1) + counts.sum(2))).mean(axis=1)
        draws.append(f1.mean() + (f1[runs].mean() - f1.mean()) * np.sqrt(3 / 2))
    assert interval.estimate == pytest.approx(mean_f1(labels, predictions))
    assert [interval.low, interval.high] == pytest.approx(list(np.quantile(draws, [0.025, 0.975])), abs=0.015)


@pytest.mark.parametrize(("runs", "spread"), [(1, 0.0), (3, 0.0), (3, 0.03), (5, 0.05)])
def test_95_percent_intervals_cover_the_truth(runs, spread):
    """400 experiments: a true coverage of 95% gives 94 to 96 on average, with a standard error of 1.1 points."""
    rng = np.random.default_rng(4)
    truth = np.mean([population_macro_f1(a) for a in rng.normal(0.65, spread, 2000)])
    covered = []
    for i in range(400):
        labels, predictions = experiment(rng, 300, rng.normal(0.65, spread, runs))
        interval = bootstrap_macro_f1(labels, predictions, 3, resamples=400, seed=i)
        covered.append(interval.low <= truth <= interval.high)
    assert 0.90 <= np.mean(covered) <= 0.99


def test_interval_shrinks_with_the_square_root_of_the_items_and_widens_with_the_level():
    rng = np.random.default_rng(5)
    labels, predictions = experiment(rng, 400, [0.6])
    narrow = bootstrap_macro_f1(np.tile(labels, 16), np.tile(predictions, 16), 3)
    wide = bootstrap_macro_f1(labels, predictions, 3)
    wider = bootstrap_macro_f1(labels, predictions, 3, level=0.99)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(4, rel=0.15)
    assert wider.low < wide.low < wide.estimate < wide.high < wider.high


def test_equal_seeds_give_equal_intervals():
    labels, predictions = experiment(np.random.default_rng(6), 200, [0.6, 0.6])
    assert bootstrap_macro_f1(labels, predictions, 3, seed=7) == bootstrap_macro_f1(labels, predictions, 3, seed=7)
    assert bootstrap_macro_f1(labels, predictions, 3, seed=7) != bootstrap_macro_f1(labels, predictions, 3, seed=8)


def test_memory_stays_under_100_mb_with_100_000_items_and_many_classes():
    """60 classes and three runs: nearly every item is a group of its own, the worst case for memory."""
    rng = np.random.default_rng(8)
    labels = rng.integers(60, size=100_000)
    predictions, others = rng.integers(60, size=(2, 3, 100_000))
    tracemalloc.start()
    try:
        bootstrap_macro_f1(labels, predictions, 60, resamples=20)
        paired_test(labels, predictions, others, 60, resamples=20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100e6


def test_weighted_sum_over_independent_languages_adds_variances():
    rng = np.random.default_rng(9)
    data = {code: experiment(rng, 400, [0.65]) for code in ("en", "fr", "de")}
    labels, predictions = ({code: pair[i] for code, pair in data.items()} for i in range(2))
    weights = gap_weights(data, "en")

    gap = bootstrap_weighted_sum(labels, predictions, weights, 3, resamples=4000)

    widths = {}
    for code in data:
        alone = bootstrap_macro_f1(labels[code], predictions[code], 3, resamples=4000)
        widths[code] = alone.high - alone.low
    expected = np.sqrt(sum((weights[code] * widths[code]) ** 2 for code in data))
    assert gap.high - gap.low == pytest.approx(expected, rel=0.08)
    f1 = {code: mean_f1(labels[code], predictions[code]) for code in data}
    assert gap.estimate == pytest.approx(f1["en"] - (f1["fr"] + f1["de"]) / 2)


def test_stratified_draws_keep_every_class_and_agree_with_a_plain_loop():
    rng, classes = np.random.default_rng(5), 20
    labels = np.repeat(np.arange(classes), 4)
    predictions = np.where(rng.random(80) < 0.7, labels, rng.integers(classes, size=80))

    found = bootstrap_weighted_sum({"": labels}, {"": predictions}, {"": 1.0}, classes, 2000, stratified=True)

    draws = []
    for _ in range(1000):
        items = np.concatenate([rng.choice(np.flatnonzero(labels == c), 4) for c in range(classes)])
        draws.append(mean_f1(labels[items], predictions[items], classes))
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.012)
    assert found.low < found.estimate < found.high
    plain = bootstrap_weighted_sum({"": labels}, {"": predictions}, {"": 1.0}, classes, 2000)
    assert plain.low < found.low  # resamples that lose a class count it as 0


def test_parallel_items_and_runs_are_drawn_once_for_all_languages():
    """Two languages that are right and wrong on the same messages have no gap at all, in every resample."""
    labels, predictions = experiment(np.random.default_rng(10), 200, [0.6, 0.7])
    both = {"en": labels, "fr": labels}, {"en": predictions, "fr": predictions}
    average = {"en": 0.5, "fr": 0.5}

    gap = bootstrap_weighted_sum(*both, gap_weights(both[0], "en"), 3, parallel=True)
    parallel = bootstrap_weighted_sum(*both, average, 3, parallel=True)

    assert (gap.low, gap.high) == pytest.approx((0, 0), abs=1e-12)
    single = bootstrap_macro_f1(labels, predictions, 3)
    assert (parallel.low, parallel.high) == pytest.approx((single.low, single.high), abs=1e-12)
    independent = bootstrap_weighted_sum(*both, average, 3)
    assert independent.high - independent.low < 0.9 * (parallel.high - parallel.low)


def test_bootstrap_mean_is_scipys_widened_by_the_small_sample_factor():
    values = np.random.default_rng(11).exponential(size=12)
    interval = bootstrap_mean(values, resamples=50_000)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=50_000, method="percentile", rng=np.random.default_rng(12)
    ).confidence_interval
    assert interval.estimate == pytest.approx(values.mean())
    widened = values.mean() + (np.array(expected) - values.mean()) * np.sqrt(12 / 11)
    assert [interval.low, interval.high] == pytest.approx(list(widened), abs=0.02)


@pytest.mark.parametrize("runs", [1, 2])
def test_p_value_is_that_of_all_swaps_enumerated(runs):
    rng = np.random.default_rng(13)
    labels = np.array([0, 1, 2, 0, 1, 2, 2, 0])
    a = np.where(rng.random((runs, 8)) < 0.8, labels, rng.integers(3, size=(runs, 8)))
    b = np.where(rng.random((runs, 8)) < 0.4, labels, rng.integers(3, size=(runs, 8)))

    result = paired_test(labels, a, b, 3, resamples=20_000)

    observed = mean_f1(labels, a) - mean_f1(labels, b)
    as_large = []
    for swap in itertools.product([False, True], repeat=8):
        first, second = np.where(swap, b, a), np.where(swap, a, b)
        as_large.append(abs(mean_f1(labels, first) - mean_f1(labels, second)) >= abs(observed) - 1e-9)
    assert 0.01 < np.mean(as_large) < 0.9, "a case at the edge would not tell a wrong test from a right one"
    assert result.difference == pytest.approx(observed)
    assert result.p_value == pytest.approx(np.mean(as_large), abs=0.015)


def test_p_value_is_uniform_when_the_systems_are_equal():
    rng = np.random.default_rng(14)
    p_values = []
    for i in range(400):
        labels, predictions = experiment(rng, 300, [0.65, 0.65], shared=0.5)
        p_values.append(paired_test(labels, predictions[0], predictions[1], 3, resamples=300, seed=i).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.09


def test_equal_methods_with_unequal_runs_are_seldom_called_distinguishable():
    """A spread of 5 points between runs fools the randomization test alone; the bootstrap over runs holds it back."""
    rng = np.random.default_rng(15)
    results = []
    for i in range(200):
        labels, predictions = experiment(rng, 300, rng.normal(0.65, 0.05, 6))
        results.append(paired_test(labels, predictions[:3], predictions[3:], 3, resamples=300, seed=i))
    assert np.mean([result.p_value < 0.05 for result in results]) > 0.2
    assert np.mean([result.distinguishable for result in results]) < 0.12


def test_a_big_difference_is_found_and_has_its_sign():
    labels, predictions = experiment(np.random.default_rng(16), 400, [0.8, 0.6], shared=0.5)
    better = paired_test(labels, predictions[0], predictions[1], 3)
    worse = paired_test(labels, predictions[1], predictions[0], 3)
    assert better.distinguishable
    assert worse.distinguishable
    assert better.p_value < 0.005
    assert 0 < better.low < better.difference < better.high
    assert worse.difference == pytest.approx(-better.difference)
    assert worse.high < 0


def test_a_system_compared_with_itself_is_no_different():
    labels, predictions = experiment(np.random.default_rng(17), 100, [0.6])
    result = paired_test(labels, predictions, predictions, 3)
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)
    assert not result.distinguishable


def test_what_has_no_interval_says_why():
    labels, predictions = [0, 1, 2, 1], [0, 1, 1, 1]
    with pytest.raises(DataError, match="labels are empty"):
        bootstrap_macro_f1([], [], 3)
    with pytest.raises(DataError, match="at least two"):
        bootstrap_macro_f1([0], [0], 3)
    with pytest.raises(DataError, match=r"labels have shape \(4,\) and predictions \(4, 3\)"):
        bootstrap_macro_f1(labels, [predictions[:3]] * 4, 3)
    with pytest.raises(DataError, match="predictions run from 0 to 1; with 1 labels"):
        bootstrap_macro_f1([0, 0, 0, 0], predictions, 1)
    with pytest.raises(ValueError, match="resamples is 0"):
        bootstrap_macro_f1(labels, predictions, 3, resamples=0)
    with pytest.raises(ValueError, match="level is 95"):
        bootstrap_macro_f1(labels, predictions, 3, level=95)
    with pytest.raises(DataError, match=r"values have shape \(1,\)"):
        bootstrap_mean([0.5])
    with pytest.raises(DataError, match="values hold nan at index 1"):
        bootstrap_mean([0.5, float("nan")])
    with pytest.raises(DataError, match="numbers of runs differ: A 2, B 1"):
        paired_test(labels, [predictions] * 2, predictions, 3)
    with pytest.raises(DataError, match="B: predictions are empty"):
        paired_test(labels, predictions, [], 3)


def test_languages_that_do_not_fit_together_are_named():
    labels, predictions = [0, 1, 2, 1], [0, 1, 1, 1]
    with pytest.raises(DataError, match=r"predictions hold \['en'\].*missing: \['fr'\]"):
        bootstrap_weighted_sum({"en": labels, "fr": labels}, {"en": predictions}, {"en": 1, "fr": -1}, 3)
    with pytest.raises(DataError, match="numbers of runs differ: en 1, fr 2"):
        bootstrap_weighted_sum(
            {"en": labels, "fr": labels}, {"en": predictions, "fr": [predictions] * 2}, {"en": 1, "fr": -1}, 3
        )
    with pytest.raises(DataError, match="parallel test set differ: en 4, fr 3"):
        bootstrap_weighted_sum(
            {"en": labels, "fr": labels[:3]},
            {"en": predictions, "fr": predictions[:3]},
            {"en": 1, "fr": -1},
            3,
            parallel=True,
        )
    with pytest.raises(DataError, match="fr: labels have shape"):
        bootstrap_weighted_sum(
            {"en": labels, "fr": labels[:3]}, {"en": predictions, "fr": predictions}, {"en": 1, "fr": -1}, 3
        )
