"""The checks of notebook 02 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

import math

import torch
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)
from torch.nn.functional import cross_entropy

from xlft_helpers.objectives import causal_objective
from xlft_helpers.teaching import check


def loss_of_torch(logits, ids):
    return cross_entropy(logits[:-1], ids[1:])


def loss_of_package(logits, ids):
    return -causal_objective(logits[None], ids[None]) / (len(ids) - 1)


def bits(perplexity, pieces, characters):
    return math.log2(perplexity) * pieces / characters


SOLUTIONS = [
    (check.causal_loss, loss_of_torch),
    (check.causal_loss, loss_of_package),
    (check.masked_labels, lambda original, shown, chosen: original.masked_fill(~chosen, -100)),
    (check.to_bits_per_character, bits),
]

WRONG = [
    (check.causal_loss, lambda z, ids: -loss_of_torch(z, ids), "sign is turned"),
    (check.causal_loss, lambda z, ids: cross_entropy(z[:-1], ids[1:], reduction="sum"), "mean over the predicted"),
    (check.causal_loss, lambda z, ids: -cross_entropy(z[:-1], ids[1:], reduction="sum"), "the objective itself"),
    (check.causal_loss, lambda z, ids: cross_entropy(z[:-1], ids[1:], reduction="sum") / len(ids), "only 4"),
    (check.causal_loss, cross_entropy, "shift by one"),
    (check.causal_loss, lambda z, ids: cross_entropy(z[1:], ids[1:]), "shift by one"),
    (check.causal_loss, lambda z, ids: cross_entropy(z[1:], ids[:-1]), "the wrong way"),
    (check.causal_loss, lambda z, ids: -z[:-1].gather(1, ids[1:, None]).mean(), "log_softmax"),
    (check.causal_loss, lambda z, ids: -z.softmax(-1)[:-1].gather(1, ids[1:, None]).mean(), "took probabilities"),
    (check.causal_loss, lambda z, ids: loss_of_torch(z, ids) / math.log(2), "in bits"),
    (check.causal_loss, lambda z, ids: loss_of_torch(z, ids).exp(), "the perplexity"),
    (check.causal_loss, lambda z, ids: cross_entropy(z[:-1], ids[1:], reduction="sum") / 4, "ln 50"),
    (check.causal_loss, lambda z, ids: 0.5, "pieces 2 to 5"),
    (check.causal_loss, lambda z, ids: z, "Expected a number, got Tensor"),
    (check.causal_loss, lambda z, ids: None, "returned None"),
    (check.masked_labels, lambda o, s, c: o.masked_fill(o == s, -100), "stayed as it was is missing"),
    (check.masked_labels, lambda o, s, c: o.masked_fill(s != 4, -100), "random pieces"),
    (check.masked_labels, lambda o, s, c: s.masked_fill(~c, -100), "what *was* there"),
    (check.masked_labels, lambda o, s, c: o.masked_fill(c, -100), "other way round"),
    (check.masked_labels, lambda o, s, c: o, "paid for copying"),
    (check.masked_labels, lambda o, s, c: o * c, "0 is a piece"),
    (check.masked_labels, lambda o, s, c: torch.zeros_like(o), "expected [[-100"),
    (check.masked_labels, lambda o, s, c: o[c], "of shape (4,)"),
    (check.to_bits_per_character, lambda p, m, c: bits(p, m, c) * math.log(2), "in nats"),
    (check.to_bits_per_character, lambda p, m, c: bits(p, m, c) * math.log(2) ** 2, "more* than a bit"),
    (check.to_bits_per_character, lambda p, m, c: math.log2(p), "bits a *piece*"),
    (check.to_bits_per_character, lambda p, m, c: bits(p, c, m), "exchanged"),
    (check.to_bits_per_character, lambda p, m, c: math.log2(p) / c, "Multiply by the number"),
    (check.to_bits_per_character, lambda p, m, c: p * m / c, "take its logarithm"),
    (check.to_bits_per_character, lambda p, m, c: -bits(p, m, c), "sign is turned"),
    (check.to_bits_per_character, lambda p, m, c: 1.5, "perplexity 2"),
    (check.to_bits_per_character, lambda p, m, c: 3.0, "= 1.5"),
    (check.to_bits_per_character, lambda p, m, c: "1.5", "Expected a number, got str"),
]


STUBS = [
    (check.causal_loss, lambda logits, ids: ...),
    (check.masked_labels, lambda original, shown, chosen: ...),
    (check.to_bits_per_character, lambda perplexity, pieces, characters: ...),
]
