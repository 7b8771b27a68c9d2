"""From spans to facts: (intent, slot, value), with values that are the same whatever the language.

Values come from three places, all without training: the concepts of the course's own slot lists and of the closed lists
of ``home-assistant-intents``, which have words for the same identifiers in every language; numbers, units and country
and language names from Unicode CLDR through Babel; and number words from CLDR's spell-out rules.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from babel import Locale
from babel.numbers import NumberFormatError, format_decimal, parse_decimal
from babel.units import format_unit
from datasets import Dataset

from xlft_helpers.data import check_language
from xlft_helpers.data.intents import read_grammar
from xlft_helpers.errors import DataError

from .scoring import SpanCounts
from .tags import Span, spans_of

UNITS = {
    **dict.fromkeys(("hours", "start_hours"), "duration-hour"),
    **dict.fromkeys(("minutes", "start_minutes"), "duration-minute"),
    **dict.fromkeys(("seconds", "start_seconds"), "duration-second"),
    **dict.fromkeys(("percentage", "position", "brightness", "volume_level", "volume_step"), "concentr-percent"),
    "temperature": "temperature-generic",
}
"""Slots that hold a number, and CLDR's identifier of its unit."""
_SLOT_OF_LIST = {"todo_list_item": "item", "shopping_list_item": "item"}
_LARGEST_NUMBER_WORD = 100
_ARABIC_SEPARATORS = str.maketrans({"٫": ".", "٬": None})
"""Used with Arabic digits, where languages that also write 0-9 have ``.`` and ``,``."""
_FACT_COLUMNS = ["id", "language", "intent", "slot", "value", "words"]


class Lexicon:
    """Words to identifiers, and back, in some languages.

    Args:
        languages: ISO 639-1 codes of languages that ``load_intents`` has.

    Raises:
        DataError: a language has no slot values.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        self.languages = list(languages)
        self._words: dict[str, dict[tuple[str, str], str]] = {}
        self._values: dict[str, dict[str, dict[str, str]]] = {}
        for language in languages:
            self._words[language], self._values[language] = _concepts(language)

    def value(self, slot: str, words: str, language: str | None = None) -> str | None:
        """The language-independent value of a slot's words, or ``None`` where nothing fits.

        In this order: a number in digits (of any script); a concept with exactly these words; a number in words; the
        concept or number word that fills at least half of the words, which forgives endings and glued articles.

        Args:
            slot: the slot's name.
            words: what stands in the text.
            language: ISO 639-1 code; default: unknown, so that all languages are tried, in order.

        Raises:
            DataError: the lexicon does not have the language.
        """
        languages = self.languages if language is None else [self._known(language)]
        key = _key(words)
        for attempt in (self._digits, self._exact, self._longest):
            for code in languages:
                if key and (found := attempt(slot, key, code)) is not None:
                    return found
        return None

    def words(self, slot: str, value: str, language: str) -> str:
        """How a language says a value: a concept's words, a number with its unit, or else the value itself.

        Raises:
            DataError: the lexicon does not have the language.
        """
        words = self._words[self._known(language)].get((slot, value))
        if words is None and slot in UNITS and value.replace(".", "", 1).isdigit():
            return format_unit(float(value), UNITS[slot], locale=language)
        if words is None and value.replace(".", "", 1).isdigit():
            return format_decimal(float(value), locale=language)
        return words or value

    def _known(self, language: str) -> str:
        if check_language(language) not in self._words:
            raise DataError(f"The lexicon has no {language!r}; it was made for {', '.join(self.languages)}.")
        return language

    def _digits(self, slot: str, key: str, language: str) -> str | None:
        return parse_number(key, language)

    def _exact(self, slot: str, key: str, language: str) -> str | None:
        entries = self._entries(slot, language)
        return entries.get(key, number_words(language).get(key))

    def _longest(self, slot: str, key: str, language: str) -> str | None:
        candidates = {**number_words(language), **self._entries(slot, language)}
        fitting = [words for words in candidates if words in key and len(words) >= len(key) / 2]
        return candidates[max(fitting, key=len)] if fitting else None

    def _entries(self, slot: str, language: str) -> dict[str, str]:
        """The slot's own concepts, or the closed lists' where it has none."""
        values = self._values[language]
        return values.get(slot, values[""])


def parse_number(words: str, language: str) -> str | None:
    """A number in digits of any script as a plain decimal: ``٣٫٥`` in Arabic and ``3,5`` in German are ``3.5``.

    ``None`` where the words are not a number in the language's notation.
    """
    in_ascii = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in words)
    try:
        number = parse_decimal(in_ascii.translate(_ARABIC_SEPARATORS), locale=language, numbering_system="latn")
    except NumberFormatError:
        return None
    if not number.is_finite():  # "nan" and "infinity" are numbers to Python
        return None
    return f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"


@cache
def number_words(language: str) -> dict[str, str]:
    """The whole numbers up to 100 in words, in all of CLDR's forms for the language; empty where it has no rules."""
    from hassil.numbers import get_rbnf_engine

    engine, found = get_rbnf_engine(language), dict[str, str]()
    for number in range(_LARGEST_NUMBER_WORD + 1):
        try:
            forms = engine.format_number(number).text_by_ruleset
        except ValueError:
            return {}
        for words in forms.values():
            found.setdefault(_key(words), str(number))
    return found


def name_code(words: str, language: str, kind: Literal["country", "language"]) -> str | None:
    """The ISO 3166 code of a country's name, or the language code of a language's name, by CLDR; ``None`` if unknown."""
    locale = Locale.parse(check_language(language))
    names: Mapping[str, str] = locale.territories if kind == "country" else locale.languages
    return next((code for code, name in names.items() if _key(name) == _key(words) and code.isalpha()), None)


