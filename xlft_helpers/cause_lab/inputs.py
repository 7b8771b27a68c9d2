"""What the model is fed: piece ids with their positions, in groups of one length."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .languages import CLS, LONGEST, SEP, Corpus, Sentences, Setting

POSITIONS = LONGEST + 2
"""Positions of one language: the longest sentence with its start and end."""


@dataclass(frozen=True)
class Inputs:
    """N inputs of exactly one length T.

    Attributes:
        ids: (N, T) ``[CLS] sentence [SEP]``, or ``[CLS] sentence [SEP] sentence [SEP]`` for pairs.
        positions: (N, T) from 0 up, and from 1 again in the second sentence; of Fake-English, ``POSITIONS`` higher if
            the languages have separate positions.
        rows: (N,) numbers of the sentences.
    """

    ids: Tensor
    positions: Tensor
    rows: Tensor


def first_position(setting: Setting, fake: bool) -> int:
    """The number of a language's position 0."""
    return POSITIONS if fake and setting.positions == "separate" else 0


def sentence_inputs(sentences: Sentences, first: int) -> list[Inputs]:
    """Sentences of one language by length, their positions counted from ``first``."""
    return _by_length(
        [[CLS, *ids, SEP] for ids in sentences], [range(first, first + len(ids) + 2) for ids in sentences]
    )


def training_inputs(corpus: Corpus, setting: Setting) -> list[Inputs]:
    """All that a setting trains on: every sentence of both languages, and every pair if there are pairs."""
    first = first_position(setting, fake=True)
    inputs = sentence_inputs(corpus.english, 0) + sentence_inputs(corpus.fake, first)
    if setting.text == "pairs":
        ids = [[CLS, *en, SEP, *fake, SEP] for en, fake in zip(corpus.english, corpus.fake, strict=True)]
        own = [[*range(len(en) + 2), *range(first + 1, first + len(en) + 2)] for en in corpus.english]
        inputs += _by_length(ids, own)
    return inputs


def _by_length(ids: Sequence[list[int]], positions: Sequence[Sequence[int]]) -> list[Inputs]:
    groups: dict[int, list[int]] = defaultdict(list)
    for row, pieces in enumerate(ids):
        groups[len(pieces)].append(row)
    return [
        Inputs(
            torch.tensor([ids[row] for row in rows]),
            torch.tensor([list(positions[row]) for row in rows]),
            torch.tensor(rows),
        )
        for rows in groups.values()
    ]
