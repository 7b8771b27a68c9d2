"""What is visibly wrong with a translation, as far as a rule can tell."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

from .baselines import words
from .pairs import bare

FAULTS = {
    "copied": "the source word for word, where the reference is something else",
    "repeats": "a word or a pair of words twice in a row, which the reference does not have",
    "too short": "less than half as long as the reference, in characters",
    "too long": "more than twice as long as the reference, in characters",
    "placeholder": "other placeholders (%1, ${...}) or numbers than in the source",
    "unknown character": "the reference has a character that the tokenizer cannot write",
}
"""Fault to the rule that finds it. A translation may have several, or be wrong in a way that no rule here sees."""

_PLACEHOLDER = re.compile(r"%\w|\$?\{[^}]*\}|\d+")


def find_faults(
    source: str, translation: str, reference: str, language: str, known_characters: frozenset[str] | None = None
) -> list[str]:
    """The names of the faults of one translation, from ``FAULTS``.

    Args:
        source: the text.
        translation: what the system made of it.
        reference: the right translation.
        language: of the translation.
        known_characters: what the tokenizer can write; without them that fault is not looked for.
    """
    length, wanted = len(translation), len(reference)
    found = {
        "copied": bare(translation) == bare(source) != bare(reference),
        "repeats": bool(_repeated(translation, language) - _repeated(reference, language)),
        "too short": 2 * length < wanted,
        "too long": length > 2 * wanted,
        "placeholder": Counter(_PLACEHOLDER.findall(translation)) != Counter(_PLACEHOLDER.findall(source)),
        "unknown character": known_characters is not None and bool(set(reference) - known_characters - {" "}),
    }
    return [name for name, is_there in found.items() if is_there]


def fault_counts(
    sources: Sequence[str],
    systems: dict[str, Sequence[str]],
    references: Sequence[str],
    language: str,
    known_characters: frozenset[str] | None = None,
) -> pd.DataFrame:
    """How many of the translations of each system have each fault, and how many are exactly the reference.

    Returns:
        One row a fault, with ``exactly the reference`` last; one column a system.
    """
    columns = {}
    for name, translations in systems.items():
        counts = Counter(
            fault
            for source, translation, reference in zip(sources, translations, references, strict=True)
            for fault in find_faults(source, translation, reference, language, known_characters)
        )
        exact = sum(map(str.__eq__, translations, references))
        columns[name] = {**{fault: counts[fault] for fault in FAULTS}, "exactly the reference": exact}
    return pd.DataFrame(columns)


def _repeated(text: str, language: str) -> set[str]:
    """Words, and pairs of words, that stand twice in a row; punctuation does not count."""
    found = words(text.lower(), language)
    single = {first for first, second in pairwise(found) if first == second and first.isalpha()}
    pairs = {
        f"{a} {b}"
        for a, b, c, d in zip(found, found[1:], found[2:], found[3:], strict=False)
        if (a, b) == (c, d) and (a + b).isalpha()
    }
    return single | pairs
