"""Cleaning: one spelling for what looks the same, and no text twice."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from xlft_helpers.errors import DataError

from .schema import SPLITS

GRAM = 3
"""Length of the character n-grams by which two texts are compared."""
PREFIX = 8
"""How many rare n-grams two texts must share to be compared in full; fewer would mean more comparisons."""
BLOCK = 500
"""Texts a matrix product, which bounds its memory to some tens of megabytes."""

# Handles and addresses are ASCII: in Chinese, the text goes on right behind them without a space. The accents
# (U+0300 to U+036F) are those that could otherwise melt into the replacement's last letter.
_MENTION = re.compile(r"(?<![A-Za-z0-9_])@[A-Za-z0-9_][A-Za-z0-9_\u0300-\u036f]*")
_LINK = re.compile(r"(?:https?://|(?<![A-Za-z0-9])www\.)[!-~\u0300-\u036f]+", re.IGNORECASE)
# Invisible, but they carry meaning: joiners (Hindi and Persian spelling, emoji of several parts), and flags' letters.
_KEPT_FORMAT = {"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}


class Pair(NamedTuple):
    """Two similar texts: their positions, ``first`` < ``second``, and their Jaccard similarity."""

    first: int
    second: int
    similarity: float


@dataclass(frozen=True)
class CleaningReport:
    """What :func:`clean` did.

    Attributes:
        rows: number of rows before.
        changed: number of texts that normalization changed.
        removed: the rows taken out, with ``reason`` (``empty``, ``exact duplicate``, ``near duplicate``) and, for
            duplicates, ``kept_id``, ``kept_split`` and ``kept_label`` of the row that stays.
    """

    rows: int
    changed: int
    removed: pd.DataFrame

    def __str__(self) -> str:
        counts = self.removed["reason"].value_counts()
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "none"
        left = self.rows - len(self.removed)
        return f"{self.rows} rows: {self.changed} texts changed; removed: {reasons}; {left} rows left."


def normalize_text(text: str) -> str:
    """Spell equal things equally: Unicode NFC, ``@user`` for mentions, ``http`` for links, single spaces.

    Control characters, invisible format characters and lone surrogates go; joiners within words and emoji stay.
    Letters, case, punctuation and emoji are not touched. Normalizing twice is the same as once.
    """
    spaced = " ".join(text.split())  # every kind of white space, U+2028 and U+0085 included
    visible = spaced if spaced.isprintable() else "".join(filter(_is_visible, spaced))
    composed = unicodedata.normalize("NFC", visible)
    replaced = _MENTION.sub("@user", _LINK.sub("http", composed))
    return " ".join(replaced.split())


def clean(frame: pd.DataFrame, threshold: float = 0.7) -> tuple[pd.DataFrame, CleaningReport]:
    """Normalize texts, then remove empty rows and, within each language, exact and near duplicates.

    Of rows that are linked by duplication, one stays: a test row before a dev row before a train row, then the first.
    So a duplicate between splits costs a training row and no test row. A parallel test set may lose a message in one
    language only; then remove its id in the others too.

    Args:
        frame: rows in the columns of ``schema.COLUMNS``, e.g. of :func:`~xlft_helpers.data.read_table`.
        threshold: similarity from which texts are near duplicates, see :func:`near_duplicates`.

    Returns:
        The rows that stay, in their order, and the report.
    """
    rows = frame.reset_index(drop=True)
    texts = rows["text"].fillna("").map(normalize_text)
    changed = int((texts != rows["text"]).sum())
    rows["text"] = texts
    rank = rows["split"].map({split: number for number, split in enumerate(reversed(SPLITS))})
    kept = np.arange(len(rows))
    for _, part in rows[texts != ""].groupby("language", sort=False):
        order = part.index.to_numpy()[np.argsort(rank[part.index], kind="stable")]
        kept[order] = order[first_of_each_group(rows.loc[order, "text"].tolist(), threshold)]
    reason = pd.Series("", index=rows.index)
    reason[kept != rows.index] = "near duplicate"
    reason[(kept != rows.index) & (texts.to_numpy() == texts.to_numpy()[kept])] = "exact duplicate"
    reason[texts == ""] = "empty"
    stays = reason == ""
    twins = rows.loc[kept, ["id", "split", "label"]].add_prefix("kept_").set_axis(rows.index)
    twins[reason == "empty"] = None
    removed = rows.assign(reason=reason).join(twins)[~stays]
    return rows[stays].reset_index(drop=True), CleaningReport(len(rows), changed, removed.reset_index(drop=True))


def near_duplicates(texts: Sequence[str], threshold: float = 0.7) -> list[Pair]:
    """All pairs of texts whose sets of character trigrams overlap by at least ``threshold`` (Jaccard similarity).

    Texts are normalized and case-folded first; empty ones have no duplicates. The search is exact and takes seconds for
    20,000 tweets, because few pairs are compared in full: see :func:`_candidates`.

    Args:
        texts: any number; k equal texts make k(k - 1)/2 pairs, so remove exact duplicates of a large corpus before.
        threshold: in (0, 1].

    Returns:
        Pairs in the order of their positions.

    Raises:
        DataError: the threshold is outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise DataError(f"threshold={threshold} is outside (0, 1]: 1 finds equal texts only, 0.7 is a good start.")
    sets = [_trigrams(text) for text in texts]
    pairs = []
    for one, other in _candidates(sets, threshold):
        shared = len(sets[one] & sets[other])
        similarity = shared / (len(sets[one]) + len(sets[other]) - shared)
        if similarity >= threshold:
            pairs.append(Pair(min(one, other), max(one, other), similarity))
    return sorted(pairs)


