"""The checks of notebook 01 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

import math

import numpy as np
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.evaluation import retrieval_hits
from xlft_helpers.teaching import check


def shortest(lengths, share):
    for limit in range(1, 1000):
        if all(np.mean([length > limit for length in values]) <= share for values in lengths.values()):
            return limit
    return None


def by_sorting(lengths, share):
    limits = []
    for values in lengths.values():
        allowed = math.floor(share * len(values))
        limits.append(sorted(values, reverse=True)[allowed])
    return max(limits)


def english_only(lengths, share):
    return shortest({k: v for k, v in lengths.items() if k == "en"} or lengths, share)


def pooled(lengths, share):
    return shortest({"all": [length for values in lengths.values() for length in values]}, share)


def mean_of_limits(lengths, share):
    return np.mean([shortest({k: v}, share) for k, v in lengths.items()])


def cosines(queries, candidates):
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, candidates)]
    return unit[0] @ unit[1].T


def hits(nearest):
    return np.mean(nearest == np.arange(len(nearest)))


def by_distance(queries, candidates):
    return hits(np.linalg.norm(queries[:, None] - candidates, axis=2).argmin(axis=1))


SOLUTIONS = [
    (check.vocabulary_share, lambda pieces, width, total: pieces * width / total),
    (check.input_length, shortest),
    (check.input_length, by_sorting),
    (check.input_length, lambda n, share: max(int(np.quantile(v, 1 - share, method="lower")) for v in n.values())),
    (check.precision_at_1, lambda q, c: retrieval_hits(q, c).mean()),
    (check.precision_at_1, lambda q, c: hits(cosines(q, c).argmax(axis=1))),
]

WRONG = [
    (check.vocabulary_share, lambda pieces, width, total: pieces / total, "one parameter a piece"),
    (check.vocabulary_share, lambda p, w, t: p * w / (t - p * w), "*rest* of the parameters"),
    (check.vocabulary_share, lambda p, w, t: 1 - p * w / t, "everything *but*"),
    (check.vocabulary_share, lambda p, w, t: 100 * p * w / t, "in percent"),
    (check.vocabulary_share, lambda p, w, t: p * w, "Divide it by all"),
    (check.vocabulary_share, lambda p, w, t: 0.5, "Expected 1,000"),
    (check.vocabulary_share, lambda p, w, t: p * 50 / t, "Use the arguments"),
    (check.vocabulary_share, lambda p, w, t: None, "returned None"),
    (check.vocabulary_share, lambda p, w, t: "a quarter", "got str"),
    (check.input_length, english_only, "worst off"),
    (check.input_length, pooled, "pools the languages"),
    (check.input_length, mean_of_limits, "mean of the languages' limits"),
    (check.input_length, lambda n, share: max(map(max, n.values())), "Nothing is cut at 40"),
    (check.input_length, lambda n, share: max(np.quantile(v, 1 - share) for v in n.values()), "interpolates"),
    (check.input_length, lambda n, share: shortest(n, share) + 1, "exactly L pieces is not cut"),
    (check.input_length, lambda n, share: shortest(n, 1.5 * share), "cuts 3 of 20"),
    (check.input_length, lambda n, share: 100, "A lower limit is enough"),
    (check.input_length, lambda n, share: 38, "share of 0"),
    (check.input_length, lambda n, share: n["xx"], "raised KeyError"),
    (check.precision_at_1, lambda q, c: hits((q @ c.T).argmax(axis=1)), "dot products"),
    (check.precision_at_1, lambda q, c: hits(cosines(q, c).argmax(axis=0)), "the other way"),
    (check.precision_at_1, lambda q, c: hits(cosines(q, c).argmin(axis=1)), "*lowest* cosine"),
    (check.precision_at_1, by_distance, "unequal length"),
    (check.precision_at_1, lambda q, c: np.diag(cosines(q, c)).mean(), "mean cosine"),
    (check.precision_at_1, lambda q, c: retrieval_hits(q, c).sum(), "share between 0 and 1"),
    (check.precision_at_1, lambda q, c: 100 * retrieval_hits(q, c).mean(), "share between 0 and 1"),
    (check.precision_at_1, lambda q, c: 0.5, "4 of the 5 queries"),
    (check.precision_at_1, lambda q, c: retrieval_hits(q, c), "got ndarray"),
]


STUBS = [
    (check.vocabulary_share, lambda pieces, width, total: ...),
    (check.input_length, lambda lengths, share: ...),
    (check.precision_at_1, lambda queries, candidates: ...),
]
