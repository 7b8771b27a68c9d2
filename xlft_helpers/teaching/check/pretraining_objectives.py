"""Checks of notebook 02."""

import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from .report import Wrong, call, exercise


@exercise
def causal_loss(answer: Any) -> str:
    """The mean negative log-likelihood of one text, with the right shift."""
    generator = torch.Generator().manual_seed(2)
    logits = 2 * torch.randn(5, 7, generator=generator, dtype=torch.float64)
    ids = torch.tensor([2, 5, 4, 6, 3])
    value = _number(call(answer, logits.clone(), ids.clone()))
    log_p = logits.log_softmax(dim=-1)
    shifted = [log_p[j - 1, ids[j]].item() for j in range(1, 5)]
    unshifted = [log_p[j, ids[j]].item() for j in range(5)]
    backwards = [log_p[j, ids[j - 1]].item() for j in range(1, 5)]
    raw = [logits[j - 1, ids[j]].item() for j in range(1, 5)]
    reasons = [
        (sum(shifted) / 4, "The sign is turned: that is the mean log-probability. A loss is positive."),
        (-sum(shifted), "That is minus the objective, a sum. The loss is the mean over the predicted pieces."),
        (sum(shifted), "That is the objective itself. Turn the sign, and divide by the number of predicted pieces."),
        (-sum(shifted) / 5, "You divided by all 5 pieces, but the first is given: only 4 are predicted."),
        (-sum(unshifted) / 5, "Each row was compared with the piece it stands at. Row j - 1 is about piece j: shift by one."),
        (-sum(unshifted[1:]) / 4, "Each row was compared with the piece it stands at. Row j - 1 is about piece j: shift by one."),
        (-sum(backwards) / 4, "You shifted the wrong way: row j was compared with piece j - 1, which the model has read already."),
        (-sum(raw) / 4, "You took the logits for log-probabilities. Use `log_softmax` over the vocabulary first."),
        (-sum(math.exp(term) for term in shifted) / 4, "You took probabilities. The objective is made of their logarithms."),
        (-sum(shifted) / 4 / math.log(2), "That is in bits. The loss is in nats: leave out the division by ln 2."),
        (math.exp(-sum(shifted) / 4), "That is the perplexity. The loss is its logarithm."),
    ]  # fmt: skip
    for wrong, reason in reasons:
        if _near(value, wrong):
            raise Wrong(reason)
    if not _near(value, -sum(shifted) / 4):
        raise Wrong(f"You gave {value:.4f}; expected {-sum(shifted) / 4:.4f}, the mean of -log p over pieces 2 to 5.")
    other = _number(call(answer, torch.zeros(3, 50, dtype=torch.float64), torch.tensor([0, 49, 7])))
    if not _near(other, math.log(50)):
        raise Wrong(
            "Right for 5 pieces, but where all 50 pieces of a vocabulary are equally likely, the loss must be ln 50. "
            "Is a number written into it?"
        )
    return "Right: row j - 1 against piece j, and the mean over the T - 1 predicted pieces."


@exercise
def masked_labels(answer: Any) -> str:
    """The original piece where a place was chosen, -100 elsewhere."""
    original = torch.tensor([[2, 10, 11, 12, 13, 14, 3], [2, 20, 21, 22, 23, 3, 0]])
    chosen = torch.tensor([[0, 1, 0, 1, 0, 1, 0], [0, 0, 1, 0, 0, 0, 0]], dtype=torch.bool)
    shown = original.clone()
    shown[0, 1], shown[0, 3], shown[1, 2] = 4, 77, 4  # masked, random, masked; place 5 of the first row stays
    got = call(answer, original.clone(), shown.clone(), chosen.clone())
    if not isinstance(got, Tensor) or got.shape != original.shape:
        shape = f" of shape {tuple(got.shape)}" if isinstance(got, Tensor) else ""
        raise Wrong(f"Expected a tensor of shape {tuple(original.shape)}, got {type(got).__name__}{shape}.")
    ignored = torch.full_like(original, -100)
    reasons = [
        (torch.where(shown != original, original, ignored), "A chosen place that stayed as it was is missing. It counts too: the model must not know which places are right. Use `chosen`."),
        (torch.where(shown == 4, original, ignored), "Only the places with [MASK] count in yours. The random pieces and those that stayed were chosen, too."),
        (torch.where(chosen, shown, ignored), "The label is what *was* there, not what the model is shown."),
        (torch.where(chosen, ignored, original), "It is the other way round: -100 stands where nothing is predicted."),
        (original, "Every place is predicted in yours. Put -100 where `chosen` is false, or the model is paid for copying."),
        (torch.where(chosen, original, 0), "Places that do not count need the label -100. 0 is a piece like any other, and would be predicted."),
    ]  # fmt: skip
    for wrong, reason in reasons:
        if torch.equal(got.long(), wrong):
            raise Wrong(reason)
    if not torch.equal(got.long(), torch.where(chosen, original, ignored)):
        raise Wrong(f"You gave {got.tolist()}; expected {torch.where(chosen, original, ignored).tolist()}.")
    return "Right: what was there at the chosen places, also where nothing was changed, and -100 elsewhere."


@exercise
def to_bits_per_character(answer: Any) -> str:
    """log2(perplexity) times pieces over characters."""
    perplexity, pieces, characters = 64.0, 300, 1200
    value = _number(call(answer, perplexity, pieces, characters))
    case = f"For perplexity {perplexity:.0f}, {pieces} pieces and {characters} characters you gave {value:.4g}. "
    reasons = {
        math.log(64) * 300 / 1200: "That is in nats. Divide by ln 2.",
        math.log(64) * 300 * math.log(2) / 1200: "You multiplied by ln 2. A nat is *more* than a bit: divide.",
        6.0: "That is bits a *piece*. Multiply by the pieces, divide by the characters.",
        6.0 * 1200 / 300: "Pieces and characters are exchanged: a text has more characters than pieces.",
        6.0 / 1200: "That is the bits of one piece over all characters. Multiply by the number of pieces.",
        64 * 300 / 1200: "The perplexity is not a loss yet: take its logarithm.",
        64 * 300 / 1200 / math.log(2): "The perplexity is not a loss yet: take its logarithm.",
        -1.5: "The sign is turned. Bits per character are a cost, and positive.",
    }
    for wrong, reason in reasons.items():
        if _near(value, wrong):
            raise Wrong(case + reason)
    if not _near(value, 1.5):
        raise Wrong(case + "Expected log2(64) * 300 / 1200 = 6 / 4 = 1.5.")
    if not _near(_number(call(answer, 2.0, 10, 10)), 1.0):
        raise Wrong("Right for one case, but perplexity 2 with as many pieces as characters is 1 bit per character.")
    return "Right: log2(64) * 300 / 1200 = 1.5 bits per character."


def _number(got: Any) -> float:
    if isinstance(got, Tensor) and got.numel() == 1:
        got = got.item()
    if isinstance(got, bool) or not isinstance(got, Real):
        raise Wrong(f"Expected a number, got {type(got).__name__}.")
    return float(got)


def _near(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=1e-4)