def fact_table(
    rows: Dataset, spans: Sequence[Iterable[Span]], intents: Sequence[str], lexicon: Lexicon
) -> pd.DataFrame:
    """One row a fact: ``id``, ``language``, ``intent``, ``slot``, ``value`` and the ``words`` it was read from.

    Args:
        rows: n commands with ``text``, ``language`` and ``id``.
        spans: the spans of each, true or found.
        intents: the name of each command's intent, true or predicted.
        lexicon: gives the values; spans whose words it does not know keep ``None``.

    Raises:
        DataError: the lengths differ.
    """
    if not len(rows) == len(spans) == len(intents):
        raise DataError(
            f"{len(rows)} rows, {len(spans)} lists of spans and {len(intents)} intents; they must be equal."
        )
    facts = []
    for row, found, intent in zip(rows, spans, intents, strict=True):
        for span in found:
            words = row["text"][span.start : span.end]
            value = lexicon.value(span.name, words, row["language"])
            facts.append((row["id"], row["language"], intent, span.name, value, words))
    return pd.DataFrame(facts, columns=_FACT_COLUMNS)


def true_facts(rows: Dataset, intents: Sequence[str]) -> pd.DataFrame:
    """The table of :func:`fact_table` from the values that the rows' ``slots`` hold."""
    facts = []
    for row, intent in zip(rows, intents, strict=True):
        values = {(slot["name"], slot["start"]): slot["value"] for slot in row["slots"]}
        for span in spans_of(row):
            words, value = row["text"][span.start : span.end], values[span.name, span.start]
            facts.append((row["id"], row["language"], intent, span.name, value, words))
    return pd.DataFrame(facts, columns=_FACT_COLUMNS)


def count_facts(
    ids: Sequence[str], true: pd.DataFrame, runs: Sequence[pd.DataFrame], columns: Sequence[str] = ("slot", "value")
) -> SpanCounts:
    """Count the facts that are right, command by command, for :func:`~xlft_helpers.tasks.extraction.bootstrap_f1`.

    Args:
        ids: the n commands, also those without any fact.
        true: the facts that there are.
        runs: the facts that each of S runs found.
        columns: what must be equal; ``("intent", "slot", "value")`` asks for the whole triple.

    Raises:
        DataError: there are no true facts.
    """
    if true.empty:
        raise DataError("There are no true facts, so F1 says nothing. Check the languages and the split.")
    tables = [_by_command(facts, ids, columns) for facts in (true, *runs)]
    return SpanCounts(
        np.array([[len(t & f) for t, f in zip(tables[0], found, strict=True)] for found in tables[1:]]),
        np.array([[len(facts) for facts in found] for found in tables[1:]]),
        np.array([len(facts) for facts in tables[0]]),
    )


def _by_command(facts: pd.DataFrame, ids: Sequence[str], columns: Sequence[str]) -> list[set[tuple[Any, ...]]]:
    found: dict[str, set[tuple[Any, ...]]] = {number: set() for number in ids}
    for number, *fact in facts[["id", *columns]].itertuples(index=False):
        found[number].add(tuple(fact))
    return list(found.values())


def find_facts(facts: pd.DataFrame, slot: str, words: str, language: str, lexicon: Lexicon) -> pd.DataFrame:
    """The facts of all languages in which a slot has the value that some words name in one language.

    Raises:
        DataError: the lexicon knows no value for the words, or the query is empty.
    """
    if not words.strip():
        raise DataError("The query is empty. Ask for something, e.g. slot='area', words='kitchen', language='en'.")
    value = lexicon.value(slot, words, language)
    if value is None:
        values = sorted(set(facts.loc[facts["slot"] == slot, "value"].dropna()))
        known = ", ".join(lexicon.words(slot, v, language) for v in values[:8]) or "none"
        raise DataError(f"No value of the slot {slot!r} is called {words!r} in {language!r}. Some that are: {known}.")
    return facts[(facts["slot"] == slot) & (facts["value"] == value)]


def _concepts(language: str) -> tuple[dict[tuple[str, str], str], dict[str, dict[str, str]]]:
    """(slot, identifier) to words, and slot to words to identifier; closed lists stand under the slot ``""``."""
    from hassil.intents import TextSlotList

    grammar = read_grammar(language)
    words_of: dict[tuple[str, str], str] = {}
    values: dict[str, dict[str, str]] = {"": {}}
    for name, entries in grammar.values.items():  # noqa: PD011 (not a table of pandas)
        slot = _SLOT_OF_LIST.get(name, name.split("/")[0])
        for identifier, words in entries.items():
            words_of[slot, identifier] = words
            values.setdefault(slot, {})[_key(words)] = identifier
    for closed in grammar.lists.values():
        if not isinstance(closed, TextSlotList):
            continue
        for entry in closed.values:  # noqa: PD011
            for words in _alternatives(entry.text_in, grammar):
                values[""].setdefault(_key(words), str(entry.value_out))
    return words_of, values


def _alternatives(expression: Any, grammar: Any) -> Iterable[str]:
    from hassil.sample import sample_expression

    return sample_expression(expression, grammar.lists, grammar.rules)


def _key(words: str) -> str:
    """Words without the differences that do not matter: width, case, and signs and spaces at the ends."""
    text = unicodedata.normalize("NFKC", words).casefold().replace("\u200b", "")
    kept = [i for i, character in enumerate(text) if unicodedata.category(character)[0] in "LMN"]
    return text[kept[0] : kept[-1] + 1] if kept else ""
