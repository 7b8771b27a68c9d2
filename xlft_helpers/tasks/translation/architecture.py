"""A small encoder-decoder whose two halves begin as the encoder `mini`, or from random weights.

The recipe is that of XLM (Conneau & Lample 2019, *Cross-lingual Language Model Pretraining*, NeurIPS, section 3.5 and 5.2):
encoder and decoder are Transformers of the same size, and both begin from the same cross-lingual masked language model.
One thing the pretrained model lacks, the decoder's attention to the encoder. XLM leaves it random. Here it begins as a copy of
the layer's self-attention: TLM has trained that to look from a text to its translation beside it.
"""

import json
from collections.abc import Iterable
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertLMHeadModel,
    BertModel,
    EncoderDecoderModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from xlft_helpers.models import load_model, load_tokenizer

_TABLES = ("word_embeddings.weight", "cls.predictions.bias", "cls.predictions.decoder.bias", "decoder.weight")
"""How the names end of the weights that have a row for every piece."""


def small_tokenizer(texts: Iterable[str]) -> tuple[PreTrainedTokenizerBase, list[int]]:
    """`mini`'s tokenizer with the pieces that these texts need, and single Latin letters.

    A decoder scores its whole vocabulary at every piece, and most of `mini`'s 16,000 pieces belong to other languages. A
    word whose piece is left out is spelled with smaller pieces, which the decoder can copy; a piece that never occurred
    in training it could not produce anyway.

    Returns:
        The tokenizer, and the old id of each new one. Special pieces keep their ids.
    """
    full = load_tokenizer("mini")
    used = {piece for ids in full(list(texts))["input_ids"] for piece in ids}
    state = json.loads(cast(Any, full).backend_tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    kept = [
        number
        for number, (piece, _) in enumerate(vocabulary)
        if number in used or number in full.all_special_ids or _is_letter(piece)
    ]
    state["model"]["vocab"] = [vocabulary[number] for number in kept]
    names = {name: getattr(full, name) for name in ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)), **names), kept


def encoder_decoder(kept: list[int], pretrained: bool) -> EncoderDecoderModel:
    """A translator before training: ``mini`` as encoder, and as decoder with attention to the encoder.

    Args:
        kept: the pieces of ``mini`` that the vocabulary has, from :func:`small_tokenizer`.
        pretrained: begin from ``mini``'s weights; otherwise from random ones, with the same architecture. Set the seed
            first.

    Returns:
        An ordinary `transformers` model in float32; ``generate`` and ``save_pretrained`` work.
    """
    source = load_model("mini", "masked-lm")
    settings = source.config.to_dict() | {
        "vocab_size": len(kept),
        "dtype": "float32",
        "use_cache": False,  # in training; generate() asks for the cache itself
        # On a CPU, torch's fused attention takes half of the time of a training step with texts as short as these.
        "attn_implementation": "eager",
    }
    encoder = BertModel(BertConfig(**settings))
    decoder = BertLMHeadModel(BertConfig(**settings | {"is_decoder": True, "add_cross_attention": True}))
    if pretrained:
        weights = {
            name: value[torch.tensor(kept)] if name.endswith(_TABLES) else value
            for name, value in source.state_dict().items()
        }
        body = {name.removeprefix("bert."): value for name, value in weights.items() if name.startswith("bert.")}
        encoder.load_state_dict(body, strict=False)  # `mini` has no pooler, and a translator does not use one
        across = {
            name.replace(".attention.", ".crossattention."): value
            for name, value in weights.items()
            if ".attention." in name
        }
        decoder.load_state_dict(weights | across)
    model, tokenizer = EncoderDecoderModel(encoder=encoder, decoder=decoder), load_tokenizer("mini")
    for config in (model.config, cast(Any, model.generation_config)):
        config.decoder_start_token_id = tokenizer.cls_token_id
        config.eos_token_id = tokenizer.sep_token_id
        config.pad_token_id = tokenizer.pad_token_id
    cast(Any, model.generation_config).use_cache = True
    return model


def _is_letter(piece: str) -> bool:
    text = piece.removeprefix("▁")
    return not text or (len(text) == 1 and ord(text) < 0x180)
