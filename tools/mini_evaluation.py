"""What `mini` can do on held-out text: find translations, fill blanks, and carry a sentiment across languages."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers.inference import embed

Row = Mapping[str, str]


def retrieval(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row], languages: Sequence[str], centre: bool
) -> dict[str, tuple[float, float]]:
    """Precision at 1 of finding translations by the cosine of mean-pooled states.

    Args:
        model: an encoder.
        tokenizer: of the model.
        rows: n texts in all the languages.
        languages: English first.
        centre: take off each language's mean vector first, which needs no pairs.

    Returns:
        For every language but English the shares of the n texts found from English to it, and from it to English.
    """
    vectors = {language: embed(model, tokenizer, [row[language] for row in rows]) for language in languages}
    if centre:
        vectors = {language: part - part.mean(dim=0) for language, part in vectors.items()}
    english = vectors[languages[0]]
    return {
        language: (precision_at_1(english, vectors[language]), precision_at_1(vectors[language], english))
        for language in languages[1:]
    }


def precision_at_1(queries: Tensor, documents: Tensor) -> float:
    """The share of the queries (n, H) whose nearest document (n, H) by cosine is the one with the same number."""
    cosines = F.normalize(queries, dim=-1) @ F.normalize(documents, dim=-1).T
    return (cosines.argmax(dim=1) == torch.arange(len(queries))).double().mean().item()


def mean_precision(found: Mapping[str, tuple[float, float]]) -> float:
    """The mean over languages and both directions."""
    return float(np.mean(list(found.values())))
