"""Which messages to have labelled, when labels are dear.

Sources: Scheffer, Decomain and Wrobel (2001), *Active Hidden Markov Models for Information Extraction*, section 3
(the margin between the two most probable classes); Sener and Savarese (2018), *Active Learning for Convolutional Neural
Networks: A Core-Set Approach*, ICLR, algorithm 1 (greedy k-center); Settles (2009), *Active Learning Literature Survey*.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlft_helpers.errors import DataError

from .features import Features, fit_head

STRATEGIES = ("random", "uncertain", "spread")

SMALLEST_BATCH = 8
"""Messages that are labelled at a time; later as many as there are labels, so that the head is fitted few times."""


def margins(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Probability of the most probable class minus that of the second, (n,) from (n, C); small means uncertain."""
    ordered = np.sort(np.asarray(probabilities, dtype=np.float64), axis=1)
    return ordered[:, -1] - ordered[:, -2]


def most_uncertain(probabilities: ArrayLike, k: int) -> NDArray[np.int64]:
    """The k rows of (n, C) with the smallest margin, the smallest first; of equal ones the first.

    Raises:
        DataError: k is not between 1 and n.
    """
    values = margins(probabilities)
    _check(k, len(values))
    return np.argsort(values, kind="stable")[:k]


def most_spread(embeddings: ArrayLike, k: int, covered: ArrayLike | None = None) -> NDArray[np.int64]:
    """Greedy k-center: again and again the row that is farthest from all that is chosen or covered already.

    Args:
        embeddings: (n, H) of the candidates.
        k: how many to choose.
        covered: (m, H) of messages that have labels; without any, the first choice is the row nearest to the mean.

    Returns:
        (k,) row numbers in the order of the choice.

    Raises:
        DataError: k is not between 1 and n.
    """
    rows = np.asarray(embeddings, dtype=np.float64)
    _check(k, len(rows))
    have = np.empty((0, rows.shape[1])) if covered is None else np.asarray(covered, dtype=np.float64)
    chosen: list[int] = []
    if len(have) == 0:
        chosen.append(int(_squared_distances(rows, rows.mean(axis=0)[None])[:, 0].argmin()))
        have = rows[chosen]
    nearest = _squared_distances(rows, have).min(axis=1)
    nearest[chosen] = -1.0
    while len(chosen) < k:
        farthest = int(nearest.argmax())
        chosen.append(farthest)
        nearest = np.minimum(nearest, _squared_distances(rows, rows[farthest][None])[:, 0])
        nearest[farthest] = -1.0
    return np.array(chosen)


def label_in_rounds(
    start: Features, pool: Features, sizes: Sequence[int], strategy: str, *, seed: int, strength: float = 1.0
) -> dict[int, Features]:
    """Label more and more messages of a pool; ``uncertain`` and ``spread`` look at what is labelled already.

    Labels of the pool are looked at only once their message is chosen. Every seed has a pool of its own, a random half
    of the given one, so that strategies without randomness have a spread to show as well.

    Args:
        start: labelled rows to begin with, e.g. those of the source language.
        pool: the rows to choose from.
        sizes: numbers of chosen messages, rising.
        strategy: one of :data:`STRATEGIES`.
        seed: of the pool and of the random choices.
        strength: as for :func:`~xlft_helpers.adaptation.fit_head`.

    Returns:
        For each size, ``start`` and the chosen messages: what a head can now be fitted on.

    Raises:
        DataError: an unknown strategy, or sizes that do not rise or exceed half the pool.
    """
    if strategy not in STRATEGIES:
        raise DataError(f"strategy={strategy!r} is unknown; choose one of {', '.join(STRATEGIES)}.")
    if sorted(set(sizes)) != list(sizes) or sizes[0] < 0 or sizes[-1] > len(pool) // 2:
        raise DataError(f"sizes={list(sizes)} must rise from 0 or more to at most {len(pool) // 2}, half the pool.")
    random = np.random.default_rng(seed)
    left = np.sort(random.choice(len(pool), len(pool) // 2, replace=False))
    labelled, found, chosen = start, {}, 0
    for size in sizes:
        while chosen < size:
            step = min(size - chosen, max(SMALLEST_BATCH, chosen))
            if strategy == "random":
                picked = random.choice(len(left), step, replace=False)
            elif strategy == "uncertain":
                picked = most_uncertain(fit_head(labelled, strength).predict_proba(pool.embeddings[left]), step)
            else:
                picked = most_spread(pool.embeddings[left], step, labelled.embeddings)
            labelled = labelled.joined(pool.take(left[picked]))
            left, chosen = np.delete(left, picked), chosen + step
        found[size] = labelled
    return found


def _squared_distances(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) from (n, H) and (m, H), without an (n, m, H) array."""
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    return squares - 2 * rows @ others.T


def _check(k: int, n: int) -> None:
    if not 1 <= k <= n:
        raise DataError(f"k={k}, but there are {n} candidates: choose between 1 and {n}.")
