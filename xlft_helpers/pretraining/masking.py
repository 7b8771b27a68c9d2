"""Masking for masked language modelling, and the input of translation language modelling."""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xlft_helpers.errors import DataError
from xlft_helpers.objectives import IGNORED

from .corpus import Batch, Example, collate


@dataclass(frozen=True)
class Masked:
    """Corrupted inputs and what they were.

    Attributes:
        input_ids: (B, T) with some pieces replaced.
        labels: (B, T) the original piece where it is to be predicted, -100 elsewhere.
    """

    input_ids: Tensor
    labels: Tensor


def mask_tokens(
    input_ids: Tensor,
    maskable: Tensor,
    *,
    mask_id: int,
    vocabulary: int,
    generator: torch.Generator,
    rate: float = 0.15,
    word_ids: Tensor | None = None,
) -> Masked:
    """Choose pieces to predict and hide them (Devlin et al. 2019, section 3.1).

    Each maskable piece is chosen with probability ``rate``. Of the chosen ones 80 % become the mask piece, 10 % a
    random piece, and 10 % stay: the model cannot tell which of the pieces it sees are right.

    Args:
        input_ids: (B, T) piece ids.
        maskable: (B, T) boolean; false for special pieces and padding.
        mask_id: id of the mask piece.
        vocabulary: random pieces are drawn from ids 0 to ``vocabulary`` - 1.
        generator: of random numbers; fixes the result.
        rate: default 0.15.
        word_ids: (B, T) number of each piece's word in its row. Where given, all pieces of a word are chosen together
            (whole-word masking).

    Raises:
        DataError: there is nothing to mask, or the rate is outside (0, 1].
    """
    if not 0 < rate <= 1:
        raise DataError(f"rate={rate} is outside (0, 1]: it is the share of the pieces that are predicted.")
    if not maskable.any():
        raise DataError("There is nothing to mask: every piece is special or padding. Are the texts empty?")
    draw = torch.rand(input_ids.shape, generator=generator)
    if word_ids is not None:
        draw = draw.gather(1, word_ids.clamp(min=0))  # every piece takes the number drawn for its word
    chosen = (draw < rate) & maskable
    if not chosen.any():  # a short batch may draw nothing: predict the piece that came closest
        chosen.view(-1)[draw.masked_fill(~maskable, 2).argmin()] = True
    kind = torch.rand(input_ids.shape, generator=generator)
    random_ids = torch.randint(vocabulary, input_ids.shape, generator=generator)
    corrupted = torch.where(chosen & (kind < 0.8), mask_id, input_ids)
    corrupted = torch.where(chosen & (kind >= 0.9), random_ids, corrupted)
    return Masked(corrupted, torch.where(chosen, input_ids, IGNORED))


def mask_batch(
    batch: Batch,
    tokenizer: PreTrainedTokenizerBase,
    generator: torch.Generator,
    rate: float,
    whole_words: bool = False,
) -> Masked:
    """:func:`mask_tokens` on everything in a batch but special pieces and padding."""
    return mask_tokens(
        batch.input_ids,
        batch.word_ids >= 0,
        mask_id=tokenizer.mask_token_id,
        vocabulary=len(tokenizer),
        generator=generator,
        rate=rate,
        word_ids=batch.word_ids if whole_words else None,
    )


def translation_pair(tokenizer: PreTrainedTokenizerBase, text: str, translation: str) -> dict[str, Tensor]:
    """Two texts as one input, as translation language modelling feeds them (Conneau & Lample 2019, section 3.3).

    Returns:
        ``input_ids``, ``attention_mask``, ``token_type_ids`` and ``position_ids``, each (1, T): positions start from 0
        again at the translation, so that a word and its translation tend to have similar ones.

    Raises:
        DataError: a text is empty.
    """
    encoded = tokenizer([text, translation], add_special_tokens=False)
    pieces = encoded["input_ids"]
    if not all(pieces):
        raise DataError("A translation pair needs two texts; one of these is empty.")
    words = tuple([0] * len(ids) for ids in pieces)
    batch = collate([Example(tuple(pieces), words, ("en", "en"), 0)], tokenizer, ())
    names = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
    return {name: getattr(batch, name) for name in names}
