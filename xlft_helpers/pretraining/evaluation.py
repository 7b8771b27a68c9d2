"""How well a masked language model fills the blanks of texts it has not seen."""

import math

import pandas as pd
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.objectives import IGNORED

from .corpus import Corpus, batches
from .masking import mask_batch
from .models import encoder_and_head, uses_bf16

EVALUATED_TOKENS = 8192
"""Pieces a batch."""

SCORED_BLANKS = 256
"""Blanks whose scores, one for every piece of the vocabulary, are in memory at a time."""


@torch.inference_mode()
def evaluate_masked(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    corpus: Corpus,
    *,
    pairs: bool = False,
    max_length: int = 128,
    mask_rate: float = 0.15,
    seed: int = settings.SEED,
) -> pd.DataFrame:
    """Mask every text once and let the model fill the blanks.

    Args:
        model: a masked language model.
        tokenizer: of the model.
        corpus: rows of language to text.
        pairs: show each text with its translation, as in TLM.
        max_length: longest text in pieces.
        mask_rate: share of the pieces that is to be predicted.
        seed: fixes the masks, so that models are compared on the same blanks.

    Returns:
        One row a language: ``language``, ``n`` (predicted pieces), ``loss`` (mean negative log-likelihood in nats),
        ``perplexity``, and ``accuracy`` (share of the blanks whose piece is the most probable one).
    """
    encoder, head = encoder_and_head(model)
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    found = []
    stream = batches(corpus, tokenizer, pairs=pairs, max_length=max_length, batch_tokens=EVALUATED_TOKENS, seed=seed)
    for batch, position in stream:
        if position.epoch:
            break
        masked = mask_batch(batch, tokenizer, generator, mask_rate)
        inputs = {
            "input_ids": masked.input_ids,
            "attention_mask": batch.attention_mask,
            "token_type_ids": batch.token_type_ids,
            "position_ids": batch.position_ids,
        }
        rows, columns = (masked.labels != IGNORED).nonzero(as_tuple=True)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=uses_bf16(model)):
            states = encoder(**{name: value.to(model.device) for name, value in inputs.items()}).last_hidden_state
            answers = [
                _score(head(part).float().cpu(), wanted)
                for part, wanted in zip(
                    states[rows, columns].split(SCORED_BLANKS),
                    masked.labels[rows, columns].split(SCORED_BLANKS),
                    strict=True,
                )
            ]
        losses, hits = (torch.cat(column) for column in zip(*answers, strict=True))
        found.append(
            pd.DataFrame(
                {
                    "language": [batch.languages[i] for i in batch.language_ids[rows, columns].tolist()],
                    "loss": losses.numpy(),
                    "accuracy": hits.numpy().astype(float),
                }
            )
        )
    every = pd.concat(found)
    table = every.groupby("language").agg(n=("loss", "size"), loss=("loss", "mean"), accuracy=("accuracy", "mean"))
    table.insert(2, "perplexity", [math.exp(loss) for loss in table["loss"]])
    return table.reset_index()


def _score(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Of each blank, the negative log-likelihood of its piece, and whether that piece is the most probable one."""
    return torch.nn.functional.cross_entropy(logits, wanted, reduction="none"), logits.argmax(-1) == wanted
