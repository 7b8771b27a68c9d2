"""Selection picks what its definition says, and looks at no label before it is bought."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs

from xlft_helpers.adaptation import Features, answers, fit_head, label_in_rounds, margins, most_spread, most_uncertain
from xlft_helpers.errors import DataError, TrainingError


def blobs(n=120, classes=3, seed=0):
    x, y = make_blobs(n, 8, centers=classes, random_state=seed)
    return Features(x.astype(np.float32), y, np.array(["en", "fr"])[np.arange(n) % 2])


def test_margins_are_best_minus_second():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    expected = [sorted(row)[-1] - sorted(row)[-2] for row in probabilities.tolist()]
    assert np.allclose(margins(probabilities), expected)
    assert most_uncertain(probabilities, 5).tolist() == sorted(range(50), key=lambda i: expected[i])[:5]


def test_most_spread_is_greedy_k_center():
    rows = np.random.default_rng(1).normal(size=(40, 5))
    covered = rows[:3] + 0.1
    have, expected = covered, []
    for _ in range(6):  # the definition, step by step
        expected.append(int(cdist(rows, have).min(axis=1).argmax()))
        have = np.concatenate([have, rows[expected[-1:]]])
    assert most_spread(rows, 6, covered).tolist() == expected


def test_most_spread_without_labels_starts_in_the_middle_and_repeats_nothing():
    rows = np.array([[0.0], [1.0], [2.0], [10.0]])
    assert most_spread(rows, 4).tolist()[:2] == [2, 3]
    assert sorted(most_spread(np.ones((5, 2)), 5)) == list(range(5))


@pytest.mark.parametrize("strategy", ["random", "uncertain", "spread"])
def test_rounds_grow_without_repeating_a_message(strategy):
    start, pool = blobs(30, seed=1), blobs(80)
    pool = Features(pool.embeddings, pool.labels, pool.languages)
    found = label_in_rounds(start, pool, [0, 8, 20, 40], strategy, seed=3)
    assert {n: len(rows) - len(start) for n, rows in found.items()} == {0: 0, 8: 8, 20: 20, 40: 40}
    bought = found[40].embeddings[30:]
    assert len(np.unique(bought, axis=0)) == 40
    assert np.array_equal(bought[:8], found[8].embeddings[30:])


def test_labels_that_are_not_bought_change_nothing():
    start, pool = blobs(30, seed=1), blobs(80)
    bought = label_in_rounds(start, pool, [8], "uncertain", seed=0)[8].embeddings[30:]
    elsewhere = ~(pool.embeddings[:, None] == bought).all(axis=2).any(axis=1)
    other = Features(pool.embeddings, np.where(elsewhere, 0, pool.labels), pool.languages)
    again = label_in_rounds(start, other, [8], "uncertain", seed=0)[8].embeddings[30:]
    assert np.array_equal(bought, again)


@pytest.mark.parametrize(("sizes", "strategy"), [([8, 4], "random"), ([0, 99], "random"), ([4], "best")])
def test_impossible_plans_are_refused(sizes, strategy):
    with pytest.raises(DataError):
        label_in_rounds(blobs(30), blobs(80), sizes, strategy, seed=0)


def test_k_must_fit():
    for choose in (most_uncertain, most_spread):
        with pytest.raises(DataError, match="candidates"):
            choose(np.ones((3, 2)), 4)


def test_features_select_and_classify_by_language():
    rows = blobs()
    found = answers(fit_head(rows), rows)
    assert {k: len(a) for k, a in found.items()} == {"en": 60, "fr": 60}
    assert (found["fr"] == rows.of("fr").labels).mean() > 0.9
    shift = {"en": np.zeros(8, np.float32), "fr": np.full(8, 1e3, np.float32)}
    assert len(np.unique(answers(fit_head(rows), rows, shift)["fr"])) == 1
    with pytest.raises(DataError, match="found en, fr"):
        rows.of("de")
    with pytest.raises(TrainingError, match="same label"):
        fit_head(rows.take(np.flatnonzero(rows.labels == 0)))
