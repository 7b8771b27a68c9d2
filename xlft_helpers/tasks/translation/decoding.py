"""Batches of texts through a translation model's ``generate``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.inference import length_batches

BATCH_PIECES = 768
"""Texts are grouped until padding them to the longest would exceed this many source pieces."""
MAX_LENGTH = 126
"""Longest source in pieces; the rest is cut off. ``mini`` has 128 positions."""


@torch.inference_mode()
def generate_texts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    num_beams: int = 4,
    **options: Any,
) -> list[str]:
    """Translate with greedy or beam search; the encoder reads each text once.

    Args:
        model: an encoder-decoder.
        tokenizer: its tokenizer, set to the source language.
        texts: n texts.
        num_beams: 1 is greedy search.
        **options: more for ``generate``, such as ``forced_bos_token_id``.

    Returns:
        n texts. A translation ends after twice as many pieces as the longest source of its batch has, and ten more.
    """
    found = [""] * len(texts)
    if not texts:
        return found
    encoded: Any = tokenizer(list(texts), truncation=True, max_length=MAX_LENGTH)
    lengths = np.array([len(ids) for ids in encoded["input_ids"]])
    for rows in length_batches(lengths, BATCH_PIECES):
        columns = {name: [encoded[name][row] for row in rows] for name in ("input_ids", "attention_mask")}
        batch: Any = tokenizer.pad(columns, return_tensors="pt").to(model.device)
        longest = min(2 * int(lengths[rows].max()) + 10, MAX_LENGTH)
        made = model.generate(  # type: ignore[operator]
            **batch, num_beams=num_beams, do_sample=False, max_new_tokens=longest, **options
        )
        given = 2 if "forced_bos_token_id" in options else 1  # the start piece, and perhaps the language's
        for row, text in zip(rows, tokenizer.batch_decode(made[:, given:], skip_special_tokens=True), strict=True):
            found[row] = text.strip()
    settings.trim_memory()
    return found
