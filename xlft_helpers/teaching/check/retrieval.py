"""Checks of notebook 09."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .report import NotAttempted, Wrong, call, exercise, number

_COSINES = (0.80, 0.75)
_TEXT_MEANS = (0.82, 0.50)
_QUERY_MEAN = 0.70


@exercise
def mean_reciprocal_rank(answer: Any) -> str:
    """The mean of 1 / rank of the right text; 0 where it is not in the list."""
    rankings, answers = [[4, 1, 3], [2, 5, 0], [1, 3, 2], [0, 4]], [4, 5, 2, 9]
    ranks = [1, 2, 3, None]
    try:
        got = number(call(answer, rankings, answers))
    except Wrong as wrong:
        raise Wrong(
            f"{wrong} It was called with the rankings {rankings} and the answers {answers}; 9 is in no list."
        ) from wrong
    case = f"For answers at the ranks 1, 2, 3 and one that is not in its list you returned {got:.3f}. "
    found = [rank for rank in ranks if rank]
    expected = sum(1 / rank for rank in found) / len(ranks)
    if _near(got, expected):
        return f"Right: (1 + 1/2 + 1/3 + 0) / 4 = {expected:.3f}. A query that finds nothing counts in the denominator."
    if _near(got, sum(1 / rank for rank in found) / len(found)):
        raise Wrong(
            case + "Divide by *all* queries: one without its answer in the list counts as 0, it is not left out."
        )
    if _near(got, len(ranks) / sum(found)) or _near(got, len(found) / sum(found)):
        raise Wrong(case + "That is one over the mean rank. Take the reciprocal of each rank first, then the mean.")
    if _near(got, sum(1 / (rank + 1) for rank in found) / len(ranks)):
        raise Wrong(case + "Your ranks begin at 2. Add 1 to the place from `list.index` once, not twice.")
    if _near(got, sum(found) / len(found)) or _near(got, sum(found) / len(ranks)):
        raise Wrong(case + "That is the mean *rank*; the reciprocal of a rank is 1 / rank.")
    if _near(got, sum(rank == 1 for rank in found) / len(ranks)):
        raise Wrong(case + "That is P@1: it sees the first place only. Rank 3 earns 1/3.")
    raise Wrong(case + "Expected the mean over all queries of 1 / rank, and 0 for a query whose answer is not listed.")


@exercise
def two_margins(answer: Any) -> str:
    """The margin score of a hub and of a quiet text."""
    got = _two_numbers(answer)
    means = [(_QUERY_MEAN + mean) / 2 for mean in _TEXT_MEANS]
    expected = [cosine / mean for cosine, mean in zip(_COSINES, means, strict=True)]
    case = f"You have {got[0]:.3f} for A and {got[1]:.3f} for B. "
    if _all_near(got, expected):
        return (
            f"Right: {expected[0]:.3f} for the hub A and {expected[1]:.3f} for B. By the cosine A would be found, by the "
            "margin B is."
        )
    if _all_near(got, expected[::-1]):
        raise Wrong(case + "The two are exchanged: A is the hub.")
    if _all_near(got, [cosine - mean for cosine, mean in zip(_COSINES, means, strict=True)]):
        raise Wrong(case + "That is the *distance* margin, cosine minus mean. The ratio divides by the mean.")
    if _all_near(got, [value / 2 for value in expected]):
        raise Wrong(case + "Divide by the mean of the two means, not by their sum.")
    if _all_near(got, [cosine / mean for cosine, mean in zip(_COSINES, _TEXT_MEANS, strict=True)]):
        raise Wrong(case + "The neighbours of the query, 0.70 on average, belong into the denominator as well.")
    if _all_near(got, [cosine / _QUERY_MEAN for cosine in _COSINES]):
        raise Wrong(case + "The neighbours of the candidates belong into the denominator as well; they tell a hub.")
    if _all_near(got, [1 / value for value in expected]):
        raise Wrong(case + "The fraction is upside down: the cosine is divided by the mean of its surroundings.")
    raise Wrong(case + "Expected cos(x, y) divided by the mean of the query's 0.70 and the candidate's own mean.")


@exercise
def rank_fusion(answer: Any) -> str:
    """Reciprocal rank fusion, as a list of items."""
    rankings = [["a", "b", "c", "d"], ["c", "a", "e"], ["f"]]
    expected = ["a", "c", "f", "b", "e", "d"]
    got = _items(call(answer, [list(ranking) for ranking in rankings]))
    case = f"For the rankings {rankings} you returned {got}. "
    if sorted(set(got)) != sorted(expected):
        raise Wrong(case + "Every item of any ranking must be there, and nothing else.")
    if len(got) != len(set(got)):
        raise Wrong(case + "An item stands there twice. Add up the scores of an item before you sort.")
    if got == expected[::-1]:
        raise Wrong(case + "That is the worst first. Sort by falling score.")
    if got == ["a", "c", "b", "d", "e", "f"]:
        raise Wrong(
            case
            + "It looks as if items were sorted by how many lists hold them, or by name. The first place of one list, "
            "1/61, beats the second, 1/62."
        )
    if got == ["a", "b", "c", "d", "e", "f"]:
        raise Wrong(case + "That is the order in which they are first named. Sort by the sum of 1 / (k + rank).")
    if got != expected:
        raise Wrong(case + f"Expected {expected}: the sum of 1 / (60 + rank) over the lists that hold the item.")
    ties = _items(call(answer, [["z"], ["a"]]))
    if ties != ["z", "a"]:
        raise Wrong(
            f"For [['z'], ['a']] you returned {ties}. Of equal scores, the item that was named first comes first."
        )
    two = [["x", "v", "y"], ["v", "w", "y"]]
    try:
        sharp = _items(call(answer, [list(ranking) for ranking in two], k=0))
    except Wrong as wrong:
        if isinstance(wrong.__cause__, ZeroDivisionError):
            raise Wrong("With k = 0 your function divides by zero. Do your ranks begin at 1?") from wrong
        raise
    if sharp != ["v", "x", "y", "w"]:
        raise Wrong(
            f"With k = 0 the rankings {two} give {sharp}, expected ['v', 'x', 'y', 'w'] (3/2, 1, 2/3 and 1/2). Do you use "
            "k, and ranks that begin at 1?"
        )
    return "Right. `a` is first and second, 1/61 + 1/62; `c` third and first. One vote more weighs more than one place."


def _two_numbers(answer: Any) -> list[float]:
    if not isinstance(answer, (tuple, list, np.ndarray)) or len(answer) != 2:
        raise Wrong("Expected two numbers: (margin_a, margin_b).")
    if any(value is ... for value in answer):
        raise NotAttempted
    return [number(value) for value in answer]


def _items(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise Wrong(f"Expected a list of items, got {type(value).__name__}.")
    if value and isinstance(value[0], tuple):
        raise Wrong("Return the items alone, without their scores.")
    return list(value)


def _near(first: float, second: float) -> bool:
    return abs(first - second) < 1e-6


def _all_near(got: Sequence[float], expected: Sequence[float]) -> bool:
    return all(abs(first - second) < 5e-3 for first, second in zip(got, expected, strict=True))
