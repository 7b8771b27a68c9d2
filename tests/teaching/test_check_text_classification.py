"""The checks of notebook 11 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

import numpy as np
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.evaluation import risk_coverage, top_k_accuracy
from xlft_helpers.teaching import check


def top(p, y, k):
    return float((np.argsort(-p, axis=1)[:, :k] == y[:, None]).any(axis=1).mean())


def least(p, y, k):
    return float((np.argsort(p, axis=1)[:, :k] == y[:, None]).any(axis=1).mean())


def at_place(p, y, k):
    return float((np.argsort(-p, axis=1)[:, k - 1] == y).mean())


def threshold(c, share):
    return float(np.sort(c)[::-1][int(np.ceil(share * len(c))) - 1])


def risk(c, ok, t):
    answered = c >= t
    return float((~ok[answered]).mean()) if answered.any() else 0.0


SOLUTIONS = [
    (check.top_k, top),
    (check.top_k, lambda p, y, k: top_k_accuracy(y, p, k)),
    (check.acceptance_threshold, threshold),
    (check.answered_risk, risk),
    (
        check.answered_risk,
        lambda c, ok, t: risk_coverage(c, ok).query("threshold >= @t")["risk"].tolist()[-1] if (c >= t).any() else 0,
    ),
]

WRONG = [
    (check.top_k, lambda p, y, k: top(p, y, 1), "plain accuracy"),
    (check.top_k, at_place, "place k only"),
    (check.top_k, lambda p, y, k: top(p, y, k) * len(y), "number of texts"),
    (check.top_k, lambda p, y, k: top(p, y, k) / k, "divide by k"),
    (check.top_k, least, "*least* probable"),
    (check.top_k, lambda p, y, k: "many", "got str"),
    (check.acceptance_threshold, lambda c, share: share, "*share* to answer"),
    (check.acceptance_threshold, lambda c, share: np.quantile(c, share), "wrong end"),
    (check.acceptance_threshold, lambda c, share: np.sort(c)[4], "Too strict"),
    (check.acceptance_threshold, lambda c, share: c.min(), "Too lenient"),
    (check.acceptance_threshold, lambda c, share: 0.6, "*largest* such threshold"),
    (check.acceptance_threshold, lambda c, share: 0.62, "smallest"),
    (check.answered_risk, lambda c, ok, t: float((~ok & (c >= t)).mean()), "*all* texts"),
    (check.answered_risk, lambda c, ok, t: float(ok[c >= t].mean()), "that is *right*"),
    (check.answered_risk, lambda c, ok, t: float((~ok[c > t]).mean()), "*equal* to the threshold"),
    (check.answered_risk, lambda c, ok, t: float((~ok[c < t]).mean()), "*not* answered"),
    (check.answered_risk, lambda c, ok, t: float((c >= t).mean()), "coverage"),
    (check.answered_risk, lambda c, ok, t: (~ok[c >= t]).sum() / (c >= t).sum() if (c >= t).any() else np.nan, "divides by zero"),
    (check.answered_risk, lambda c, ok, t: 1.0 if t > 0.9 else risk(c, ok, t), "the risk is 0"),
]  # fmt: skip


STUBS = [
    (checker, stub)
    for checker in (check.top_k, check.acceptance_threshold, check.answered_risk)
    for stub in (..., lambda *arguments: ...)
]
