"""Retrieval hits against scikit-learn's nearest neighbours, by hand, and on input that cannot be used."""

import numpy as np
import pytest
import torch
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score
from sklearn.neighbors import NearestNeighbors

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import ranking_metrics, retrieval_hits


def test_by_hand():
    queries = [[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    candidates = [[1.0, 0.1], [1.0, 0.9], [0.0, 5.0]]
    # The nearest candidates by angle are 0, 2 and 1: only the first query finds its own row.
    assert retrieval_hits(queries, candidates).tolist() == [True, False, False]


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    candidates = rng.normal(size=(60, 8))
    queries = candidates + rng.normal(size=(60, 8))
    nearest = NearestNeighbors(n_neighbors=1, metric="cosine").fit(candidates).kneighbors(queries)[1].ravel()
    hits = retrieval_hits(queries, candidates)
    assert hits.tolist() == (nearest == np.arange(60)).tolist()
    assert 0.1 < hits.mean() < 0.9, "the case should hold hits and misses"


def test_length_of_the_vectors_does_not_matter_but_direction_of_search_does():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 40, 3))
    b += a
    scaled = a * rng.uniform(0.1, 10, size=(40, 1))
    np.testing.assert_array_equal(retrieval_hits(a, b), retrieval_hits(scaled, b))
    assert retrieval_hits(a, b).tolist() != retrieval_hits(b, a).tolist()


def test_takes_tensors():
    rows = torch.eye(3)
    assert retrieval_hits(rows, rows).all()


@pytest.mark.parametrize(
    ("queries", "candidates", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 3)), "row i of both"),
        (np.ones((2, 3)), np.ones((2, 4)), "row i of both"),
        (np.ones(3), np.ones((3, 1)), "queries have shape"),
        (np.ones((0, 3)), np.ones((0, 3)), "at least one row"),
        (np.ones((2, 3)), np.array([[1.0, 1, 1], [0, 0, 0]]), "Row 1 of the candidates is zero"),
        (np.array([[np.nan, 1.0]]), np.ones((1, 2)), "Row 0 of the queries"),
    ],
)
def test_refuses_what_cannot_be_compared(queries, candidates, message):
    with pytest.raises(DataError, match=message):
        retrieval_hits(queries, candidates)


def test_ranking_metrics_by_hand():
    found = [[3, 1, 2, -1], [0, 4, 5, 6], [7, 8, 9, 1]]
    metrics = ranking_metrics(found, [{1, 2, 9}, {0}, {2}], k=3)
    dcg, ideal = 1 / np.log2(3) + 1 / np.log2(4), 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert metrics.columns.tolist() == ["P@1", "recall@3", "MRR", "nDCG@3"]
    np.testing.assert_allclose(metrics.loc[0], [0, 2 / 3, 1 / 2, dcg / ideal])
    assert metrics.loc[1].tolist() == [1, 1, 1, 1]
    assert metrics.loc[2].tolist() == [0, 0, 0, 0]


def test_ranking_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(20, 30))
    gains = rng.random(size=(20, 30)) < 0.2
    gains[:, 0] = True
    found = np.argsort(-scores, axis=1)
    metrics = ranking_metrics(found, [set(np.flatnonzero(row)) for row in gains], k=10)
    expected = [ndcg_score([row], [score], k=10) for row, score in zip(gains, scores, strict=True)]
    np.testing.assert_allclose(metrics["nDCG@10"], expected, atol=1e-12)
    single = ranking_metrics(found, [{5}] * 20, k=10)
    precision = [label_ranking_average_precision_score([np.eye(30)[5]], [row]) for row in scores]
    np.testing.assert_allclose(single["MRR"], precision, atol=1e-12)  # with one relevant text they are the same


@pytest.mark.parametrize(
    ("found", "relevant", "k", "message"),
    [
        ([[1, 2]], [{1}], 3, "k=3"),
        ([[1, 2]], [{1}, {2}], 1, "one row for each"),
        ([1, 2], [{1}, {2}], 1, "one row for each"),
        ([[1, 2]], [set()], 1, "no relevant text"),
        ([[1, 1]], [{1}], 1, "twice"),
    ],
)
def test_ranking_metrics_refuse(found, relevant, k, message):
    with pytest.raises(DataError, match=message):
        ranking_metrics(found, relevant, k)
