"""Do languages pull at the shared weights in the same direction?

In fine-tuning on several languages every language is a task, and all tasks share the weights. To first order, a step
along the gradient of language k changes the objective of language l by the inner product of their two gradients, so
the cosine between them says whether the languages help (above 0) or hinder (below 0) each other, whatever the
gradients' lengths. A gradient is computed on a batch, and batches differ even within a language: the cosine between
two batches of the *same* language is the most that one can expect between two languages.

Sources: T. Yu et al. (2020), Gradient Surgery for Multi-Task Learning, NeurIPS, section 2; Z. Wang, Z. Lipton and Y.
Tsvetkov (2020), On Negative Interference in Multilingual Models, EMNLP, section 3; B. Efron and R. Tibshirani (1993),
An Introduction to the Bootstrap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.errors import DataError

from .uncertainty import Interval

EVERYTHING = "all"
"""The group of all trainable parameters, which is always there."""

COLUMNS = 2**17
"""Coordinates of the gradients that are multiplied at a time."""


@dataclass(frozen=True, eq=False)
class GradientCosines:
    """Cosines between the gradients of batches of several languages.

    Attributes:
        languages: the L languages.
        by_batch: for each group of parameters, (L, B, L, B): batch b of one language against batch c of another.
    """

    languages: tuple[str, ...]
    by_batch: dict[str, NDArray[np.float64]]

    def matrix(self, group: str = EVERYTHING, *, same_batch: bool = False) -> pd.DataFrame:
        """Mean cosine of each pair of languages, (L, L).

        Args:
            group: of parameters.
            same_batch: compare batch b of a language with batch b of the other only. Where the data are parallel and
                the batches alike, these are translations of each other. Default: only batches with different numbers,
                which share no message; on the diagonal they are different batches of one language.
        """
        values = self.by_batch[group]
        counts = np.ones((1, values.shape[1]))
        return pd.DataFrame(
            _means(values, counts, same_batch)[0], index=list(self.languages), columns=list(self.languages)
        )

    def weighted_sum(
        self,
        weights: Mapping[tuple[str, str], float],
        group: str = EVERYTHING,
        *,
        same_batch: bool = False,
        resamples: int = 1000,
        seed: int = 0,
    ) -> Interval:
        """A weighted sum of entries of :meth:`matrix` with a 95 % percentile bootstrap interval over the batches.

        ``{("en", "fr"): 1}`` gives one entry; ``{("en", "en"): 0.5, ("fr", "fr"): 0.5, ("en", "fr"): -1}`` how far two
        languages stay below what batches of one language reach. Batch numbers are drawn with replacement, the same for
        every language; the deviations are widened by the square root of B / (B - 1), as in
        :func:`~xlft_helpers.evaluation.bootstrap_mean`. The model and the order of the messages are taken as given.

        Args:
            weights: (language, language) to its factor.
            group: of parameters.
            same_batch: as for :meth:`matrix`.
            resamples: number of bootstrap resamples.
            seed: of the resampling.

        Raises:
            DataError: a language of ``weights`` was not measured.
        """
        unknown = sorted({k for pair in weights for k in pair} - set(self.languages))
        if unknown:
            raise DataError(f"weights name {unknown}; gradients were computed for {', '.join(self.languages)}.")
        values, factors = self.by_batch[group], np.zeros((len(self.languages),) * 2)
        for (first, second), weight in weights.items():
            factors[self.languages.index(first), self.languages.index(second)] += weight
        number = values.shape[1]
        draws = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=resamples)
        draws = draws[(draws > 0).sum(axis=1) > 1]  # one batch alone has no other to be compared with
        estimate = float((_means(values, np.ones((1, number)), same_batch)[0] * factors).sum())
        # In parts: all resamples at once would take hundreds of megabytes.
        parts = [_means(values, part, same_batch) for part in np.array_split(draws, 10)]
        drawn = (np.concatenate(parts) * factors).sum(axis=(1, 2))
        deviations = (drawn - drawn.mean()) * np.sqrt(number / (number - 1))
        low, high = estimate + np.quantile(deviations, [0.025, 0.975])
        return Interval(estimate, float(low), float(high), 0.95)


def gradient_cosines(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    batches: Mapping[str, Sequence[Dataset]],
    groups: Mapping[str, tuple[str, ...]],
    *,
    max_length: int = 128,
    progress: bool = True,
) -> GradientCosines:
    """Compute the gradient of the mean negative log-likelihood on every batch, and all cosines between them.

    Dropout is off, so that batches differ in their messages alone. Gradients are kept in bfloat16, two bytes a
    parameter and batch; over millions of coordinates its rounding changes a cosine by less than 0.001.

    Args:
        model: a sequence classifier; its trainable parameters are looked at.
        tokenizer: its tokenizer.
        batches: language to B >= 2 batches, the same B in every language; rows with ``text`` and ``label``.
        groups: name of a group to how its parameters' names begin. Each trainable parameter is in exactly one group.
        max_length: longest input in tokens.
        progress: show a bar with the time left.

    Raises:
        DataError: unequal numbers of batches, fewer than two, or groups that leave out or share a parameter.
    """
    numbers = {language: len(found) for language, found in batches.items()}
    if len(set(numbers.values())) != 1 or min(numbers.values()) < 2:
        raise DataError(f"Every language needs the same number of batches, two or more; got {numbers}.")
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    members = _members(list(parameters), groups)
    model.eval()
    jobs = [rows for found in batches.values() for rows in found]
    sizes = {group: sum(parameters[name].numel() for name in names) for group, names in members.items()}
    # Allocated at once: hundreds of vectors that come and go would leave gaps that nothing else fits into.
    kept = {group: torch.empty(len(jobs), size, dtype=torch.bfloat16) for group, size in sizes.items()}
    for number, rows in enumerate(tqdm(jobs, desc="gradients", disable=not progress, leave=False)):
        inputs = tokenizer(
            list(rows["text"]), padding=True, truncation=True, max_length=max_length, return_tensors="pt"
        ).to(model.device)
        loss = model(**inputs, labels=torch.tensor(rows["label"], device=model.device)).loss
        found = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))
        for group, names in members.items():
            kept[group][number] = torch.cat([found[name].flatten() for name in names])
    products = {group: _products(kept.pop(group)) for group in groups}
    settings.release_memory()  # the gradients took hundreds of megabytes
    products[EVERYTHING] = np.sum(list(products.values()), axis=0)
    shape = (len(batches), next(iter(numbers.values()))) * 2
    return GradientCosines(
        tuple(batches), {group: _cosines(values).reshape(shape) for group, values in products.items()}
    )


def _members(names: list[str], groups: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {group: [] for group in groups}
    for name in names:
        fitting = [group for group, beginnings in groups.items() if name.startswith(beginnings)]
        if len(fitting) != 1:
            raise DataError(
                f"The parameter {name} belongs to {fitting or 'no group'}; each trainable parameter needs one group."
            )
        members[fitting[0]].append(name)
    empty = [group for group, found in members.items() if not found]
    if empty:
        raise DataError(f"No trainable parameter is in the groups {empty}; their names begin otherwise.")
    return members


def _products(gradients: Tensor) -> NDArray[np.float64]:
    """Inner products (n, n) of n gradients (n, d), a slice of the coordinates at a time."""
    total = torch.zeros(len(gradients), len(gradients), dtype=torch.float64)
    for columns in gradients.split(COLUMNS, dim=1):
        part = columns.float()
        total += (part @ part.T).double()
    return total.numpy()


def _cosines(products: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.sqrt(np.diag(products))
    return products / np.outer(lengths, lengths)


def _means(values: NDArray[np.float64], counts: NDArray, same_batch: bool) -> NDArray[np.float64]:
    """Mean cosine of each pair of languages (R, L, L) when batch b counts ``counts[:, b]`` times."""
    number = values.shape[1]
    if same_batch:
        return np.einsum("rb,kblb->rkl", counts, values) / counts.sum(axis=1)[:, None, None]
    different = ~np.eye(number, dtype=bool)
    pairs = counts[:, :, None] * counts[:, None, :] * different
    return np.einsum("rbc,kblc->rkl", pairs, values, optimize=True) / pairs.sum(axis=(1, 2))[:, None, None]
