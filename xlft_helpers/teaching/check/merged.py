"""Checks of notebook 06."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from .report import Wrong, call, exercise


@exercise
def language_shares(answer: Any) -> str:
    """p_k proportional to M_k to the power alpha, as a dictionary of shares."""
    counts, alpha = {"en": 400, "fr": 100}, 0.5
    got = _shares(call(answer, dict(counts), alpha), counts)
    case = f"For {counts} and alpha = {alpha} you gave English {got['en']:.3f}. "
    total = sum(counts.values())
    if abs(sum(got.values()) - 1) > 1e-6:
        hint = "Divide by the sum of the *powers*, so that they do."
        if _near(got["en"], (counts["en"] / total) ** alpha):
            hint = "You took the power of the shares. Divide by the sum once more, after the power."
        raise Wrong(case + f"Your shares add up to {sum(got.values()):.3f}, not to 1. " + hint)
    if _near(got["en"], 0.8):
        raise Wrong(
            case + "That is alpha = 1. Did you multiply by alpha? That cancels; alpha is an *exponent* of the count."
        )
    if _near(got["en"], 0.5):
        raise Wrong(case + "Equal shares are alpha = 0. Use the argument `alpha` as the exponent of each count.")
    if _near(got["en"], 16 / 17):
        raise Wrong(case + "Your exponent is 1/alpha, which makes the large language louder. It must be alpha itself.")
    if _near(got["en"], 1):
        raise Wrong(case + "A softmax of the counts? Of alpha times the *logarithm* of the counts it would be right.")
    if not _near(got["en"], 2 / 3):
        raise Wrong(case + "Expected 20 / (20 + 10) = 0.667: the square roots of 400 and 100, divided by their sum.")
    three = _shares(call(answer, {"en": 480, "hi": 120, "ar": 60}, 0.0), {"en": 480, "hi": 120, "ar": 60})
    if not all(_near(share, 1 / 3) for share in three.values()):
        raise Wrong(
            "Right for alpha = 0.5, but with alpha = 0 three languages must get 1/3 each. Is 0.5 written into it?"
        )
    return "Right: the square roots 20 and 10 give 2/3 and 1/3; alpha = 0 makes all languages equal."


@exercise
def times_seen(answer: Any) -> str:
    """How often a message of a small language is seen in two epochs with alpha = 0.3."""
    if isinstance(answer, bool) or not isinstance(answer, Real):
        raise Wrong(f"Expected a number, got {type(answer).__name__}. Call your function and hand over the result.")
    share = 120**0.3 / (480**0.3 + 3 * 120**0.3)
    value, expected = float(answer), 2 * share * 840 / 120
    reasons = {
        expected / 2: "That is one epoch. The training runs for 2.",
        expected * 120: "That is how many *draws* Hindi gets in both epochs. Divide by its 120 messages.",
        expected * 60: "That is how many *draws* Hindi gets in one epoch. Times 2 epochs, divided by its 120 messages.",
        share: "That is the share p_k of one draw. An epoch has 840 draws, and there are 2 epochs and 120 messages.",
        2.0: "That is alpha = 1, where each message is seen once an epoch. With 0.3 the small languages are repeated.",
        3.5: "That is alpha = 0, equal shares. With 0.3 English keeps a larger share than the others.",
        2 * (1 - 3 * share) * 840 / 480: "That is an *English* message. The question is about a Hindi one.",
    }
    for wrong, reason in reasons.items():
        if math.isclose(value, wrong, rel_tol=0.004):
            raise Wrong(f"You gave {value:.3g}. {reason}")
    if abs(value - expected) > 0.02:
        raise Wrong(f"You gave {value:.3g}. Compute epochs * p_k * N / M_k with N = 480 + 3 * 120 and M_k = 120.")
    return f"Right: 2 * {share:.3f} * 840 / 120 = {expected:.2f} times, against exactly 2 with alpha = 1."


@exercise
def merging_decision(answer: Any) -> str:
    """The winner by a paired test, or that there is none."""
    cases = [
        ((0.06, 0.02, 0.10, 0.004), "merged", "The interval lies above 0 and p is small: merged is better."),
        ((-0.05, -0.09, -0.01, 0.012), "per-language",
         "The interval lies *below* 0 and p is small: per-language is better. Merging can lose."),
        ((0.04, -0.02, 0.10, 0.180), "cannot tell",
         "The interval includes 0 and p is large. The sign of the difference alone decides nothing."),
        ((0.03, -0.01, 0.07, 0.030), "cannot tell",
         "p is below 0.05, but the interval includes 0: other seeds could turn the sign. The rule asks for both."),
        ((0.03, 0.00001, 0.06, 0.080), "cannot tell",
         "The interval leaves out 0, but p is 0.08. The rule asks for both."),
    ]  # fmt: skip
    for case, expected, reason in cases:
        got = call(answer, *case)
        if got not in ("merged", "per-language", "cannot tell"):
            raise Wrong(f'Expected "merged", "per-language" or "cannot tell", got {got!r}.')
        if got != expected:
            difference, low, high, p_value = case
            raise Wrong(f"For {difference:+.2f} [{low:+.2f}, {high:+.2f}], p = {p_value} you said {got!r}. {reason}")
    return "Right: a winner needs an interval without 0 and p < 0.05; otherwise the data cannot tell."


def _shares(got: Any, counts: Mapping[str, int]) -> dict[str, float]:
    if not isinstance(got, Mapping):
        raise Wrong(f"Expected a dictionary of language to share, got {type(got).__name__}.")
    if set(got) != set(counts):
        raise Wrong(f"Expected the languages {list(counts)} as keys, got {list(got)}.")
    try:
        return {code: float(got[code]) for code in counts}
    except (TypeError, ValueError):
        raise Wrong(f"Every share must be a number, got {dict(got)}.") from None


def _near(first: float, second: float) -> bool:
    return abs(first - second) < 1e-3
