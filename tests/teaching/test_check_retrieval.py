"""The checks of notebook 09 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.tasks.ranking import reciprocal_rank_fusion
from xlft_helpers.teaching import check


def ranks(rankings, answers, start=1):
    return [
        ranking.index(answer) + start if answer in ranking else None
        for ranking, answer in zip(rankings, answers, strict=True)
    ]


def mrr(rankings, answers):
    return sum(1 / rank for rank in ranks(rankings, answers) if rank) / len(rankings)


def only_found(rankings, answers):
    found = [rank for rank in ranks(rankings, answers) if rank]
    return sum(1 / rank for rank in found) / len(found)


def one_over_mean(rankings, answers):
    found = [rank for rank in ranks(rankings, answers) if rank]
    return len(found) / sum(found)


def late_ranks(rankings, answers):
    return sum(1 / rank for rank in ranks(rankings, answers, start=2) if rank) / len(rankings)


def mean_rank(rankings, answers):
    found = [rank for rank in ranks(rankings, answers) if rank]
    return sum(found) / len(found)


def precision_at_1(rankings, answers):
    return sum(rank == 1 for rank in ranks(rankings, answers)) / len(rankings)


def fusion(rankings, k=60):
    return [item for item, _ in reciprocal_rank_fusion(rankings, k)]


def by_count(rankings, k=60):
    items = dict.fromkeys(item for ranking in rankings for item in ranking)
    return sorted(items, key=lambda item: -sum(item in ranking for ranking in rankings))


def first_named(rankings, k=60):
    return list(dict.fromkeys(item for ranking in rankings for item in ranking))


def with_copies(rankings, k=60):
    return [*fusion(rankings), "a"]


def intersection(rankings, k=60):
    return ["a", "c"]


def alphabetical_ties(rankings, k=60):
    scores = dict(reciprocal_rank_fusion(rankings, k))
    return sorted(scores, key=lambda item: (-scores[item], item))


def ranks_from_0(rankings, k=60):
    scores = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking):
            scores[item] = scores.get(item, 0) + 1 / (k + rank)
    return sorted(scores, key=lambda item: -scores[item])


def deaf_to_k(rankings, k=60):
    return fusion(rankings, 60)


SOLUTIONS = [
    (check.mean_reciprocal_rank, mrr),
    (check.two_margins, (0.80 / 0.76, 0.75 / 0.60)),
    (check.two_margins, [1.053, 1.25]),
    (check.rank_fusion, fusion),
]

WRONG = [
    (check.mean_reciprocal_rank, only_found, "*all* queries"),
    (check.mean_reciprocal_rank, one_over_mean, "one over the mean rank"),
    (check.mean_reciprocal_rank, late_ranks, "begin at 2"),
    (check.mean_reciprocal_rank, mean_rank, "mean *rank*"),
    (check.mean_reciprocal_rank, precision_at_1, "That is P@1"),
    (check.mean_reciprocal_rank, lambda r, a: 0.123, "mean over all queries"),
    (check.mean_reciprocal_rank, lambda r, a: "0.4", "Expected a number"),
    (check.mean_reciprocal_rank, lambda r, a: r[9], "raised IndexError"),
    (check.mean_reciprocal_rank, lambda r, a: r[3].index(a[3]), "9 is in no list"),
    (check.two_margins, (0.75 / 0.60, 0.80 / 0.76), "exchanged"),
    (check.two_margins, (0.80 - 0.76, 0.75 - 0.60), "*distance* margin"),
    (check.two_margins, (0.80 / 1.52, 0.75 / 1.20), "not by their sum"),
    (check.two_margins, (0.80 / 0.82, 0.75 / 0.50), "neighbours of the query"),
    (check.two_margins, (0.80 / 0.70, 0.75 / 0.70), "neighbours of the candidates"),
    (check.two_margins, (0.76 / 0.80, 0.60 / 0.75), "upside down"),
    (check.two_margins, (1.0, 2.0), "Expected cos(x, y)"),
    (check.two_margins, 1.05, "two numbers"),
    (check.rank_fusion, lambda rankings, k=60: fusion(rankings)[::-1], "worst first"),
    (check.rank_fusion, by_count, "how many lists"),
    (check.rank_fusion, first_named, "first named"),
    (check.rank_fusion, with_copies, "twice"),
    (check.rank_fusion, intersection, "Every item of any ranking"),
    (check.rank_fusion, lambda rankings, k=60: reciprocal_rank_fusion(rankings, k), "without their scores"),
    (check.rank_fusion, deaf_to_k, "With k = 0"),
    (check.rank_fusion, alphabetical_ties, "named first"),
    (check.rank_fusion, ranks_from_0, "begin at 1"),
    (check.rank_fusion, lambda rankings, k=60: ["c", "a", "f", "b", "e", "d"], "Expected ['a'"),
    (check.rank_fusion, lambda rankings, k=60: {"a": 1}, "Expected a list"),
]


STUBS = [
    (check.mean_reciprocal_rank, lambda rankings, answers: ...),
    (check.two_margins, (..., ...)),
    (check.two_margins, (1.05, ...)),
    (check.rank_fusion, lambda rankings, k=60: ...),
]
