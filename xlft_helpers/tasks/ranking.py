"""How texts are scored against a query, and how several rankings become one."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation.retrieval import unit_rows

Item = TypeVar("Item", bound=Hashable)


def cosine_scores(queries: ArrayLike, candidates: ArrayLike) -> NDArray[np.floating]:
    """The cosine of every query with every candidate.

    Args:
        queries: (n, H) vectors of any length but zero.
        candidates: (m, H).

    Returns:
        (n, m), between -1 and 1.

    Raises:
        DataError: vectors of different sizes, no row, or a vector that is zero or not finite.
    """
    left, right = unit_rows(queries, "queries"), unit_rows(candidates, "candidates")
    if left.shape[1] != right.shape[1]:
        raise DataError(
            f"queries have {left.shape[1]} numbers a vector and candidates {right.shape[1]}; embed both by one model."
        )
    return left @ right.T


def margin_scores(queries: ArrayLike, candidates: ArrayLike, k: int = 4) -> NDArray[np.floating]:
    """The cosine of a pair divided by the mean cosine of the two with their nearest neighbours on the other side.

    The *ratio* margin of Artetxe and Schwenk 2019, *Margin-based Parallel Corpus Mining with Multilingual Sentence
    Embeddings* (ACL), section 3: a candidate that is near to everything (a hub) has a large denominator, so nearness to
    it counts for less. It needs a sample of queries, for the neighbours of the candidates are looked up among them.

    Args:
        queries: (n, H).
        candidates: (m, H).
        k: neighbours that are averaged on each side, at most n and m.

    Returns:
        (n, m); 1 means "no nearer than the two are to their neighbours".

    Raises:
        DataError: as :func:`cosine_scores`, or fewer than k vectors on one side.
    """
    cosines = cosine_scores(queries, candidates)
    if not 1 <= k <= min(cosines.shape):
        raise DataError(
            f"k={k} neighbours, but there are {cosines.shape[0]} queries and {cosines.shape[1]} candidates. The margin "
            "needs at least k on each side; give more texts, or use the cosine."
        )
    of_queries = np.partition(cosines, -k, axis=1)[:, -k:].mean(axis=1, keepdims=True)
    of_candidates = np.partition(cosines, -k, axis=0)[-k:].mean(axis=0, keepdims=True)
    return cosines / ((of_queries + of_candidates) / 2)


def reciprocal_rank_fusion(rankings: Sequence[Sequence[Item]], k: int = 60) -> list[tuple[Item, float]]:
    """Fuse rankings of one query: an item's score is the sum of 1 / (k + rank) over the lists that hold it.

    Only ranks count, so scores of different kinds (a cosine, a BM25 score) need no common scale. Cormack, Clarke and
    Büttcher 2009, *Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning Methods* (SIGIR).

    Args:
        rankings: lists of items, best first; an empty list has no say.
        k: damps the lead of the first ranks. Default 60, as in the paper.

    Returns:
        (item, score), best first; of equal scores, the item that was named first.

    Raises:
        DataError: no ranking, a negative k, or an item that stands twice in a list.
    """
    if not rankings or k < 0:
        raise DataError(f"{len(rankings)} rankings with k={k}; give at least one ranking, and a k of 0 or more.")
    scores: dict[Item, float] = {}
    for ranking in rankings:
        if len(set(ranking)) < len(ranking):
            raise DataError("A ranking names an item twice. Keep its best rank only.")
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])
