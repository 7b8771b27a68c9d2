"""Prediction and embedding in batches of similar length, which waste nothing on padding."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.data import MODEL_INPUTS, encode
from xlft_helpers.errors import ModelError
from xlft_helpers.models.use_m import UseMForSequenceClassification, UseMModel

BATCH_TOKENS = 1024
"""Texts are grouped until padding them to the longest would exceed this many tokens."""

WINDOW = 5_000
"""So many texts are tokenized and sorted at a time: a million take no more memory than these, but for their answers."""

MANY = 100
"""From so many texts on, the memory of the batches, some hundred megabytes, is given back when they are done."""


@torch.inference_mode()
def predict(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Dataset | list[str],
    *,
    max_length: int = 128,
    shift: Tensor | None = None,
    lexical: bool = True,
) -> np.ndarray:
    """Class probabilities of each text.

    Args:
        model: a sequence classifier.
        tokenizer: its tokenizer.
        texts: n strings, or a data set with a ``text`` column (and ``language``, which XLM models want to know).
        max_length: longest input in tokens, as in training.
        shift: (H,), taken off every sentence embedding before the head, or (n, H), one a text; see
            :func:`language_shift`. Default: nothing.
        lexical: ``False`` silences a lexical expert, for texts of a language that it was not trained on.

    Returns:
        An array (n, num_labels) of float32 in the order of the input; each row sums to one.

    Raises:
        ModelError: ``shift`` is given for a model without sentence embeddings.
    """
    extra: dict[str, Any] = {}
    if shift is not None:
        _require_sentence_embeddings(model)
    if not lexical and isinstance(model, UseMForSequenceClassification):
        extra["lexical"] = False
    num_labels = cast(int, model.config.num_labels)
    probabilities = np.empty((len(texts), num_labels), dtype=np.float32)
    for rows, batch in _batches(model, tokenizer, texts, max_length):
        if shift is not None:
            extra["embedding_shift"] = shift if shift.ndim == 1 else shift[torch.from_numpy(rows)]
        logits: Tensor = model(**batch, **extra).logits
        probabilities[rows] = logits.float().softmax(dim=-1).cpu().numpy()
    return probabilities


@torch.inference_mode()
def predict_pieces(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str], *, max_length: int = 128
) -> list[np.ndarray]:
    """The most probable class of each piece.

    Args:
        model: a token classifier.
        tokenizer: its tokenizer.
        texts: n strings.
        max_length: longest input in tokens, as in training.

    Returns:
        n arrays (T,) of class indices, T being the text's pieces with the start and end pieces.
    """
    found: list[np.ndarray] = [np.empty(0, dtype=np.int64)] * len(texts)
    for rows, batch in _batches(model, tokenizer, texts, max_length):
        classes = model(**batch).logits.argmax(dim=-1).cpu().numpy()
        lengths = batch["attention_mask"].sum(dim=1).cpu().numpy()
        for row, answer, length in zip(rows, classes, lengths, strict=True):
            found[row] = answer[:length]
    return found


@torch.inference_mode()
def embed(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Dataset | list[str], *, max_length: int = 128
) -> Tensor:
    """Sentence embeddings, in the order of the input.

    Args:
        model: any encoder (``load_model(NAME, "embedding")``), or a model with a head, whose encoder is then used.
        tokenizer: its tokenizer.
        texts: n strings, or a data set with a ``text`` column (and ``language``, which XLM models want to know).
        max_length: longest input in tokens.

    USE-M has an embedding of the whole sentence. Of a Transformer, the last layer's states are averaged over the pieces,
    which says more about the sentence than the state of the first piece (Reimers & Gurevych 2019, section 6).

    Returns:
        (n, H) of float32, H being the model's hidden size. USE-M's have unit length, mean-pooled ones have not.
    """
    encoder = model.base_model
    embeddings = torch.empty(len(texts), model.config.hidden_size, device=model.device)
    for rows, batch in _batches(model, tokenizer, texts, max_length):
        output = encoder(**batch)
        sentence_embeddings = (
            output.pooler_output
            if isinstance(encoder, UseMModel)
            else mean_pooled(output.last_hidden_state, batch["attention_mask"])
        )
        embeddings[torch.from_numpy(rows)] = sentence_embeddings.float()
    return embeddings


def mean_pooled(states: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean of the states (B, T, H) over the pieces that are not padding: (B, H) in float32."""
    mask = attention_mask.unsqueeze(-1).float()
    return (states.float() * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def language_shift(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    source_texts: Dataset | list[str],
    target_texts: Dataset | list[str],
) -> Tensor:
    """How far a target language lies from the source in the space of sentence embeddings.

    Sentence embeddings carry the language beside the meaning, mostly as a constant offset. Taking it off, called
    mean-centring, moves the target language to where the classifier was trained (Libovický et al. 2020, *On the
    Language Neutrality of Pre-trained Multilingual Representations*, Findings of EMNLP, section 3). It needs
    unlabelled text of the target language, and no labels.

    Returns:
        (H,): mean embedding of ``target_texts`` minus that of ``source_texts``, for ``predict(..., shift=...)``.
    """
    return mean_embedding(model, tokenizer, target_texts) - mean_embedding(model, tokenizer, source_texts)


def mean_embedding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Dataset | list[str]) -> Tensor:
    """Mean (H,) of the texts' sentence embeddings; the difference of two languages' is their :func:`language_shift`."""
    return embed(model, tokenizer, texts).mean(dim=0)


def has_sentence_embeddings(model: PreTrainedModel) -> bool:
    """Whether the model classifies one embedding of the whole sentence, which :func:`predict` can centre."""
    return isinstance(model, UseMForSequenceClassification)


def length_batches(lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    """Group rows of similar length so that rows x longest length stays within ``batch_tokens`` (one row at least)."""
    batches: list[np.ndarray] = []
    order = np.argsort(lengths, kind="stable")[::-1]
    while len(order):
        size = max(1, batch_tokens // int(lengths[order[0]]))
        batches.append(order[:size].copy())
        order = order[size:]
    return batches


def _batches(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Dataset | list[str], max_length: int
) -> Iterator[tuple[np.ndarray, BatchEncoding]]:
    """Row numbers and padded inputs; the caller's model call runs in the precision of training."""
    if not len(texts):
        return
    model.eval()
    with torch.autocast(model.device.type, torch.bfloat16, enabled=settings.precision().bf16):
        for start in range(0, len(texts), WINDOW):
            window = range(start, min(start + WINDOW, len(texts)))
            strings, languages = _columns(texts, window)
            encoded = encode(tokenizer, strings, languages, truncation=True, max_length=max_length)
            lengths = np.array([len(ids) for ids in encoded["input_ids"]])
            for rows in length_batches(lengths, BATCH_TOKENS):
                columns = {name: [encoded[name][row] for row in rows] for name in MODEL_INPUTS if name in encoded}
                yield start + rows, tokenizer.pad(columns, return_tensors="pt").to(model.device)
    if len(texts) >= MANY:
        settings.trim_memory()


def _columns(texts: Dataset | list[str], window: range) -> tuple[list[str], list[str] | None]:
    """The texts of a window, and their languages where they are known."""
    if isinstance(texts, list):
        return texts[window.start : window.stop], None
    names = [name for name in ("text", "language") if name in texts.column_names]
    rows = texts.with_format(None).select_columns(names)[window.start : window.stop]
    return rows["text"], rows.get("language")


def _require_sentence_embeddings(model: PreTrainedModel) -> None:
    if not has_sentence_embeddings(model):
        raise ModelError(f"{type(model).__name__} has no sentence embeddings to centre or compare; USE-M has them.")
