"""The checks of notebook 06 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

import math

from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.data import sampling_probabilities
from xlft_helpers.teaching import check

COUNTS = {"en": 480, "fr": 120, "ar": 120, "hi": 120}
SHARE = sampling_probabilities(COUNTS, 0.3)


def normalised(powers):
    return {code: power / sum(powers.values()) for code, power in powers.items()}


def rule(difference, low, high, p_value):
    if p_value >= 0.05 or low <= 0 <= high:
        return "cannot tell"
    return "merged" if difference > 0 else "per-language"


def by_sign(difference, low, high, p_value):
    return "merged" if difference > 0 else "per-language"


def by_p_value(difference, low, high, p_value):
    return by_sign(difference, low, high, p_value) if p_value < 0.05 else "cannot tell"


def by_interval(difference, low, high, p_value):
    return by_sign(difference, low, high, p_value) if low > 0 or high < 0 else "cannot tell"


def never_per_language(difference, low, high, p_value):
    return "merged" if low > 0 and p_value < 0.05 else "cannot tell"


SOLUTIONS = [
    (check.language_shares, sampling_probabilities),
    (check.language_shares, lambda counts, alpha: normalised({k: M**alpha for k, M in counts.items()})),
    (check.language_shares, lambda c, a: normalised({k: math.exp(a * math.log(M)) for k, M in c.items()})),
    (check.times_seen, 2 * SHARE["hi"] * 840 / 120),
    (check.times_seen, 3.1),
    (check.merging_decision, rule),
]

WRONG = [
    (check.language_shares, lambda c, a: normalised(c), "That is alpha = 1"),
    (check.language_shares, lambda c, a: normalised({k: a * M for k, M in c.items()}), "*exponent* of the count"),
    (check.language_shares, lambda c, a: dict.fromkeys(c, 1 / len(c)), "alpha = 0"),
    (check.language_shares, lambda c, a: {k: (M / sum(c.values())) ** a for k, M in c.items()}, "after the power"),
    (check.language_shares, lambda c, a: {k: M**a for k, M in c.items()}, "not to 1"),
    (check.language_shares, lambda c, a: normalised({k: M ** (1 / a) for k, M in c.items()}), "1/alpha, which"),
    (check.language_shares, lambda c, a: normalised({k: math.exp(a * M) for k, M in c.items()}), "logarithm"),
    (check.language_shares, lambda c, a: normalised({k: M**0.5 for k, M in c.items()}), "alpha = 0 three"),
    (check.language_shares, lambda c, a: list(c.values()), "dictionary"),
    (check.language_shares, lambda c, a: {"en": 2 / 3}, "as keys"),
    (check.language_shares, lambda c, a: dict.fromkeys(c, "a"), "must be a number"),
    (check.language_shares, lambda c, a: None, "returned None"),
    (check.language_shares, lambda c, a: c["xx"], "raised KeyError"),
    (check.times_seen, SHARE["hi"] * 840 / 120, "one epoch"),
    (check.times_seen, 2 * SHARE["hi"] * 840, "*draws* Hindi gets in both"),
    (check.times_seen, SHARE["hi"] * 840, "in one epoch"),
    (check.times_seen, SHARE["hi"], "share p_k"),
    (check.times_seen, 2, "alpha = 1"),
    (check.times_seen, 3.5, "alpha = 0"),
    (check.times_seen, 2 * SHARE["en"] * 840 / 480, "*English* message"),
    (check.times_seen, 17, "epochs * p_k"),
    (check.times_seen, lambda: 3.1, "Call your function"),
    (check.merging_decision, by_sign, "sign of the difference alone"),
    (check.merging_decision, by_p_value, "interval includes 0"),
    (check.merging_decision, by_interval, "p is 0.08"),
    (check.merging_decision, never_per_language, "Merging can lose"),
    (check.merging_decision, lambda *_: "yes", "got 'yes'"),
    (check.merging_decision, lambda *_: "cannot tell", "merged is better"),
]


STUBS = [
    (check.language_shares, lambda counts, alpha: ...),
    (check.times_seen, ...),
    (check.merging_decision, lambda difference, low, high, p_value: ...),
]
