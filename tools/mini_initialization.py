"""What `mini` takes over from USE-M: first embeddings, and the sentence targets of its pretraining."""

import torch
from torch import Tensor
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from xlft_helpers.inference import embed
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.use_m import UseMConfig, UseMModel
from xlft_helpers.models.use_m.pretrained import load_use_m
from xlft_helpers.pretraining import principal_components

EMBEDDING_SCALE = 0.04
"""Standard deviation of the copied embeddings; fresh ones have 0.02, so a piece weighs more than its position."""


FITTED = 20_000
"""Sentences from which the main components are computed."""


@torch.no_grad()
def copy_embeddings(model: BertForMaskedLM, tokenizer: PreTrainedTokenizerBase) -> int:
    """Start the pieces that USE-M has too from the main components of its embeddings; returns how many those are."""
    theirs = load_tokenizer("use-m").get_vocab()
    shared = [(number, theirs[piece]) for piece, number in tokenizer.get_vocab().items() if piece in theirs]
    ours, numbers = map(torch.tensor, zip(*shared, strict=True))
    table = load_use_m(UseMModel, UseMConfig()).get_input_embeddings()(numbers)
    mean, directions = principal_components(table, model.config.hidden_size)
    vectors = (table - mean) @ directions
    model.get_input_embeddings().weight[ours] = vectors * (EMBEDDING_SCALE / vectors.std())
    return len(shared)


@torch.inference_mode()
def sentence_targets(texts: list[str], size: int) -> Tensor:
    """The main components of USE-M's embeddings of the texts: (n, size) of unit length, in half precision."""
    vectors = embed(load_model("use-m", "embedding"), load_tokenizer("use-m"), texts)
    mean, directions = principal_components(vectors[:FITTED], size)
    return torch.nn.functional.normalize((vectors - mean) @ directions, dim=-1).half()
