"""Which pieces of a vocabulary some texts need.

Keeping the pieces that texts are split into is not always enough to split them so again:

- WordPiece takes the longest match from the left. A word that ends as unknown may have matched pieces before it failed;
  without them it could succeed with shorter ones. They are kept.
- Unigram prices an unknown character 10 below the rarest piece. The rarest piece is kept, so the price stays.
- BPE builds a piece by merges, in order of their rank. Every way of building a kept piece is kept, with its parts. So the
  merges that happened can still happen, and no new one can: the one of lowest rank is the same at every step.

All other pieces can go: each algorithm chooses a best candidate, and the best of a set that holds it is the best of any
subset that holds it.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from transformers import PreTrainedTokenizerBase

from xlft_helpers.errors import DataError, ModelError

from .vocabulary import Vocabulary

BATCH = 1000
"""Texts tokenized at a time, so that a stream of any length takes little memory."""


def needed_pieces(
    tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary, texts: Iterable[str], keep: Iterable[str] = ()
) -> set[str]:
    """The pieces that ``texts`` need to be split as before, with all that is always kept.

    For an ``XLMTokenizer`` the set also holds steps of merging that are no pieces of the vocabulary.

    Raises:
        DataError: no text, or texts in which the tokenizer knows nothing.
        ModelError: ``keep`` names a piece that the vocabulary does not have.
    """
    missing = [piece for piece in keep if piece not in vocabulary.ids]
    if missing:
        raise ModelError(
            f"keep={missing[:5]} is not in the vocabulary. Name pieces as the tokenizer writes them, e.g. "
            f"{list(vocabulary.ids)[-3:]}."
        )
    used: set[str] = set()
    count = 0
    for batch in in_batches(texts):
        count += len(batch)
        used |= _used(tokenizer, vocabulary, batch)
    unknown = {str(tokenizer.unk_token)}
    if not used & vocabulary.ids.keys() - unknown:
        raise DataError(
            f"The vocabulary would be empty: {count} texts were given and none holds a piece that the tokenizer knows. "
            "Give texts of the languages that the model is to be used for."
        )
    named = {i: piece for piece, i in vocabulary.ids.items()}
    used |= vocabulary.alphabet(used - set(tokenizer.all_special_tokens))
    return vocabulary.with_parts(used | set(keep)) | {named[i] for i in vocabulary.always}


def in_batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Batches of checked texts.

    Raises:
        DataError: one string instead of several, or an item that is no string.
    """
    if isinstance(texts, str):
        raise DataError("texts is one string; give an iterable of texts, e.g. [text].")
    stream, start = iter(texts), 0
    while batch := list(islice(stream, BATCH)):
        for number, text in enumerate(batch, start=start):
            if not isinstance(text, str):
                raise DataError(f"Text number {number} is {text!r}, of type {type(text).__name__}; a str was expected.")
        yield batch
        start += len(batch)


def encode(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> Any:
    """The whole texts in pieces, without special tokens around them."""
    return tokenizer(
        texts,
        add_special_tokens=False,
        truncation=False,
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )


def _used(tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary, texts: list[str]) -> set[str]:
    """What the texts are split into, and what else decided that."""
    if vocabulary.kind == "XLM":
        return {piece for text in texts for piece in tokenizer.tokenize(text)}
    encoded = encode(tokenizer, texts)
    ids = set().union(*encoded["input_ids"])
    used = set(tokenizer.convert_ids_to_tokens(sorted(ids)))
    if vocabulary.kind == "WordPiece" and tokenizer.unk_token_id in ids:
        for text, encoding in zip(texts, encoded.encodings, strict=True):
            for i, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
                if i == tokenizer.unk_token_id:
                    used |= _matched_before_failing(tokenizer, vocabulary, text[start:end])
    return used


def _matched_before_failing(tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary, word: str) -> set[str]:
    """The pieces that WordPiece matches in an unknown word until it finds no more."""
    backend = tokenizer.backend_tokenizer
    if backend.normalizer is not None:
        word = backend.normalizer.normalize_str(word)
    parts = backend.pre_tokenizer.pre_tokenize_str(word) if backend.pre_tokenizer is not None else [(word, None)]
    matched = set()
    for part, _ in parts:
        start, end = 0, len(part)
        while start < end:
            piece = (vocabulary.prefix if start else "") + part[start:end]
            if piece in vocabulary.ids:
                matched.add(piece)
                start, end = end, len(part)
            else:
                end -= 1
    return matched
