"""Scores and fusion by hand and against scikit-learn; BM25 against its formula."""

import math

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from xlft_helpers.errors import DataError
from xlft_helpers.tasks.lexical import LexicalIndex, lexical_tokens
from xlft_helpers.tasks.ranking import cosine_scores, margin_scores, reciprocal_rank_fusion


def test_cosine_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    queries, candidates = rng.normal(size=(7, 5)), rng.normal(size=(9, 5))
    np.testing.assert_allclose(cosine_scores(queries, candidates), cosine_similarity(queries, candidates), atol=1e-12)


def test_margin_is_the_published_formula():
    rng = np.random.default_rng(1)
    queries, candidates, k = rng.normal(size=(6, 4)), rng.normal(size=(8, 4)), 3
    cosine = cosine_similarity(queries, candidates)
    for i in range(6):
        for j in range(8):
            of_query = sum(sorted(cosine[i], reverse=True)[:k]) / (2 * k)
            of_candidate = sum(sorted(cosine[:, j], reverse=True)[:k]) / (2 * k)
            got = margin_scores(queries, candidates, k)[i, j]
            assert math.isclose(got, cosine[i, j] / (of_query + of_candidate), rel_tol=1e-9)


def test_margin_passes_over_a_hub():
    # Candidate 2 lies between all queries and is nearest to two of them; each query has a candidate of its own.
    queries = np.array([[1.0, 0.3, 0.3], [0.3, 1.0, 0.3], [0.3, 0.3, 1.0]])
    candidates = np.array([[1.0, -0.2, -0.2], [-0.2, 1.0, -0.2], [1.0, 1.0, 1.0], [-0.2, -0.2, 1.0]])
    assert cosine_scores(queries, candidates).argmax(axis=1).tolist() == [2, 2, 2]
    assert margin_scores(queries, candidates, k=2).argmax(axis=1).tolist() == [0, 1, 3]


@pytest.mark.parametrize(
    ("queries", "candidates", "k", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), 1, "embed both by one model"),
        (np.ones((2, 3)), np.ones((5, 3)), 3, "k=3 neighbours, but there are 2"),
        (np.ones((2, 3)), np.ones((5, 3)), 0, "k=0"),
        (np.zeros((2, 3)), np.ones((2, 3)), 1, "zero or not finite"),
    ],
)
def test_margin_refuses(queries, candidates, k, message):
    with pytest.raises(DataError, match=message):
        margin_scores(queries, candidates, k)


def test_fusion_by_hand():
    fused = reciprocal_rank_fusion([["a", "b", "c"], ["b", "d"], []], k=60)
    assert [item for item, _ in fused] == ["b", "a", "d", "c"]
    np.testing.assert_allclose([s for _, s in fused], [1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63])


@pytest.mark.parametrize(("rankings", "k"), [([], 60), ([[1, 1]], 60), ([[1]], -1)])
def test_fusion_refuses(rankings, k):
    with pytest.raises(DataError):
        reciprocal_rank_fusion(rankings, k)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Le café n'est pas 12 fois bon!", ["le", "café", "n", "est", "pas", "12", "fois", "bon"]),
        ("今天天气好 ok", ["今天", "天天", "天气", "气好", "ok"]),
        ("好", ["好"]),
        ("iPhone很贵", ["iphone", "很贵"]),
        ("मुझे हिंदी पसंद", ["मुझे", "हिंदी", "पसंद"]),
        ("مرحبا بكم", ["مرحبا", "بكم"]),
        ("😀 !!", []),
    ],
)
def test_tokens_of_every_script(text, tokens):
    assert lexical_tokens(text) == tokens


def test_bm25_is_its_formula():
    texts = ["the red house", "a red red car drives", "green trees", "the car"]
    words = [text.split() for text in texts]
    mean, n, k1, b = sum(map(len, words)) / len(words), len(words), 1.5, 0.75
    expected = np.zeros(n)
    for term in ("red", "car"):
        df = sum(term in text for text in words)
        for i, text in enumerate(words):
            tf = text.count(term)
            idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
            expected[i] += idf * tf / (tf + k1 * (1 - b + b * len(text) / mean))
    numbers, scores = LexicalIndex(texts).rank(["red car", "blue", "😀"], k=4)
    assert numbers[0, :3].tolist() == np.argsort(-expected)[:3].tolist()
    np.testing.assert_allclose(scores[0, :3], np.sort(expected)[::-1][:3], rtol=1e-5)
    assert numbers[0, 3] == -1, "a text without a common word is no result"
    assert (numbers[1:] == -1).all()


@pytest.mark.parametrize("texts", [[], ["😀", "!"]])
def test_bm25_refuses_a_collection_without_words(texts):
    with pytest.raises(DataError, match="holds a word"):
        LexicalIndex(texts)


def test_bm25_refuses_k_beyond_the_collection():
    with pytest.raises(DataError, match="k=3"):
        LexicalIndex(["one", "two"]).rank(["one"], k=3)
