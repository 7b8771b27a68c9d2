"""The course's training objectives as pure functions of tensors.

An objective is a sum of log-probabilities, in nats, that training makes as large as it can. A trainer reports a loss
instead: the same quantity with the sign turned and averaged over the examples. Each docstring gives the conversion.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from xlft_helpers.errors import DataError


def fine_tuning_objective(logits: Tensor, labels: Tensor) -> Tensor:
    r"""The fine-tuning objective :math:`L_{fine}(\theta) = \sum_i \log p(y_i \mid x_i; \theta)`.

    The probabilities are the softmax of the logits. The mean negative log-likelihood that a trainer reports (the
    cross-entropy loss) is ``-fine_tuning_objective(logits, labels) / len(labels)``: it has its minimum where the
    objective has its maximum, and its gradient does not grow with the size of the batch.

    Args:
        logits: (N, C) floating point, one row for an example and one column for a class.
        labels: (N,) integer class indices from 0 to C - 1. Unlike a loss in torch, -100 does not mean "leave out".

    Returns:
        A scalar in nats, at most 0, differentiable with respect to ``logits`` and of their type.

    Raises:
        DataError: there is no example, the shapes do not belong together, or a label is not an index of a class.
    """
    _check_examples(logits, labels, "")
    return _log_likelihood(logits, labels)


def cross_lingual_objective(
    logits_by_language: Mapping[str, Tensor],
    labels_by_language: Mapping[str, Tensor],
    weights: Mapping[str, float] | None = None,
) -> Tensor:
    r"""The objective over K languages.

    .. math:: L_{cross}(\theta) = \sum_k w_k \sum_i \log p(y_{ki} \mid x_{ki}; \theta)

    With every :math:`w_k = 1` (the default) it is :func:`fine_tuning_objective` of all languages laid end to end, so a
    language counts as much as it has examples, and the loss that a trainer reports on the merged data is
    ``-cross_lingual_objective(logits, labels) / N`` with N the number of examples of all languages together.
    :math:`w_k = N / (K N_k)` gives every language the same say whatever its size :math:`N_k`.

    Args:
        logits_by_language: language code to logits (N_k, C), as for :func:`fine_tuning_objective`.
        labels_by_language: the same languages to labels (N_k,).
        weights: the same languages to finite weights of at least 0. Default: 1 for every language.

    Returns:
        A scalar in nats, differentiable with respect to every language's logits.

    Raises:
        DataError: there is no language, the mappings name different languages, a weight is negative or not finite, or
            a language's examples are refused by :func:`fine_tuning_objective`; the message names the language.
    """
    languages = list(logits_by_language)
    if not languages:
        raise DataError("logits_by_language is empty: the cross-lingual objective needs at least one language.")
    _check_same_languages(languages, labels_by_language, "labels_by_language")
    if weights is None:
        weights = dict.fromkeys(languages, 1.0)
    _check_same_languages(languages, weights, "weights")
    terms = []
    for language in languages:
        weight = weights[language]
        if not math.isfinite(weight) or weight < 0:
            raise DataError(f"The weight of language {language!r} is {weight}; a weight is a finite number from 0 up.")
        _check_examples(logits_by_language[language], labels_by_language[language], f"Language {language!r}: ")
        terms.append(weight * _log_likelihood(logits_by_language[language], labels_by_language[language]))
    return torch.stack(terms).sum()


def _log_likelihood(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.log_softmax(logits, dim=-1).gather(-1, labels.long().unsqueeze(-1)).sum()


def _check_examples(logits: Tensor, labels: Tensor, where: str) -> None:
    if logits.ndim != 2 or labels.ndim != 1 or len(logits) != len(labels):
        raise DataError(
            f"{where}logits have shape {tuple(logits.shape)} and labels {tuple(labels.shape)}; "
            "expected (N, C) and (N,) with the same N."
        )
    if logits.numel() == 0:
        raise DataError(f"{where}logits of shape {tuple(logits.shape)} hold no example: pass at least one row.")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise DataError(f"{where}labels are of type {labels.dtype}; class indices are integers.")
    low, high, classes = int(labels.min()), int(labels.max()), logits.shape[1]
    if low < 0 or high >= classes:
        raise DataError(
            f"{where}labels run from {low} to {high}, but the logits have {classes} columns: "
            f"class indices go from 0 to {classes - 1}."
        )


def _check_same_languages(languages: list[str], other: Mapping[str, object], name: str) -> None:
    missing, unknown = [k for k in languages if k not in other], [k for k in other if k not in languages]
    if missing or unknown:
        raise DataError(
            f"{name} does not name the languages of logits_by_language: missing {missing}, not expected {unknown}."
        )
