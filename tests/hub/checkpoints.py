"""Small checkpoints of the real architectures, with random weights and the files that their repositories have."""

import json
from itertools import pairwise
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertTokenizer,
    XLMConfig,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizer,
    XLMWithLMHeadModel,
)

from xlft_helpers.data import load_tweets


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def characters() -> list[str]:
    """Every character of the course's messages in four languages."""
    return sorted(
        {char for text in load_tweets(["en", "fr", "de", "zh"])["train"]["text"] for char in text if char.strip()}
    )


def mbert(folder: Path) -> dict[str, bytes]:
    """WordPiece of single characters, cased, as `bert-base-multilingual-cased` is laid out."""
    torch.manual_seed(0)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters(), *(f"##{char}" for char in characters())]
    folder.mkdir()
    BertTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, do_lower_case=False).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        directionality="bidi", pooler_fc_size=768, pooler_num_attention_heads=12, pooler_num_fc_layers=3,
        pooler_size_per_head=128, pooler_type="first_token_transform",
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return files_of(folder)


def xlmr(folder: Path) -> dict[str, bytes]:
    """A Unigram model of single characters, as `xlm-roberta-base` is laid out."""
    torch.manual_seed(0)
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *characters(), *(f"▁{char}" for char in characters()), "<mask>"]
    vocabulary = [(piece, 0.0 if piece.startswith("<") else -5.0 - 0.001 * i) for i, piece in enumerate(pieces)]
    XLMRobertaTokenizer(vocab=vocabulary).save_pretrained(folder)
    config = XLMRobertaConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return files_of(folder)


def xlm(folder: Path, language_embeddings: bool) -> dict[str, bytes]:
    """BPE of characters and a few pairs, as `xlm-mlm-100-1280` and `xlm-mlm-tlm-xnli15-1024` are laid out."""
    torch.manual_seed(0)
    words = ["good", "bon", "gut", "café"]
    merges = list(dict.fromkeys(pair for word in words for pair in pairwise([*word[:-1], f"{word[-1]}</w>"])))
    pieces = [
        "<s>", "</s>", "<pad>", "<unk>", *(f"<special{i}>" for i in range(10)), *characters(),
        *(f"{char}</w>" for char in characters()), *("".join(pair) for pair in merges),
    ]  # fmt: skip
    languages = {"de": 0, "en": 1, "fr": 2, "zh": 3}
    config = XLMConfig(
        vocab_size=len(pieces), emb_dim=32, n_layers=2, n_heads=2, n_langs=len(languages), use_lang_emb=language_embeddings,
        lang2id=languages, id2lang={str(index): code for code, index in languages.items()}, embed_init_std=0.5,
    )  # fmt: skip
    XLMWithLMHeadModel(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}), encoding="utf-8")
    (folder / "merges.txt").write_text("".join(f"{left} {right} 1\n" for left, right in merges), encoding="utf-8")
    return files_of(folder)
