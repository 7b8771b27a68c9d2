"""The course's training objectives as pure functions of tensors.

An objective is a sum of log-probabilities, in nats, that training makes as large as it can. A trainer reports a loss
instead: the same quantity with the sign turned and averaged over the examples, or over the predicted pieces when a
language model is pretrained. Each docstring gives the conversion.
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


IGNORED = -100
"""The label of a position that is not predicted: padding, or a piece that is not masked (as in torch's losses)."""


def causal_objective(logits: Tensor, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    r"""The causal language-modelling objective.

    .. math:: L_{pre}(\theta) = \sum_{i=1}^N \sum_{j=1}^{T_i} \log p(w_{ij} \mid w_{i1} \dots w_{i,j-1}; \theta)

    The logits at a position are the model's guess of the *next* piece. So row i gives the log-probabilities of its
    pieces 2 to T_i; the first, the start piece that every text has, is given and not predicted. The loss that
    `transformers` reports is ``-causal_objective(...) / M`` with M the number of predicted pieces (the sum of
    T_i - 1), see :func:`mean_negative_log_likelihood`.

    Args:
        logits: (N, T, V) floating point, from a model that sees only the pieces up to each position.
        input_ids: (N, T) integer piece ids from 0 to V - 1.
        attention_mask: (N, T), 1 for pieces and 0 for padding, which stands behind the pieces. Default: no padding.

    Returns:
        A scalar in nats, at most 0, differentiable with respect to ``logits``.

    Raises:
        DataError: no piece is predicted (every text has at most one), padding stands before a piece, the shapes do not
            belong together, or an id is not an index of the vocabulary.
    """
    if attention_mask is None:
        attention_mask = torch.ones_like(input_ids)
    if attention_mask.shape != input_ids.shape:
        raise DataError(
            f"attention_mask has shape {tuple(attention_mask.shape)} and input_ids {tuple(input_ids.shape)}; "
            "expected (N, T) for both."
        )
    if (attention_mask[:, 1:] > attention_mask[:, :-1]).any():
        raise DataError("attention_mask has padding in front of pieces. Set tokenizer.padding_side = 'right'.")
    if logits.ndim != 3 or input_ids.ndim != 2 or logits.shape[:2] != input_ids.shape:
        raise DataError(
            f"logits have shape {tuple(logits.shape)} and input_ids {tuple(input_ids.shape)}; "
            "expected (N, T, V) and (N, T) with the same N and T."
        )
    return masked_objective(logits[:, :-1], input_ids[:, 1:].masked_fill(attention_mask[:, 1:] == 0, IGNORED))


def masked_objective(logits: Tensor, labels: Tensor) -> Tensor:
    r"""The masked language-modelling objective (Devlin et al. 2019, section 3.1).

    .. math:: L_{MLM}(\theta) = \sum_i \sum_{j \in M_i} \log p(w_{ij} \mid \tilde w_i; \theta)

    :math:`M_i` are the positions that were chosen to be predicted, and :math:`\tilde w_i` is the text with them
    hidden: see :func:`xlft_helpers.pretraining.mask_tokens`. The loss that `transformers` reports is
    ``-masked_objective(logits, labels) / M`` with M the number of labels that are not -100.

    Args:
        logits: (N, T, V) floating point.
        labels: (N, T) the original piece id where it is predicted and -100 everywhere else.

    Returns:
        A scalar in nats, at most 0, differentiable with respect to ``logits``.

    Raises:
        DataError: no position is predicted, the shapes do not belong together, or a label is no index of the vocabulary.
    """
    if logits.ndim != 3 or labels.ndim != 2 or logits.shape[:2] != labels.shape:
        raise DataError(
            f"logits have shape {tuple(logits.shape)} and labels {tuple(labels.shape)}; "
            "expected (N, T, V) and (N, T) with the same N and T."
        )
    predicted = labels != IGNORED
    if not predicted.any():
        raise DataError(
            f"No position is predicted: all labels, of shape {tuple(labels.shape)}, are {IGNORED} or there are none. "
            "Pass texts with at least one piece to predict."
        )
    return fine_tuning_objective(logits[predicted], labels[predicted])


def translation_objective(logits: Tensor, labels: Tensor, sentence: Tensor) -> dict[str, Tensor]:
    r"""The translation language-modelling objective, split by sentence (Conneau & Lample 2019, section 3.3).

    .. math:: L_{TLM}(\theta) = \sum_i \sum_{j \in M_i} \log p(w_{ij} \mid \tilde x_i, \tilde y_i; \theta)

    The formula is that of :func:`masked_objective`. What is new is the input: a text x and its translation y stand in
    one sequence, both with blanks and the positions counted from 0 in each, so that a blank can be filled from the
    translation: see :func:`xlft_helpers.pretraining.translation_pair`.

    Args:
        logits: (N, T, V) floating point.
        labels: (N, T) the original piece id where it is predicted and -100 everywhere else.
        sentence: (N, T) 0 for the pieces of x and 1 for those of y (the tokenizer's ``token_type_ids``).

    Returns:
        Scalars in nats: ``source`` and ``target``, the sums over the blanks in x and in y (0 where there is none), and
        their sum ``total``.

    Raises:
        DataError: as :func:`masked_objective`, or ``sentence`` holds something else than 0 and 1.
    """
    total = masked_objective(logits, labels)
    if sentence.shape != labels.shape or bool(((sentence != 0) & (sentence != 1)).any()):
        raise DataError(
            f"sentence has shape {tuple(sentence.shape)} for labels of shape {tuple(labels.shape)}; expected the same, "
            "holding 0 for the text and 1 for its translation."
        )
    first = labels.masked_fill(sentence == 1, IGNORED)
    source = masked_objective(logits, first) if (first != IGNORED).any() else total * 0
    return {"source": source, "target": total - source, "total": total}


def mean_negative_log_likelihood(objective: Tensor, predicted: int) -> Tensor:
    """The loss that trainers report, in nats a piece: minus the objective over the number of predicted pieces.

    Raises:
        DataError: ``predicted`` is less than one.
    """
    if predicted < 1:
        raise DataError(f"predicted={predicted}: a mean needs at least one predicted piece.")
    return -objective / predicted


def perplexity(objective: Tensor, predicted: int) -> Tensor:
    """exp of the mean negative log-likelihood: as uncertain as a fair choice among that many pieces.

    1 is certainty, and a model that knows nothing has the size of the vocabulary. Only models with the same pieces can
    be compared. Of a masked model it is no perplexity of the text, but of the blanks given the rest.

    Raises:
        DataError: ``predicted`` is less than one.
    """
    return mean_negative_log_likelihood(objective, predicted).exp()


def bits_per_character(objective: Tensor, characters: int) -> Tensor:
    """The bits a causal model needs to encode a character: minus the objective over (characters x ln 2).

    The text's characters do not depend on the tokenizer, so models with different pieces can be compared.

    Raises:
        DataError: ``characters`` is less than one.
    """
    if characters < 1:
        raise DataError(f"characters={characters}: bits per character need at least one character.")
    return -objective / (characters * math.log(2))


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
