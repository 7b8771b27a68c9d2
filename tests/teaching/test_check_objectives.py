"""The checks of notebook 03 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

import numpy as np
import torch
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)
from torch.nn import functional as F

from xlft_helpers.data import sampling_probabilities
from xlft_helpers.teaching import check


def from_log(losses, sizes):
    return -float(np.dot(losses, sizes))


def weights(counts, alpha):
    total = sum(counts.values())
    return {k: share * total / counts[k] for k, share in sampling_probabilities(counts, alpha).items()}


def each(rule):
    """A wrong answer as a rule of (p_k, M_k, N, K)."""

    def answer(counts, alpha):
        shares, total = sampling_probabilities(counts, alpha), sum(counts.values())
        return {k: rule(shares[k], counts[k], total, len(counts)) for k in counts}

    return answer


def by_autograd(logits, label, smoothing):
    """torch's own smoothed loss, differentiated: an independent way to the solution."""
    leaf = logits.clone().requires_grad_()
    loss = F.cross_entropy(leaf[None], torch.tensor([label]), label_smoothing=smoothing)
    return -torch.autograd.grad(loss, leaf)[0]


def hard(logits, label):
    return torch.eye(len(logits), dtype=logits.dtype)[label]


SOLUTIONS = [
    (check.objective_from_log, from_log),
    (check.objective_from_log, lambda losses, sizes: -(torch.tensor(losses) * torch.tensor(sizes)).sum()),
    (check.language_weights, weights),
    (check.smoothed_push, by_autograd),
    (check.smoothed_push, lambda z, y, e: (1 - e) * hard(z, y) + e / len(z) - z.softmax(dim=0)),
]

WRONG = [
    (check.objective_from_log, lambda losses, sizes: -from_log(losses, sizes), "the sign is not"),
    (check.objective_from_log, lambda losses, sizes: from_log(losses, sizes) / sum(sizes), "mean over the messages"),
    (check.objective_from_log, lambda losses, sizes: -sum(losses), "must count eight times"),
    (check.objective_from_log, lambda losses, sizes: sum(losses), "Multiply each by its size, and turn"),
    (check.objective_from_log, lambda losses, sizes: -np.mean(losses), "small batch counts as much"),
    (check.objective_from_log, lambda losses, sizes: -np.mean(losses) * sum(sizes), "Weigh each batch by its own"),
    (check.objective_from_log, lambda losses, sizes: 7, "= -16"),
    (check.objective_from_log, lambda losses, sizes: losses, "Expected a number, got list"),
    (check.objective_from_log, lambda losses, sizes: None, "returned None"),
    (check.language_weights, sampling_probabilities, "the shares p_k"),
    (check.language_weights, each(lambda p, M, N, K: p / M), "Multiply by N"),
    (check.language_weights, each(lambda p, M, N, K: M / (p * N)), "the inverse"),
    (check.language_weights, each(lambda p, M, N, K: N / (K * M)), "alpha = 0"),
    (check.language_weights, lambda counts, alpha: dict.fromkeys(counts, 1.0), "English must count less"),
    (check.language_weights, lambda counts, alpha: weights(counts, 0.5), "with alpha = 1 every weight"),
    (check.language_weights, each(lambda p, M, N, K: 3.0), "Expected 2/3"),
    (check.language_weights, lambda counts, alpha: [1, 2], "dictionary"),
    (check.language_weights, lambda counts, alpha: {"en": 1.0}, "as keys"),
    (check.language_weights, lambda counts, alpha: dict.fromkeys(counts, "a"), "must be a number"),
    (check.smoothed_push, lambda z, y, e: -by_autograd(z, y, e), "sign is turned"),
    (check.smoothed_push, lambda z, y, e: by_autograd(z, y, 0.0), "hard label"),
    (check.smoothed_push, lambda z, y, e: by_autograd(z, y, e) + z.softmax(dim=0), "That is q"),
    (check.smoothed_push, lambda z, y, e: (1 - e) * hard(z, y) - z.softmax(dim=0), "must go to all classes"),
    (
        check.smoothed_push,
        lambda z, y, e: (1 - e) * hard(z, y) + e / (len(z) - 1) * (1 - hard(z, y)) - z.softmax(dim=0),
        "*other* classes",
    ),
    (check.smoothed_push, lambda z, y, e: (1 - e) * hard(z, y) + e - z.softmax(dim=0), "Divide it by the number"),
    (check.smoothed_push, lambda z, y, e: (1 - e) * hard(z, y) + e / len(z) - z, "took the logits off"),
    (check.smoothed_push, lambda z, y, e: hard(z, y) + e / len(z) - z.softmax(dim=0), "more than 1"),
    (check.smoothed_push, lambda z, y, e: by_autograd(z, y, 0.2), "smoothing 0, which"),
    (check.smoothed_push, lambda z, y, e: torch.ones_like(z), "q - p"),
    (check.smoothed_push, lambda z, y, e: 0.5, "Expected a tensor of 4 numbers, got float"),
]


STUBS = [
    (check.objective_from_log, lambda losses, sizes: ...),
    (check.language_weights, lambda counts, alpha: ...),
    (check.smoothed_push, lambda logits, label, smoothing: ...),
]
