"""Checks of notebook 13."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from .report import Wrong, call, exercise


@exercise
def reply_label(answer: Any) -> str:
    """The index of the one label word that a reply names, else -1."""
    words = ["negative", "neutral", "positive"]
    cases = [
        ("positive", 2, "That is the word itself."),
        ("Neutral.", 1, "A capital letter and a full stop do not make it another word. Compare in small letters."),
        (
            "I think the feeling is negative here",
            0,
            "The word stands in a sentence. Look for it anywhere in the reply.",
        ),
        ("Hard to say", -1, "No label word occurs. Guessing one would hide that the model gave no label."),
        ("positive or negative", -1, "Two label words occur, and taking the first would be a guess."),
        ("Positively surprised, so positive", 2, "'positively' is another word; 'positive' stands there by itself."),
        ("nonnegative", -1, "'negative' is only a part of a word here. Compare whole words."),
        ("positive, very positive", 2, "One label word, twice. It is still one label."),
    ]
    for reply, expected, reason in cases:
        got = call(answer, reply, list(words))
        if isinstance(got, bool) or not isinstance(got, Real):
            raise Wrong(
                f"Expected an index or -1, got {got!r}. Return the place of the word in the list, not the word."
            )
        if got != expected:
            raise Wrong(f"For the reply {reply!r} you returned {got}; expected {expected}. {reason}")
    if call(answer, "Négatif", ["positif", "négatif"]) != 1:
        raise Wrong(
            "Right in English, but for 'Négatif' and ['positif', 'négatif'] expected 1. Use `words`, not a list of your own."
        )
    return "Right: one whole word, in any case. Everything else is -1, where it can be counted."


@exercise
def calibrated_label(answer: Any) -> str:
    """argmax of p / p_cf, with p_cf the mean of the content-free rows."""
    p, free = [0.15, 0.60, 0.25], [[0.05, 0.85, 0.10], [0.15, 0.65, 0.20]]
    got = _index(call(answer, list(p), [list(row) for row in free]))
    case = f"For p = {p} and the content-free rows {free} you returned {got}. "
    if got == int(np.argmax(p)):
        raise Wrong(
            case
            + "That is the label before calibration, which the model likes whatever it reads. Divide by what it says "
            "without content (do not multiply), and take the largest."
        )
    if got != 2:
        raise Wrong(
            case + "Expected 2: the mean row is [0.10, 0.75, 0.15], and p divided by it is [1.50, 0.80, 1.67]. "
            "Average the rows before you divide."
        )
    p, free = [0.45, 0.45, 0.10], [[0.02, 0.95, 0.03], [0.58, 0.37, 0.05]]
    if (got := _index(call(answer, list(p), [list(row) for row in free]))) != 2:
        raise Wrong(
            f"Right once, but for p = {p} and {free} you returned {got}; expected 2: the mean row is [0.30, 0.66, 0.04] "
            "and the ratios are [1.50, 0.68, 2.50]. Did you subtract the mean row? Divide by it."
        )
    return "Right: divided by the mean answer to texts without content, the model's liking for a word drops out."


@exercise
def experiment_cost(answer: Any) -> str:
    """900 messages x 6 orders, 250 tokens in at 0.50, 2 out at 1.50 a million."""
    if isinstance(answer, bool) or not isinstance(answer, Real):
        raise Wrong(f"Expected a number, got {type(answer).__name__}.")
    value, requests = float(answer), 900 * 6
    expected = requests * (250 * 0.50 + 2 * 1.50) / 1e6
    reasons = {
        expected / 6: "That is one order. Each of the 6 orders sends all 900 messages again.",
        expected / 900: "That is one message in 6 orders. There are 900 messages.",
        expected * 1e6: "The prices are for a *million* tokens: divide by 1,000,000.",
        expected * 1e3: "The prices are for a *million* tokens, not a thousand.",
        requests * 250 * 0.50 / 1e6: "The replies are missing: 2 tokens each, at 1.50.",
        requests * (250 * 1.50 + 2 * 0.50) / 1e6: "You swapped the prices: 0.50 is for what goes in.",
        requests * 252 * 2.00 / 1e6: "Each price belongs to its own tokens: 250 in at 0.50, and 2 out at 1.50. Do not add the prices.",
    }  # fmt: skip
    for wrong, reason in reasons.items():
        if math.isclose(value, wrong, rel_tol=1e-3):
            raise Wrong(f"You gave {value:.4g}. {reason}")
    if not math.isclose(value, expected, rel_tol=1e-2):
        raise Wrong(
            f"You gave {value:.4g}. Compute requests * (tokens in * price in + tokens out * price out) / 1,000,000."
        )
    return f"Right: 5,400 requests cost {expected:.2f}, nearly all of it for prompts that repeat the same examples."


@exercise
def padding_waste(answer: Any) -> str:
    """1 - tokens / sum over batches of (texts x longest)."""
    lengths = [2, 4, 10, 10, 3]
    expected = 1 - 29 / (2 * 4 + 2 * 10 + 1 * 3)
    got = call(answer, list(lengths), 2)
    if isinstance(got, bool) or not isinstance(got, Real):
        raise Wrong(f"Expected a number between 0 and 1, got {type(got).__name__}.")
    case = f"For lengths {lengths} in batches of 2 you returned {float(got):.3f}; expected {expected:.3f}. "
    reasons = {
        1 - expected: "That is the share that is *used*. The waste is 1 minus it.",
        1 - 29 / 50: "You padded everything to the longest text of all. Each batch has its own longest text.",
        1 - 29 / 34: "The last batch has one text, not two. Multiply by the texts that are in it.",
        1 - 26 / 28: "The last text is missing. A last batch that is not full counts too.",
        (2 / 8 + 0 + 0) / 3: "You averaged the batches' shares. A batch with more tokens counts more: add up first, divide last.",
        2.0: "That is the number of padding tokens. Divide it by all tokens that are computed on.",
        31 / 29 - 1: "You divided by the real tokens. The share is of everything that is computed on, padding included.",
    }  # fmt: skip
    for wrong, reason in reasons.items():
        if math.isclose(float(got), wrong, rel_tol=1e-6):
            raise Wrong(case + reason)
    if not math.isclose(float(got), expected, rel_tol=1e-6):
        raise Wrong(case + "The batches are [2, 4], [10, 10] and [3]: they take 8 + 20 + 3 tokens, and 29 are text.")
    # Batches of three: [1, 3, 6] takes 18 tokens, [2] takes 2.
    if not math.isclose(float(call(answer, [1, 3, 6, 2], 3)), 1 - 12 / 20, rel_tol=1e-6):
        raise Wrong("Right for batches of 2, but not for batches of 3. Use the argument `batch_size`.")
    return "Right: batches of similar length waste little; a long text among short ones wastes most."


def _index(got: Any) -> int:
    if isinstance(got, bool) or not isinstance(got, Integral) or got not in (0, 1, 2):
        raise Wrong(f"Expected a label index, 0, 1 or 2, got {got!r}. np.argmax gives the index of the largest.")
    return int(got)