def _candidates(sets: Sequence[Set[str]], threshold: float) -> Iterator[tuple[int, int]]:
    """Every pair of sets that may reach the threshold, and few others.

    Sets of n ≤ m members reach the Jaccard similarity t only if they share at least ⌈tm⌉. Order the members from rare
    to frequent: then min(k, ⌈tm⌉) of the shared ones stand among the first n - ⌈tn⌉ + k and m - ⌈tm⌉ + k of them (the
    prefix scheme of Wang, Li & Feng 2012, "Can We Beat the Prefix Filtering?"). How many members two prefixes share is
    a sparse matrix product.
    """
    frequency = Counter(member for members in sets for member in members)
    rank = {member: number for number, member in enumerate(sorted(frequency, key=lambda m: (frequency[m], m)))}
    order = np.array(sorted((number for number, members in enumerate(sets) if members), key=lambda n: len(sets[n])))
    sizes = np.array([len(sets[number]) for number in order])
    needed = np.ceil(threshold * sizes - 1e-9).astype(int)  # against 0.1 * 30 = 3.0000000000000004
    prefixes = [
        sorted(rank[member] for member in sets[number])[: size - least + PREFIX]
        for number, size, least in zip(order, sizes, needed, strict=True)
    ]
    ends = np.cumsum([0, *map(len, prefixes)])
    columns = np.fromiter(chain.from_iterable(prefixes), dtype=np.int64, count=ends[-1])
    matrix = csr_array((np.ones(ends[-1], dtype=np.int32), columns, ends), shape=(len(order), len(rank)))
    for start in range(0, len(order), BLOCK):
        block = matrix[start : start + BLOCK]
        largest = np.searchsorted(sizes, sizes[start : start + BLOCK][-1] / threshold + 1e-9, side="right")
        shared = (block @ matrix[start:largest].T).tocoo()
        small, large = shared.row + start, shared.col + start
        chosen = (small < large) & (needed[large] <= sizes[small]) & (shared.data >= np.minimum(PREFIX, needed[large]))
        yield from zip(order[small[chosen]].tolist(), order[large[chosen]].tolist(), strict=True)


def _trigrams(text: str) -> frozenset[str]:
    folded = normalize_text(text).casefold()
    return frozenset(folded[start : start + GRAM] for start in range(max(len(folded) - GRAM + 1, min(1, len(folded)))))


def first_of_each_group(texts: list[str], threshold: float) -> np.ndarray:
    """For each text, the position of the first one that it is linked to by a chain of duplicates (perhaps its own)."""
    first_of_text: dict[str, int] = {}
    firsts = np.array([first_of_text.setdefault(text, number) for number, text in enumerate(texts)])
    distinct = np.unique(firsts)
    pairs = near_duplicates([texts[number] for number in distinct], threshold)
    links = coo_array(
        (np.ones(len(pairs)), ([pair.first for pair in pairs], [pair.second for pair in pairs])),
        shape=(len(distinct), len(distinct)),
    )
    _, group = connected_components(links, directed=False)
    _, first_of_group = np.unique(group, return_index=True)
    return distinct[first_of_group[group]][np.searchsorted(distinct, firsts)]


def _is_visible(character: str) -> bool:
    return character in _KEPT_FORMAT or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
