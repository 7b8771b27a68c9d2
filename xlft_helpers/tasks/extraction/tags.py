"""Slots as spans of characters, and the BIO tags of pieces and of characters that say the same.

A span is the one description that fits every script and every tokenizer. Tags are made for a tokenizer when a model is
trained, and turned back into spans when it answers; scores compare spans, so that two tokenizers can be compared.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from datasets import Dataset
from seqeval.metrics.sequence_labeling import get_entities

from xlft_helpers.data import has_spaces, languages_of
from xlft_helpers.errors import DataError

OUTSIDE = "O"
_HALF_WIDTH_MARKS = "\uff9e\uff9f"
"""Normalization joins them with the letter before, though Unicode does not class them as marks."""


class Span(NamedTuple):
    """The words ``text[start:end]`` fill the slot ``name``."""

    name: str
    start: int
    end: int


def spans_of(row: Mapping[str, Any]) -> list[Span]:
    """The checked spans of a row with ``text`` and ``slots`` (dictionaries with ``name``, ``start`` and ``end``).

    Raises:
        DataError: the text is empty; a span is empty, lies outside the text, or overlaps the one before it.
    """
    text, where = row["text"], f"Row {row.get('id', '')!r} ({row['text']!r})"
    if not text.strip():
        raise DataError(f"{where}: the text is empty. Write a text or remove the row.")
    spans = sorted(
        (Span(slot["name"], slot["start"], slot["end"]) for slot in row["slots"]), key=lambda span: span.start
    )
    end = 0
    for span in spans:
        if not 0 <= span.start < span.end <= len(text):
            raise DataError(
                f"{where}: the slot {span.name!r} goes from {span.start} to {span.end}, and the text from 0 to "
                f"{len(text)}. Positions count characters; the end is one behind the last."
            )
        if span.start < end:
            raise DataError(
                f"{where}: the slot {span.name!r} at {span.start} overlaps the one before, which ends at {end}."
            )
        end = span.end
    return spans


def bio_labels(rows: Dataset) -> list[str]:
    """``O``, then ``B-`` and ``I-`` of every slot name that occurs, in alphabetical order.

    Raises:
        DataError: there are no rows, or a language among them has no slots.
    """
    if len(rows) == 0:
        raise DataError("There are no rows, so there are no slots to learn. Check the languages that were selected.")
    found: dict[str, set[str]] = {language: set() for language in languages_of(rows)}
    for language, slots in zip(rows["language"], rows["slots"], strict=True):
        found[language] |= {slot["name"] for slot in slots}
    if empty := [language for language, names in found.items() if not names]:
        raise DataError(
            f"No row in {', '.join(empty)} has a slot. Leave the language out: a tagger trained on it learns to find nothing."
        )
    names = sorted(set().union(*found.values()))
    return [OUTSIDE, *(f"{prefix}-{name}" for name in names for prefix in "BI")]


def piece_places(text: str, offsets: Iterable[tuple[int, int]]) -> list[tuple[int, int] | None]:
    """Where each piece stands in the text, from a fast tokenizer's ``offset_mapping``.

    The mapping of a tokenizer with ``▁`` pieces needs three corrections: the space before a word belongs to no word; the
    lone ``▁`` in front of a text claims the first character, which the next piece stands for; and a mark that
    normalization joined with the letter before it is left out.

    Returns:
        (start, end) a piece; ``None`` for pieces that stand for no character of their own, such as ``<s>``.
    """
    pairs = list(offsets)
    places: list[tuple[int, int] | None] = []
    starts = set()
    for start, end in pairs:
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        places.append((start, end) if start < end else None)
        starts.add(start)
    for index, place in enumerate(places):
        if place is None:
            continue
        start, end = place
        following = places[index + 1] if index + 1 < len(places) else None
        while end < len(text) and end not in starts and _is_mark(text[end]):
            end += 1
        places[index] = None if following is not None and following[0] == start else (start, end)
    return places


def piece_tags(spans: Sequence[Span], places: Sequence[tuple[int, int] | None]) -> list[str | None]:
    """The BIO tag of each piece: ``B-`` on the first piece that touches a span, ``I-`` on the others, ``O`` elsewhere.

    A piece that touches two spans is given to the first; a piece without a place gets ``None``.
    """
    tags: list[str | None] = []
    begun: set[Span] = set()
    for place in places:
        span = next((span for span in spans if place and place[0] < span.end and span.start < place[1]), None)
        if place is None or span is None:
            tags.append(None if place is None else OUTSIDE)
            continue
        tags.append(f"{'I' if span in begun else 'B'}-{span.name}")
        begun.add(span)
    return tags


def spans_from_tags(tags: Sequence[str | None], places: Sequence[tuple[int, int] | None]) -> list[Span]:
    """The spans that the tags of pieces describe, read as seqeval reads them: an ``I-`` may open a span too."""
    placed = [(tag or OUTSIDE, place) for tag, place in zip(tags, places, strict=True) if place is not None]
    entities = get_entities([tag for tag, _ in placed])
    return [Span(name, placed[first][1][0], placed[last][1][1]) for name, first, last in entities]


def character_tags(text: str, spans: Iterable[Span]) -> list[str]:
    """One BIO tag a character: tags that do not depend on a tokenizer, nor on spaces."""
    tags = [OUTSIDE] * len(text)
    for span in spans:
        tags[span.start : span.end] = [f"B-{span.name}"] + [f"I-{span.name}"] * (span.end - span.start - 1)
    return tags


def spans_of_words(words: Sequence[str], tags: Sequence[str], language: str) -> tuple[str, list[Span]]:
    """A text with spans from words with BIO tags, the form of CoNLL-2003 and PAN-X (WikiANN).

    Words are joined by a space, and by nothing in languages that write none.

    Raises:
        DataError: there are not as many tags as words.
    """
    if len(words) != len(tags):
        raise DataError(f"There are {len(words)} words and {len(tags)} tags; every word needs one tag.")
    gap = " " if has_spaces(language) else ""
    text, places = "", []
    for word in words:
        text += gap if text else ""
        places.append((len(text), len(text) + len(word)))
        text += word
    return text, spans_from_tags(tags, places)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M") or character in _HALF_WIDTH_MARKS
