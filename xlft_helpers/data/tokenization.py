"""Texts to piece ids, and what that costs each language."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pandas as pd
from datasets import Dataset
from transformers import BatchEncoding, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.errors import DataError

from .languages import has_spaces
from .schema import languages_of, select_language

MODEL_INPUTS = ("input_ids", "attention_mask", "langs")
"""What models read; ``langs``, a language id a piece, only XLM with language embeddings."""

KEPT_IN_MEMORY = 50_000
"""Tokenized rows; more are kept in a file."""


def encode(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], languages: Sequence[str] | None, **options: Any
) -> BatchEncoding:
    """Call a tokenizer, and tell it the languages (ISO 639-1, one a text) if it wants to know them, as XLM's does."""
    if getattr(tokenizer, "takes_languages", False):
        options["languages"] = languages
    return tokenizer(texts, **options)


def tokenize(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int = 128) -> Dataset:
    """Add the model's inputs and ``length`` to every row, in batches; nothing is padded yet.

    The inputs are ``input_ids``, ``attention_mask`` and, for an XLM with language embeddings, ``langs``.

    Args:
        dataset: rows with ``text``, and with ``language`` if the tokenizer wants to know it.
        tokenizer: of the model that will read them.
        max_length: longest input in pieces, start and end pieces included; the rest is cut off.
    """

    def encode_batch(batch: Mapping[str, list[str]]) -> dict[str, Any]:
        encoded = encode(tokenizer, batch["text"], batch.get("language"), truncation=True, max_length=max_length)
        inputs = {name: encoded[name] for name in MODEL_INPUTS if name in encoded}
        return {**inputs, "length": [len(ids) for ids in encoded["input_ids"]]}

    # A few thousand short texts are tokenized faster than they are looked up in a cache on disk. Many would fill the
    # memory: they go to a file, which is read from the disk as it is needed.
    if len(dataset) <= KEPT_IN_MEMORY:
        return dataset.map(encode_batch, batched=True, keep_in_memory=True, load_from_cache_file=False)
    file = Path(_scratch().name) / f"{uuid4().hex}.arrow"
    return dataset.map(encode_batch, batched=True, cache_file_name=str(file), load_from_cache_file=False)


@cache
def _scratch() -> TemporaryDirectory[str]:
    """A folder that goes when the process ends."""
    return settings.scratch_folder()


def tokenizer_report(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int = 128) -> pd.DataFrame:
    """What a tokenizer makes of each language's texts.

    Returns:
        One row a language: ``fertility`` (pieces a word; a character where the script has no spaces), ``unit`` (which
        of the two), ``pieces`` (mean number a text, start and end pieces included), ``truncated`` (share of the texts
        that ``max_length`` cuts), ``unknown`` (share of the pieces that are the unknown piece).
    """
    rows = []
    special = tokenizer.num_special_tokens_to_add()
    for code in languages_of(dataset):
        texts = select_language(dataset, code)["text"][:]
        encoded = encode(tokenizer, texts, [code] * len(texts), add_special_tokens=False, verbose=False)["input_ids"]
        pieces = [len(ids) for ids in encoded]
        units = sum(len(text.split()) if has_spaces(code) else len("".join(text.split())) for text in texts)
        unknown = sum(ids.count(tokenizer.unk_token_id) for ids in encoded)
        rows.append(
            {
                "language": code,
                "fertility": sum(pieces) / units,
                "unit": "word" if has_spaces(code) else "character",
                "pieces": sum(pieces) / len(pieces) + special,
                "truncated": sum(count + special > max_length for count in pieces) / len(pieces),
                "unknown": unknown / max(1, sum(pieces)),
            }
        )
    return pd.DataFrame(rows)


def character_coverage(texts: Iterable[str], tokenizer: PreTrainedTokenizerBase) -> float:
    """The share of the characters, white space aside, that a tokenizer can write down without its unknown piece.

    Each distinct character is tokenized by itself and counted as often as it occurs. A tokenizer that falls back to
    bytes has a coverage of 1 in every script; what it pays is length, see :func:`tokenizer_report`.

    Raises:
        DataError: the texts hold no character.
    """
    counts = Counter(character for text in texts for character in text if not character.isspace())
    if not counts:
        raise DataError("The texts hold no character, so nothing can be covered: pass at least one text with letters.")
    encoded = tokenizer(list(counts), add_special_tokens=False)["input_ids"]
    known = sum(count for count, ids in zip(counts.values(), encoded, strict=True) if tokenizer.unk_token_id not in ids)
    return known / counts.total()
