"""USE-M's SentencePiece unigram tokenizer as a fast tokenizer.

SentencePiece normalizes with a table of its own (``nmt_nfkc``). On every key of that table, the table's answer is that
of Unicode's NFKC, but for thirteen characters that become a space. So NFKC gives the same text, with three exceptions
that are taken care of here: those thirteen, the full-width tilde (which the table keeps), and Arabic's shadda before a
vowel sign (which NFKC would sort behind it). Other combining marks that are stacked out of Unicode's order are sorted,
and characters newer than the table are decomposed; the ids of such text may differ from the reference.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, processors
from transformers import BatchEncoding, PreTrainedTokenizerFast

UNKNOWN = "\u2047"
"""Piece 0. SentencePiece prints unknown text as this double question mark; NFKC turns a real one into ``??``."""

PADDING = "<pad>"

SPACES = "\t\n\f\r\ufffd\ufeff\u2581\u200b\u200e\u200f\u2028\u2029\u1680"
"""The characters that ``nmt_nfkc`` maps to a space and NFKC does not."""

EMPTY, TILDE, BARRIER = "\uffff", "\ufdd0", "\ufdd1"
"""Stand-ins for empty text, the full-width tilde, and a barrier that no mark is sorted across: code points that are
guaranteed never to be characters."""

SHADDA, VOWEL_SIGNS = "\u0651", "\u064b\u064c\u064d\u064e\u064f\u0650"

UNKNOWN_PENALTY = 10.0
"""SentencePiece scores an unknown character this much below the rarest piece."""


class UseMTokenizer(PreTrainedTokenizerFast):
    """Fast tokenizer of USE-M.

    Text that looks like a special token (``<s>``) stays text, and empty text is one unknown piece, as in the reference.
    """

    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012 (the base class declares it so)

    def _encode_plus(self, text: Any, *args: Any, **kwargs: Any) -> BatchEncoding:
        if isinstance(text, str):
            text = _never_empty(text)
        elif isinstance(text, (list, tuple)):
            text = [_never_empty(item) if isinstance(item, str) else item for item in text]
        return super()._encode_plus(text, *args, **kwargs)


def _never_empty(text: str) -> str:
    return text if unicodedata.normalize("NFKC", text).strip(SPACES + " ") else EMPTY


def build_tokenizer(pieces: Sequence[tuple[str, float]], max_length: int = 512) -> UseMTokenizer:
    """Build the tokenizer from SentencePiece's pieces.

    Args:
        pieces: (piece, log probability) in the order of their ids; ids 0, 1, 2 are unknown, start and end.
        max_length: the longest input in tokens, ``<s>`` and ``</s>`` included (default 512).

    Returns:
        A tokenizer that adds ``<s>`` and ``</s>`` and gives each unknown character an id 0 of its own.
    """
    scores = [score for _, score in pieces]
    characters = sorted({piece for piece, _ in pieces if len(piece) == 1})
    vocabulary = [(UNKNOWN, min(scores) - UNKNOWN_PENALTY), *pieces[1:]]
    # `Unigram` joins neighbouring unknown characters into one token and the reference does not. So unknown characters
    # are replaced by piece 0 beforehand, and what `Unigram` takes for the unknown token is the padding, never reached.
    tokenizer = Tokenizer(models.Unigram([*vocabulary, (PADDING, -1e3)], unk_id=len(vocabulary)))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(f"[{SPACES}]"), " "),
            normalizers.Replace("\uff5e", TILDE),
            *(normalizers.Replace(SHADDA + sign, SHADDA + BARRIER + sign) for sign in VOWEL_SIGNS),
            normalizers.NFKC(),
            normalizers.Replace(BARRIER, ""),
            normalizers.Replace(TILDE, "\uff5e"),
            normalizers.Replace(Regex(" +"), " "),
            normalizers.Replace(Regex("^ | $"), ""),
            normalizers.Prepend("\u2581"),
            normalizers.Replace(" ", "\u2581"),
            normalizers.Replace(f"\u2581{EMPTY}", UNKNOWN),
            normalizers.Replace(Regex(f"[^{_character_class(characters)}]"), UNKNOWN),
        ]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return UseMTokenizer(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        bos_token="<s>",
        eos_token="</s>",
        pad_token=PADDING,
        cls_token="<s>",
        sep_token="</s>",
        model_max_length=max_length,
        split_special_tokens=True,
    )


def _character_class(characters: Sequence[str]) -> str:
    """The characters as ranges of a regular expression's class: ``\\x{41}-\\x{5A}`` for A to Z."""
    ranges: list[list[int]] = []
    for code in map(ord, characters):
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\x{{{first:X}}}-\\x{{{last:X}}}" for first, last in ranges)
