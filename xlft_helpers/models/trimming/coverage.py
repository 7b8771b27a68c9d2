"""How much of some text a trimmed tokenizer still splits as the original does."""

import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from xlft_helpers.errors import DataError

from .pieces import encode, in_batches


@dataclass(frozen=True)
class Coverage:
    """How much of some texts a trimmed tokenizer splits as before.

    Attributes:
        texts: number of texts.
        texts_changed: how many of them are split otherwise than before.
        pieces: pieces of the texts under the original tokenizer.
        pieces_lost: how many of these pieces the trimmed tokenizer did not produce.
        pieces_unknown: how many unknown pieces came up that were none before.
    """

    texts: int
    texts_changed: int
    pieces: int
    pieces_lost: int
    pieces_unknown: int

    @property
    def share(self) -> float:
        """Share of the pieces that stayed, 0 to 1."""
        return 1 - self.pieces_lost / self.pieces if self.pieces else 1.0


def coverage(tokenizer: PreTrainedTokenizerBase, trimmed: PreTrainedTokenizerBase, texts: Iterable[str]) -> Coverage:
    """Compare how two tokenizers split ``texts``, and warn if any is split differently.

    Args:
        tokenizer: the tokenizer before trimming.
        trimmed: the tokenizer after.
        texts: the texts that the model is to be used on, as a list or a stream.

    Raises:
        DataError: no texts.
    """
    count = changed = pieces = lost = unknown = 0
    for batch in in_batches(texts):
        for before, after in zip(_split(tokenizer, batch), _split(trimmed, batch), strict=True):
            count, pieces, changed = count + 1, pieces + len(before), changed + (before != after)
            lost += (Counter(before) - Counter(after)).total()
            unknown += max(0, after.count(str(trimmed.unk_token)) - before.count(str(tokenizer.unk_token)))
    if not count:
        raise DataError("No texts were given; give texts that the model is to be used on.")
    found = Coverage(count, changed, pieces, lost, unknown)
    if changed:
        warnings.warn(
            f"{changed:,} of {count:,} texts hold pieces that were trimmed away: {lost:,} of {pieces:,} pieces "
            f"({lost / pieces:.1%}) are now split otherwise, and {unknown:,} became unknown. The model answers worse on such "
            "text; trim with more text of this kind.",
            stacklevel=2,
        )
    return found


def _split(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[str]]:
    return [list(tokenizer.convert_ids_to_tokens(ids)) for ids in encode(tokenizer, texts)["input_ids"]]
