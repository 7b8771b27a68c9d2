"""Corpora as streams of rows, and batches of similar length out of them.

A row maps a language to a text; the texts of a row translate each other, and a row with one language is monolingual
text. A corpus is anything that can be iterated over again and again: a list of rows, or a file too large for the memory.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xlft_helpers.data import check_language
from xlft_helpers.errors import DataError

Row = Mapping[str, str]
Corpus = Iterable[Row]

BUFFER_ROWS = 2000
"""Rows that are tokenized, sorted by length and cut into batches together: enough for little padding in any batch."""
UNKNOWN_LIMIT = 0.2
"""A language of whose pieces a larger share is unknown has not been seen by the tokenizer."""


class JsonLines:
    """A corpus in a file with one JSON object a line, ``{"en": "Save the file.", "fr": "Enregistrez le fichier."}``.

    Only the lines that are being worked on are in memory. Shuffle the file once before: rows are read in order.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise DataError(f"There is no corpus file {self.path}: expected one JSON object a line, language to text.")

    def __iter__(self) -> Iterator[Row]:
        with self.path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise DataError(
                        f"{self.path}, line {number}: not JSON ({error.msg}). The file may be cut short."
                    ) from error
                if not isinstance(row, dict) or not all(isinstance(text, str) for text in row.values()):
                    raise DataError(f'{self.path}, line {number}: expected an object such as {{"en": "a text"}}.')
                yield row


@dataclass(frozen=True)
class Example:
    """One input: a text, or two that translate each other.

    Attributes:
        pieces: the piece ids, without special ones, of one or two texts.
        words: for every piece, the number of its word within its text.
        languages: of the one or two texts.
        row: number of the row in the corpus.
    """

    pieces: tuple[list[int], ...]
    words: tuple[list[int], ...]
    languages: tuple[str, ...]
    row: int

    def __len__(self) -> int:
        return sum(map(len, self.pieces)) + 1 + len(self.pieces)


