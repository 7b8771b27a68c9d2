"""Checks of notebook 03."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from .report import Wrong, call, exercise


@exercise
def objective_from_log(answer: Any) -> str:
    """L_fine out of the batches' mean losses and sizes."""
    losses, sizes = [1.0, 0.5, 2.0], [8, 8, 2]
    got = call(answer, list(losses), list(sizes))
    if isinstance(got, Tensor) and got.numel() == 1:
        got = got.item()
    if isinstance(got, bool) or not isinstance(got, Real):
        raise Wrong(f"Expected a number, got {type(got).__name__}.")
    value, total = float(got), sum(sizes)
    case = f"For the losses {losses} and the sizes {sizes} you gave {value:.4g}. "
    reasons = {
        16.0: "The size is right, the sign is not: a loss is *minus* the objective, which is never positive.",
        -16 / total: "That is the mean over the messages. L_fine is the sum.",
        16 / total: "That is the mean loss over the messages. L_fine is the sum, with the sign turned.",
        -3.5: "That is minus the sum of the batch means. A batch of 8 messages must count eight times.",
        3.5: "That is the sum of the batch means. Multiply each by its size, and turn the sign.",
        -3.5 / 3: "That is minus the mean of the batch means, in which the small batch counts as much as a large one.",
        3.5 / 3: "That is the mean of the batch means. Multiply each by its size, add up, and turn the sign.",
        -3.5
        / 3
        * total: "You multiplied the mean of the batch means by all messages. Weigh each batch by its own size.",
    }
    for wrong, reason in reasons.items():
        if math.isclose(value, wrong, rel_tol=1e-6):
            raise Wrong(case + reason)
    if not math.isclose(value, -16.0, rel_tol=1e-6):
        raise Wrong(case + "Expected -(8 * 1.0 + 8 * 0.5 + 2 * 2.0) = -16.")
    return "Right: -(8 * 1.0 + 8 * 0.5 + 2 * 2.0) = -16 nats."


@exercise
def language_weights(answer: Any) -> str:
    """w_k = p_k N / M_k, as a dictionary."""
    counts, alpha = {"en": 400, "fr": 100}, 0.5
    got = _numbers(call(answer, dict(counts), alpha), counts)
    case = f"For {counts} and alpha = {alpha} you gave English {got['en']:.4g} and French {got['fr']:.4g}. "
    reasons = {
        (
            2 / 3,
            1 / 3,
        ): "These are the shares p_k of the draws. Divide each by the language's share of the messages, M_k / N.",
        (
            1 / 600,
            1 / 300,
        ): "That is p_k / M_k, the chance of one message. Multiply by N, so that alpha = 1 gives weights of 1.",
        (
            1.2,
            0.6,
        ): "These are the inverse. A small language is drawn *more* often than it has messages, so its weight is above 1.",
        (0.625, 2.5): "That is alpha = 0, N / (K M_k). Use the argument `alpha`.",
        (1.0, 1.0): "Weights of 1 are alpha = 1. With alpha = 0.5 English must count less.",
        (0.5, 2.0): "You divided p_k, or M_k to the power alpha, by another sum. Use p_k N / M_k with N = 500.",
    }
    for wrong, reason in reasons.items():
        if _near(got["en"], wrong[0]) and _near(got["fr"], wrong[1]):
            raise Wrong(case + reason)
    if not (_near(got["en"], 5 / 6) and _near(got["fr"], 5 / 3)):
        raise Wrong(case + "Expected 2/3 * 500 / 400 = 0.833 and 1/3 * 500 / 100 = 1.667.")
    plain = _numbers(call(answer, {"en": 480, "hi": 120, "ar": 60}, 1.0), {"en": 480, "hi": 120, "ar": 60})
    if not all(_near(weight, 1) for weight in plain.values()):
        raise Wrong("Right for alpha = 0.5, but with alpha = 1 every weight must be 1. Is 0.5 or 500 written into it?")
    return "Right: 0.833 and 1.667. Weighted by these, 400 and 100 messages count like 333 and 167."


@exercise
def smoothed_push(answer: Any) -> str:
    """q - p for one message."""
    logits, label, smoothing = torch.tensor([1.0, 0.0, 2.0, 0.0], dtype=torch.float64), 2, 0.2
    got = call(answer, logits.clone(), label, smoothing)
    if not isinstance(got, Tensor) or got.shape != logits.shape:
        shape = f" of shape {tuple(got.shape)}" if isinstance(got, Tensor) else ""
        raise Wrong(f"Expected a tensor of {len(logits)} numbers, got {type(got).__name__}{shape}.")
    p, hard = logits.softmax(dim=0), torch.eye(4, dtype=torch.float64)[label]
    expected = (1 - smoothing) * hard + smoothing / 4 - p
    without_own = (1 - smoothing) * hard + smoothing / 3 * (1 - hard)
    reasons = [
        (-expected, "The sign is turned: that is the gradient of the *loss*. The objective's is truth minus belief."),
        (hard - p, "That is the push of a hard label. Spread `smoothing` over the classes first."),
        (p - hard, "That is minus the push of a hard label. Truth minus belief, and the truth is smoothed."),
        (expected + p, "That is q, the smoothed truth. Take the model's belief off, the softmax of the logits."),
        (without_own - p, "You spread `smoothing` over the *other* classes. Here every class gets smoothing / C, the true one too."),
        ((1 - smoothing) * hard - p, "The true class got 1 - smoothing, but what was taken off must go to all classes: smoothing / C."),
        ((1 - smoothing) * hard + smoothing - p, "Each class got all of `smoothing`. Divide it by the number of classes."),
        ((1 - smoothing) * hard + smoothing / 4 - logits, "You took the logits off. The belief is their softmax."),
        (hard + smoothing / 4 - p, "Your smoothed truth adds up to more than 1. The true class keeps 1 - smoothing, not 1."),
    ]  # fmt: skip
    for wrong, reason in reasons:
        if torch.allclose(got.double(), wrong, atol=1e-4):
            raise Wrong(reason)
    if not torch.allclose(got.double(), expected, atol=1e-4):
        numbers = [round(value, 3) for value in got.tolist()]
        raise Wrong(f"You gave {numbers}, expected {[round(value, 3) for value in expected.tolist()]}: q - p.")
    other = call(answer, torch.zeros(3, dtype=torch.float64), 0, 0.0)
    if not isinstance(other, Tensor) or not torch.allclose(other.double(), torch.tensor([2.0, -1, -1]).double() / 3):
        raise Wrong(
            "Right for 4 classes and smoothing 0.2, but not for 3 classes and smoothing 0, which is a hard label."
        )
    return "Right: q - p. The pushes of a message add up to 0, smoothed or not."


def _numbers(got: Any, counts: Mapping[str, int]) -> dict[str, float]:
    if not isinstance(got, Mapping):
        raise Wrong(f"Expected a dictionary of language to weight, got {type(got).__name__}.")
    if set(got) != set(counts):
        raise Wrong(f"Expected the languages {list(counts)} as keys, got {list(got)}.")
    try:
        return {code: float(got[code]) for code in counts}
    except (TypeError, ValueError):
        raise Wrong(f"Every weight must be a number, got {dict(got)}.") from None


def _near(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=1e-3)
