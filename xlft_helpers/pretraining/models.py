"""Small Transformers with fresh weights, and the few places in which architectures differ."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from xlft_helpers import settings
from xlft_helpers.errors import ModelError

NARROW = 256
"""Width of the states below which bfloat16 does not pay on a CPU, whatever units it has."""


def small_model(
    tokenizer: PreTrainedTokenizerBase,
    kind: Literal["masked", "causal"],
    *,
    layers: int = 2,
    hidden: int = 128,
    max_length: int = 128,
    types: int = 2,
    spread: float = 0.02,
) -> PreTrainedModel:
    """A small Transformer with random weights: a BERT for MLM and TLM, a GPT-2 for CLM.

    No dropout: a small model that sees its text a few times underfits rather than overfits, and dropout costs time.
    The seed of torch decides the weights.

    Args:
        tokenizer: gives the vocabulary.
        kind: ``"masked"`` or ``"causal"``.
        layers: default 2.
        hidden: size of the states, a multiple of 32 (one attention head for each 32). Default 128.
        max_length: largest position + 1; texts must not be longer.
        types: number of token types (BERT only); as many as languages for language embeddings.
        spread: standard deviation of the first weights. Default 0.02, BERT's and GPT-2's own, made for widths of 768 and
            more; a narrow model leaves the frequencies of the pieces behind sooner with about 1 / sqrt(``hidden``).

    Raises:
        ModelError: ``hidden`` is not a multiple of 32, or the kind is unknown.
    """
    if hidden % 32:
        raise ModelError(f"hidden={hidden} is not a multiple of 32: every attention head has 32 dimensions.")
    heads = hidden // 32
    if kind == "masked":
        return BertForMaskedLM(
            BertConfig(
                vocab_size=len(tokenizer),
                hidden_size=hidden,
                num_hidden_layers=layers,
                num_attention_heads=heads,
                intermediate_size=4 * hidden,
                max_position_embeddings=max_length,
                type_vocab_size=types,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
                initializer_range=spread,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    if kind == "causal":
        return GPT2LMHeadModel(
            GPT2Config(
                vocab_size=len(tokenizer),
                n_embd=hidden,
                n_layer=layers,
                n_head=heads,
                n_positions=max_length,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                initializer_range=spread,
                bos_token_id=tokenizer.cls_token_id,
                eos_token_id=tokenizer.sep_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    raise ModelError(f"kind={kind!r} is unknown; choose 'masked' or 'causal'.")


def encoder_and_head(model: PreTrainedModel) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The part that gives the states, and the part that turns states into logits over the vocabulary.

    Known are masked models built like BERT and causal ones built like GPT-2. RoBERTa's kind is not: it counts positions
    from two, not from zero.

    Raises:
        ModelError: the model has no such head.
    """
    head = getattr(model, "lm_head" if model.can_generate() else "cls", None)
    if head is None:
        raise ModelError(
            f"{type(model).__name__} has no language-modelling head like BERT's or GPT-2's. Load a model for the task "
            "'masked-lm', or make one with small_model()."
        )
    return model.base_model, head


def uses_bf16(model: PreTrainedModel) -> bool:
    """Whether to compute this model's products in bfloat16.

    On a CPU only for states of at least ``NARROW`` dimensions. Narrow products gain nothing from it, and the library
    behind it compiles and keeps a kernel for every new shape of a batch: with width 64, a run of 100 steps took 3.1
    instead of 1.8 CPU seconds and 480 MB more memory.
    """
    wide = model.config.hidden_size >= NARROW or model.device.type == "cuda"
    return settings.precision().bf16 and wide