@dataclass(frozen=True)
class Batch:
    """B inputs padded to T pieces, all of shape (B, T) unless said otherwise.

    Attributes:
        input_ids: ``[CLS] text [SEP]`` or ``[CLS] text [SEP] translation [SEP]``.
        attention_mask: 1 for pieces, 0 for padding.
        token_type_ids: 0 for the first text and 1 for the second, or the number of the language.
        position_ids: from 0 up, and from 0 again in the second text.
        word_ids: number of the word within the input; -1 for special pieces and padding.
        language_ids: index into ``languages`` of each piece's text.
        rows: (B,) number of the corpus row.
        languages: all languages of the batch.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor
    position_ids: Tensor
    word_ids: Tensor
    language_ids: Tensor
    rows: Tensor
    languages: list[str]


@dataclass
class Position:
    """How far a stream has been read: passes over the corpus, buffers within the pass, batches within the buffer."""

    epoch: int = 0
    buffer: int = 0
    batch: int = 0


def check_corpus(corpus: Corpus, tokenizer: PreTrainedTokenizerBase, pairs: bool) -> list[str]:
    """Look at the first rows and refuse what cannot be trained on.

    Args:
        corpus: see the module.
        tokenizer: of the model to train.
        pairs: whether rows with two languages are needed.

    Returns:
        The languages of the first ``BUFFER_ROWS`` rows, sorted.

    Raises:
        DataError: there is no text, a language code is not ISO 639-1, there are no two languages in any row although
            pairs are needed, or the tokenizer does not know a language's script.
    """
    texts: dict[str, list[str]] = {}
    parallel = False
    for row in islice(iter(corpus), BUFFER_ROWS):
        present = [language for language, text in row.items() if text.strip()]
        parallel |= len(present) > 1
        for language in present:
            texts.setdefault(language, []).append(row[language])
    if not texts:
        raise DataError("The corpus is empty: expected rows such as {'en': 'Save the file.', 'fr': 'Enregistrez …'}.")
    if pairs and not parallel:
        raise DataError(
            f"Translation language modelling needs rows in two languages; every row here has one ({', '.join(sorted(texts))}). "
            "Add translations to the rows, or use the objective 'mlm'."
        )
    for language, part in texts.items():
        check_language(language)
        ids = [piece for ids in tokenizer(part, add_special_tokens=False)["input_ids"] for piece in ids]
        share = ids.count(tokenizer.unk_token_id) / max(1, len(ids))
        if share > UNKNOWN_LIMIT:
            raise DataError(
                f"The tokenizer does not know {language!r}: {share:.0%} of its pieces are unknown (at most "
                f"{UNKNOWN_LIMIT:.0%} are accepted). Train a tokenizer with text of this language, or leave it out."
            )
    return sorted(texts)


def batches(
    corpus: Corpus,
    tokenizer: PreTrainedTokenizerBase,
    *,
    pairs: bool,
    max_length: int,
    batch_tokens: int,
    seed: int,
    position: Position | None = None,
    language_embeddings: Sequence[str] = (),
) -> Iterator[tuple[Batch, Position]]:
    """An endless stream of batches in which all inputs have about the same length.

    Every pass tokenizes the corpus ``BUFFER_ROWS`` rows at a time, sorts each buffer's inputs by length, cuts them so
    that padding them stays within ``batch_tokens``, and shuffles the batches. What is random depends on the seed and
    the position only, so a stream that is started at a position goes on exactly as the first one would have.

    Args:
        corpus: see the module.
        tokenizer: with start, end and padding pieces.
        pairs: two texts of a row an input, each text in one pair at most; otherwise one text an input.
        max_length: longest text in pieces, start and end included; the rest is cut off. A pair may be twice as long.
        batch_tokens: rows x longest input of a batch.
        seed: fixes pairs and order.
        position: where to start; default: at the beginning.
        language_embeddings: languages whose index goes into ``token_type_ids``; default: 0 and 1 for first and second.

    Yields:
        A batch and the position behind it.

    Raises:
        DataError: a whole pass gives no input.
    """
    at = position or Position()
    while True:
        found = at.buffer > 0 or at.batch > 0  # in a pass that is joined late, the inputs may be behind
        rows = islice(enumerate(corpus), at.buffer * BUFFER_ROWS, None)
        while buffer := list(islice(rows, BUFFER_ROWS)):
            generator = np.random.default_rng([seed, at.epoch, at.buffer, int(pairs)])
            examples = _examples(buffer, tokenizer, pairs, max_length, generator)
            groups = _length_groups(examples, batch_tokens, generator)
            for number in range(at.batch, len(groups)):
                found = True
                chosen = [examples[i] for i in groups[number]]
                batch = collate(chosen, tokenizer, language_embeddings)
                yield batch, Position(at.epoch, at.buffer, number + 1)
            at = Position(at.epoch, at.buffer + 1, 0)
        if not found:
            raise DataError("The corpus gives nothing to train on: it is empty" + (" of pairs." if pairs else "."))
        at = Position(at.epoch + 1, 0, 0)


def _examples(
    rows: list[tuple[int, Row]],
    tokenizer: PreTrainedTokenizerBase,
    pairs: bool,
    max_length: int,
    generator: np.random.Generator,
) -> list[Example]:
    texts = [(number, code, text) for number, row in rows for code, text in row.items() if text.strip()]
    encoded = tokenizer(
        [text for _, _, text in texts], add_special_tokens=False, truncation=True, max_length=max_length - 2
    )
    pieces: list[list[int]] = encoded["input_ids"]
    words = [[-1 if word is None else word for word in encoded.word_ids(i)] for i in range(len(texts))]
    if not pairs:
        return [
            Example((pieces[i],), (words[i],), (code,), number)
            for i, (number, code, _) in enumerate(texts)
            if pieces[i]
        ]
    members: dict[int, list[int]] = {}
    for i, (number, _, _) in enumerate(texts):
        if pieces[i]:
            members.setdefault(number, []).append(i)
    examples = []
    for number, group in members.items():
        order = generator.permutation(group).tolist()
        for one, other in zip(order[::2], order[1::2], strict=False):
            languages = (texts[one][1], texts[other][1])
            examples.append(Example((pieces[one], pieces[other]), (words[one], words[other]), languages, number))
    return examples


def _length_groups(examples: list[Example], batch_tokens: int, generator: np.random.Generator) -> list[list[int]]:
    """Numbers of examples of similar length; which of them share a batch varies a little from pass to pass."""
    lengths = np.array([len(example) for example in examples])
    order = np.argsort(lengths + generator.uniform(0, 2, len(lengths)), kind="stable")[::-1]
    groups: list[list[int]] = []
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]]) + 2  # those behind it may be up to two pieces longer
        size = max(1, batch_tokens // longest)
        groups.append(order[start : start + size].tolist())
        start += size
    return [groups[i] for i in generator.permutation(len(groups))]


def collate(examples: list[Example], tokenizer: PreTrainedTokenizerBase, language_embeddings: Sequence[str]) -> Batch:
    cls, sep, pad = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
    languages = sorted({language for example in examples for language in example.languages})
    shape = len(examples), max(map(len, examples))
    ids, kinds, positions, mask, spoken = (np.zeros(shape, dtype=np.int64) for _ in range(5))
    words = np.full(shape, -1, dtype=np.int64)
    ids[:] = pad
    for i, example in enumerate(examples):
        at, word = 0, 0
        for second, (pieces, own_words, language) in enumerate(
            zip(example.pieces, example.words, example.languages, strict=True)
        ):
            part = [*pieces, sep] if second else [cls, *pieces, sep]
            end = at + len(part)
            ids[i, at:end] = part
            kinds[i, at:end] = language_embeddings.index(language) if language_embeddings else second
            positions[i, at:end] = np.arange(len(part))
            mask[i, at:end] = 1
            spoken[i, at:end] = languages.index(language)
            numbers = np.array(own_words) + word
            words[i, end - 1 - len(pieces) : end - 1] = numbers
            at, word = end, int(numbers.max()) + 1
    return Batch(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(mask),
        token_type_ids=torch.from_numpy(kinds),
        position_ids=torch.from_numpy(positions),
        word_ids=torch.from_numpy(words),
        language_ids=torch.from_numpy(spoken),
        rows=torch.tensor([example.row for example in examples]),
        languages=languages,
    )
