"""The tokenizer of `mini`: a unigram model of 16 thousand pieces for ten languages.

The vocabulary is cut out of USE-M's 128 thousand pieces, so that nearly every piece can start from USE-M's embedding
(see ``mini_initialization.py``). A piece's probability is the mean of two: its share of the pretraining text, every
language counting the same, and USE-M's own, which comes from general text. The first knows the words of the software
that the text is about, the second those of everyday life that the course's messages use. USE-M's vocabulary has no
Hindi; those pieces are trained on the Hindi part of the text.
"""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from xlft_helpers.models.use_m.tokenization import UseMTokenizer

VOCABULARY = 16_000
TEXTS = 10_000
"""Texts of every language that the pieces are counted in."""
UNCOVERED, UNCOVERED_PIECES = "hi", 1500
"""The language that USE-M's vocabulary lacks, and how many pieces it gets."""
RARE = math.exp(-12.5)
"""Probability, in general text, from which a character stays in any case: about 2,600 Chinese ones."""
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SPACE = "\u2581"
SCRIPTS = ("LATIN", "CYRILLIC", "ARABIC", "CJK", "DEVANAGARI")


def train_tokenizer(
    rows: Iterable[Mapping[str, str]], use_m: UseMTokenizer, max_length: int
) -> PreTrainedTokenizerFast:
    """Choose the pieces and their probabilities for the rows (language to text)."""
    texts: dict[str, list[str]] = {}
    for row in rows:
        for language, text in row.items():
            texts.setdefault(language, []).append(text)
    general = {piece: math.exp(score) for piece, score in _pieces(use_m.backend_tokenizer) if score < 0}
    general = {piece: p for piece, p in general.items() if p > 0 and _in_scripts(piece)}
    shares = Counter[str]()
    for language, part in texts.items():
        if language == UNCOVERED:
            found = {piece: math.exp(score) for piece, score in _pieces(_trained(part)) if piece not in SPECIAL}
        else:
            encoded = use_m.backend_tokenizer.encode_batch(part[:TEXTS], add_special_tokens=False)
            found = {p: n for p, n in Counter(p for one in encoded for p in one.tokens).items() if _in_scripts(p)}
        for piece, amount in found.items():
            shares[piece] += amount / sum(found.values()) / len(texts)
    mixed = {piece: shares[piece] / 2 + general.get(piece, 0) / 2 for piece in shares | general}
    # Every character that occurs in the text or is not rare elsewhere stays, so that few words are unknown.
    single = {piece for piece in mixed if len(piece) == 1 and (piece in shares or mixed[piece] > RARE / 2)}
    order = sorted(mixed, key=lambda piece: (piece not in single, -mixed[piece], piece))
    chosen = sorted(order[: VOCABULARY - len(SPECIAL)], key=lambda piece: (-mixed[piece], piece))
    tokenizer = _untrained()
    tokenizer.model = models.Unigram(
        [(piece, 0.0) for piece in SPECIAL] + [(piece, round(math.log(mixed[piece]), 4)) for piece in chosen],
        unk_id=SPECIAL.index("[UNK]"),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", SPECIAL.index("[CLS]")), ("[SEP]", SPECIAL.index("[SEP]"))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token=AddedToken("[MASK]", lstrip=True, special=True),  # takes the space before it
    )


def _trained(texts: list[str]) -> Tokenizer:
    """A unigram model of ``UNCOVERED_PIECES`` pieces of one language."""
    tokenizer = _untrained()
    trainer = trainers.UnigramTrainer(
        vocab_size=UNCOVERED_PIECES, special_tokens=SPECIAL, unk_token="[UNK]", max_piece_length=16, show_progress=False
    )
    tokenizer.train_from_iterator([text for text in texts if not text.isascii()], trainer)
    return tokenizer


def _untrained() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    # "first": the text behind a [MASK] without a space, as in Chinese, is no new word.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(SPACE, prepend_scheme="first")
    return tokenizer


def _pieces(tokenizer: Tokenizer) -> list[tuple[str, float]]:
    """The pieces with their log probabilities."""
    return [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]


def _in_scripts(piece: str) -> bool:
    letters = [unicodedata.name(character, "?") for character in piece if character.isalpha()]
    return all(name.startswith(SCRIPTS) for name in letters) and (bool(letters) or len(piece) <= 2)
