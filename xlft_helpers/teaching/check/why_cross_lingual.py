"""Checks of notebook 01."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .report import Wrong, call, exercise, number


@exercise
def vocabulary_share(answer: Any) -> str:
    """The share of a model's parameters that its piece embeddings hold."""
    pieces, width, total = 1_000, 50, 200_000
    got = number(call(answer, pieces, width, total))
    case = f"For {pieces:,} pieces of width {width} in {total:,} parameters you returned {got:g}. "
    if _near(got, pieces / total):
        raise Wrong(case + "That counts one parameter a piece. Each piece has a vector of `width` numbers.")
    if _near(got, pieces * width / (total - pieces * width)):
        raise Wrong(case + "That divides by the *rest* of the parameters. A share is a part of the whole.")
    if _near(got, 1 - pieces * width / total):
        raise Wrong(case + "That is the share of everything *but* the embeddings.")
    if _near(got, 25):
        raise Wrong(case + "That is in percent; return a share between 0 and 1.")
    if _near(got, pieces * width):
        raise Wrong(case + "That is the number of parameters in the table. Divide it by all parameters.")
    if not _near(got, 0.25):
        raise Wrong(case + "Expected 1,000 * 50 / 200,000 = 0.25.")
    if not _near(number(call(answer, 300, 10, 12_000)), 0.25):
        raise Wrong("Right for one model, but not for another with 300 pieces of width 10. Use the arguments.")
    return "Right: pieces times width, divided by all parameters, here a quarter."


@exercise
def input_length(answer: Any) -> str:
    """The shortest input limit that cuts at most a given share of the messages in every language."""
    lengths = {"en": [10] * 12 + [11, 12, 13, 14, 15, 16, 17, 18], "hi": [30] * 10 + list(range(31, 41))}
    got = number(call(answer, {k: list(v) for k, v in lengths.items()}, 0.1))
    case = f"With English lengths up to 18, Hindi lengths up to 40 and a share of 0.1 you returned {got:g}. "
    best, pooled = _limit(lengths["hi"], 0.1), _limit(lengths["en"] + lengths["hi"], 0.1)
    if got == _limit(lengths["en"], 0.1):
        raise Wrong(case + "That is enough for English and cuts all of Hindi. Take the language that is worst off.")
    if got == pooled:
        raise Wrong(
            case + "That pools the languages: one message in ten is cut on average, and all of them are Hindi. Look at "
            "each language by itself."
        )
    if got == 40:
        raise Wrong(case + "Nothing is cut at 40. The share allows for some; the limit can be lower.")
    if _near(got, sum(_limit(values, 0.1) for values in lengths.values()) / 2):
        raise Wrong(case + "That is the mean of the languages' limits. *Every* language must be within the share.")
    if got != int(got):
        raise Wrong(case + "A limit is a whole number of pieces, and `quantile` interpolates between lengths.")
    if got == best + 1:
        raise Wrong(case + "One less is enough: a message of exactly L pieces is not cut.")
    if got < best:
        cut = sum(length > got for length in lengths["hi"])
        raise Wrong(case + f"That cuts {cut} of 20 Hindi messages; at most 2 may be cut.")
    if got != best:
        raise Wrong(case + f"A lower limit is enough: {best} cuts 2 of 20 Hindi messages and no English one.")
    if call(answer, {"zh": [5, 5, 5, 9]}, 0.0) != 9:
        raise Wrong("With a share of 0 nothing may be cut: the limit is then the longest message.")
    return f"Right: {best} pieces. Hindi, the language that is worst off, decides."


@exercise
def precision_at_1(answer: Any) -> str:
    """P@1: the share of queries whose nearest candidate by cosine is their own translation."""
    queries, candidates = _vectors()
    got = number(call(answer, queries.copy(), candidates.copy()))
    products = queries @ candidates.T
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(candidates, axis=1)
    distances = np.linalg.norm(queries[:, None] - candidates, axis=2)
    case = f"On five queries and five candidates you returned {got:g}. "
    if _near(got, _share(products.argmax(axis=1))):
        raise Wrong(case + "That compares dot products: long vectors win. Divide each vector by its length first.")
    if _near(got, _share((products / lengths).argmax(axis=0))):
        raise Wrong(case + "That searches the other way, a query for each candidate. Take the argmax along axis 1.")
    if _near(got, _share((products / lengths).argmin(axis=1))):
        raise Wrong(case + "That takes the *lowest* cosine. The nearest candidate has the highest.")
    if _near(got, _share(distances.argmin(axis=1))):
        raise Wrong(case + "That compares distances between vectors of unequal length. Use the cosine.")
    if _near(got, float(np.diag(products / lengths).mean())):
        raise Wrong(case + "That is the mean cosine of the translations. Ask who is nearest, not how near.")
    expected = _share((products / lengths).argmax(axis=1))
    if _near(got, 100 * expected) or _near(got, 5 * expected):
        raise Wrong(case + "Return a share between 0 and 1: the mean of the hits.")
    if not _near(got, expected):
        raise Wrong(case + f"By cosine, {round(5 * expected)} of the 5 queries find their own row.")
    return f"Right: {round(5 * expected)} of 5 queries find their translation, {expected:g}."


def _limit(lengths: Sequence[int], share: float) -> int:
    """The smallest length that at most ``share`` of ``lengths`` exceed."""
    return sorted(lengths)[len(lengths) - 1 - math.floor(share * len(lengths) + 1e-9)]


def _share(nearest: np.ndarray) -> float:
    return float((nearest == np.arange(len(nearest))).mean())


def _vectors() -> tuple[np.ndarray, np.ndarray]:
    """Five pairs of vectors for which every usual mistake gives another share than the cosine's four fifths."""
    queries = np.array([[-4.2, -6.6], [1.8, 2.4], [5.1, -1.7], [-0.2, -0.6], [1.4, 0.9]])
    candidates = np.array([[-1.4, -0.8], [0.8, 2.4], [3.9, -0.8], [-1.3, -2.9], [4.6, 1.9]])
    return queries, candidates


def _near(value: float, expected: float) -> bool:
    return abs(value - expected) < 1e-6
