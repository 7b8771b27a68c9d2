"""What a tokenizer's vocabulary is made of: its pieces, what they are built from, and what must always stay."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerBase, XLMTokenizer

from xlft_helpers.errors import ModelError

from ..use_m import UseMTokenizer

METASPACE = "\u2581"
"""What SentencePiece writes for a space."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer's pieces and what they depend on.

    Attributes:
        kind: the segmentation algorithm: ``"WordPiece"``, ``"Unigram"``, ``"BPE"`` or ``"XLM"`` (BPE in Python).
        ids: piece to id, added tokens included.
        always: ids that are kept whatever the texts hold: special and added tokens, bytes to fall back on, a byte-level
            alphabet, and what the prices of other pieces depend on.
        outside: ids of added tokens that the segmentation algorithm does not know; they come last.
        merges: pairs of pieces in the order of their ranks; empty without BPE.
        prefix: what marks a piece inside a word (``"##"``), or nothing.
        suffix: what marks a piece at the end of a word (``"</w>"``), or nothing.
    """

    kind: str
    ids: dict[str, int]
    always: set[int]
    outside: set[int] = field(default_factory=set)
    merges: list[tuple[str, str]] = field(default_factory=list)
    prefix: str = ""
    suffix: str = ""

    def product(self, merge: tuple[str, str]) -> str:
        """The piece that a merge makes."""
        return merge[0] + merge[1].removeprefix(self.prefix)

    def with_parts(self, pieces: Iterable[str]) -> set[str]:
        """The pieces and all pieces that they can be merged from."""
        parts: dict[str, list[str]] = {}
        for merge in self.merges:
            parts.setdefault(self.product(merge), []).extend(merge)
        found, waiting = set[str](), set(pieces)
        while waiting:
            piece = waiting.pop()
            found.add(piece)
            waiting.update(part for part in parts.get(piece, ()) if part not in found)
        return found

    def alphabet(self, pieces: Iterable[str]) -> set[str]:
        """The single characters of the pieces, in every form in which the vocabulary has them.

        With them a new word in known letters is split finer, where it would else become unknown.
        """
        letters = set(chain.from_iterable(pieces))
        forms = (form for c in letters for form in (c, self.prefix + c, c + self.suffix, METASPACE + c))
        return {form for form in forms if form in self.ids}


def read_vocabulary(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """Describe the vocabulary of a fast tokenizer or an ``XLMTokenizer``.

    Raises:
        ModelError: another kind of tokenizer.
    """
    if isinstance(tokenizer, XLMTokenizer):
        ids, ranks = tokenizer.get_vocab(), cast(dict[tuple[str, str], int], tokenizer.bpe_ranks)
        return Vocabulary(
            "XLM",
            ids,
            always={ids[token] for token in [*tokenizer.all_special_tokens, *tokenizer.added_tokens_encoder]},
            outside=set(ids.values()) - set(tokenizer.encoder.values()),
            merges=list(ranks),  # in the order of their ranks
            suffix="</w>",
        )
    if not tokenizer.is_fast:
        raise ModelError(
            f"{type(tokenizer).__name__} is a tokenizer in Python whose vocabulary cannot be renumbered. Trimming needs a "
            "fast tokenizer (one with a tokenizer.json) or an XLMTokenizer."
        )
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    model, added = state["model"], {token["content"]: token["id"] for token in state["added_tokens"]}
    kind, pieces = model["type"], model["vocab"]
    if kind not in ("WordPiece", "Unigram", "BPE"):
        raise ModelError(f"A tokenizer of the kind {kind} cannot be trimmed: it must be WordPiece, Unigram or BPE.")
    ids = {piece: i for i, (piece, _) in enumerate(pieces)} if kind == "Unigram" else dict(pieces)
    always = {*added.values(), *tokenizer.all_special_ids, *template_ids(state["post_processor"])}
    if kind == "Unigram":
        always.add(min(range(len(pieces)), key=lambda i: pieces[i][1]))
        always.update([model["unk_id"]] if model["unk_id"] is not None else [])
    elif model["unk_token"] in ids:
        always.add(ids[model["unk_token"]])
    if model.get("byte_fallback"):
        always.update(ids[byte] for byte in (f"<0x{i:02X}>" for i in range(256)) if byte in ids)
    if "ByteLevel" in {step["type"] for key in ("normalizer", "pre_tokenizer") for step in steps(state[key])}:
        always.update(ids[byte] for byte in pre_tokenizers.ByteLevel.alphabet() if byte in ids)
    if isinstance(tokenizer, UseMTokenizer):  # its normalizer lists the characters that the vocabulary knows
        always.update(i for piece, i in ids.items() if len(piece) == 1)
    return Vocabulary(
        kind,
        ids | added,
        always,
        outside=set(added.values()) - set(ids.values()),
        merges=[(left, right) for left, right in model.get("merges", [])],
        prefix=model.get("continuing_subword_prefix") or "",
        suffix=model.get("end_of_word_suffix") or "",
    )


def steps(part: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The steps of a tokenizer's normalizer, pre-tokenizer or post-processor, with sequences taken apart."""
    if part is None:
        return []
    if part["type"] != "Sequence":
        return [part]
    inner = next(value for value in part.values() if isinstance(value, list))
    return [step for item in inner for step in steps(item)]


def template_ids(post_processor: dict[str, Any] | None) -> set[int]:
    """The ids that a post-processor adds around a text."""
    ids: set[int] = set()
    for step in steps(post_processor):
        for special in step.get("special_tokens", {}).values():
            ids.update(special["ids"])
        ids.update(step[key][1] for key in ("cls", "sep") if key in step)
    return ids
