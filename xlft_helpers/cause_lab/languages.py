"""Two languages that are one: English, and Fake-English, the same text with every piece id shifted.

Whatever a model has in common for the two it has found by itself, for no piece tells it what a Fake-English sentence
means. Sources: K, Wang, Mayhew & Roth 2020, *Cross-Lingual Ability of Multilingual BERT: An Empirical Study* (ICLR);
Dufter & Schütze 2020, *Identifying Elements Essential for BERT's Multilinguality* (EMNLP).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np

from xlft_helpers.errors import DataError

from .text import lab_sentences

SPECIAL = ("[CLS]", "[SEP]", "[MASK]")
"""Pieces of both languages, with the ids 0, 1 and 2; English words follow, then Fake-English ones."""
CLS, SEP, MASK = range(len(SPECIAL))
WORDS = 500
"""The most frequent words are the vocabulary of English: every word one piece."""
KNOWN = 0.75
"""Sentences with a smaller share of known words are left out; from the others, unknown words are dropped."""
LONGEST, SHORTEST = 16, 5
"""Length of a sentence in known words."""
HELD_OUT = 500
"""Sentences that no model is trained on, for retrieval."""

Text = Literal["same", "other", "pairs"]
Positions = Literal["shared", "separate", "none"]
Order = Literal["same", "inverted", "shuffled"]
Sentences = list[list[int]]


@dataclass(frozen=True)
class Setting:
    """One experiment of the lab; the defaults are its base.

    Attributes:
        text: Fake-English is made from the ``"same"`` sentences as English (parallel text, though the model is never
            told which sentences belong together), from ``"other"`` ones, or from the same and shown in ``"pairs"``
            too, as in translation language modelling.
        positions: both languages use the ``"shared"`` position embeddings, each has ``"separate"`` ones, or there are
            ``"none"``.
        order: the words of a Fake-English sentence stand in the ``"same"`` order as in English, ``"inverted"``, or
            ``"shuffled"`` anew in each sentence.
        overlap: share of the words, spread evenly over all frequencies, that are one piece in both languages.
        layers: depth.
        hidden: width of the states, a multiple of 16.
        steps: number of updates; 0 leaves the random first weights.

    Raises:
        DataError: a value is not one of those above.
    """

    text: Text = "same"
    positions: Positions = "shared"
    order: Order = "same"
    overlap: float = 0.0
    layers: int = 2
    hidden: int = 32
    steps: int = 600

    def __post_init__(self) -> None:
        for name, choices in (("text", Text), ("positions", Positions), ("order", Order)):
            if getattr(self, name) not in get_args(choices):
                raise DataError(
                    f"{name}={getattr(self, name)!r} is unknown; choose from {', '.join(get_args(choices))}."
                )
        if not 0 <= self.overlap < 1:
            raise DataError(f"overlap={self.overlap} is outside [0, 1): at 1 there would be one language only.")
        if self.layers < 1 or self.steps < 0 or self.hidden < 16 or self.hidden % 16:
            raise DataError(
                f"layers={self.layers}, hidden={self.hidden}, steps={self.steps}: expected at least one layer, a width "
                "that is a multiple of 16, and no negative number of steps."
            )


@dataclass(frozen=True)
class Corpus:
    """Sentences as piece ids, without special pieces.

    Attributes:
        words: the vocabulary of English, V words by falling frequency; word i has the id i + 3.
        english: training sentences.
        fake: training sentences of Fake-English; of the same sentences in the same order, unless the text is "other".
        held_out_english: ``HELD_OUT`` sentences.
        held_out_fake: the same, in Fake-English.
        shared: (V,) booleans: words that are one piece in both languages.
    """

    words: tuple[str, ...]
    english: Sentences
    fake: Sentences
    held_out_english: Sentences
    held_out_fake: Sentences
    shared: np.ndarray

    @property
    def vocabulary(self) -> int:
        """Number of piece ids: special ones and twice the words, whether shared or not."""
        return len(SPECIAL) + 2 * len(self.words)

    def text(self, ids: Sequence[int]) -> str:
        """Pieces as text; a piece that only Fake-English has is written as the English word in angle brackets."""
        return " ".join(self._name(piece) for piece in ids)

    def _name(self, piece: int) -> str:
        if piece < len(SPECIAL):
            return SPECIAL[piece]
        number = piece - len(SPECIAL)
        return self.words[number] if number < len(self.words) else f"‹{self.words[number - len(self.words)]}›"


def shared_words(count: int, overlap: float) -> np.ndarray:
    """Which of ``count`` words, by falling frequency, both languages share: every 1/overlap-th, so that their frequencies
    are typical; (count,) booleans."""
    return np.diff(np.floor(overlap * np.arange(count + 1) + 1e-9)) > 0


def fake_english(ids: Sequence[int], shared: np.ndarray) -> list[int]:
    """An English sentence in Fake-English: every id shifted by the size of the vocabulary, unless the word is shared.

    Args:
        ids: pieces of English words.
        shared: (V,) of :func:`shared_words`.

    Raises:
        DataError: an id is not an English word.
    """
    count = len(shared)
    wrong = [piece for piece in ids if not len(SPECIAL) <= piece < len(SPECIAL) + count]
    if wrong:
        raise DataError(
            f"{wrong[0]} is not the id of an English word; those are {len(SPECIAL)} to {len(SPECIAL) + count - 1}."
        )
    return [piece if shared[piece - len(SPECIAL)] else piece + count for piece in ids]


def reorder(ids: Sequence[int], order: Order, generator: np.random.Generator) -> list[int]:
    """The words in the ``"same"`` order, ``"inverted"``, or ``"shuffled"`` by the generator."""
    if order == "inverted":
        return list(ids[::-1])
    if order == "shuffled":
        return [ids[i] for i in generator.permutation(len(ids))]
    return list(ids)


def build_corpus(setting: Setting) -> Corpus:
    """The two languages of a setting. The English sentences are the same in every setting."""
    words, sentences = _encoded()
    held_out, rest = sentences[:HELD_OUT], sentences[HELD_OUT:]
    half = len(rest) // 2
    english, other = rest[:half], rest[half : 2 * half]
    shared = shared_words(len(words), setting.overlap)
    generator = np.random.default_rng(0)

    def translated(part: Sentences) -> Sentences:
        return [reorder(fake_english(ids, shared), setting.order, generator) for ids in part]

    return Corpus(
        words=words,
        english=english,
        fake=translated(other if setting.text == "other" else english),
        held_out_english=held_out,
        held_out_fake=translated(held_out),
        shared=shared,
    )


@cache
def _encoded() -> tuple[tuple[str, ...], Sentences]:
    """The vocabulary, and the sentences that it covers in a random but fixed order, each once."""
    texts = lab_sentences()
    counts = Counter(word for sentence in texts for word in sentence)
    words = tuple(sorted(counts, key=lambda word: (-counts[word], word))[:WORDS])
    number = {word: i + len(SPECIAL) for i, word in enumerate(words)}
    covered: dict[tuple[int, ...], None] = {}
    for sentence in texts:
        ids = tuple(number[word] for word in sentence if word in number)
        if SHORTEST <= len(ids) <= LONGEST and len(ids) >= KNOWN * len(sentence):
            covered[ids] = None
    sentences = [list(ids) for ids in covered]
    return words, [sentences[i] for i in np.random.default_rng(0).permutation(len(sentences))]
