"""Draw a sentence from a template, and remember where its slots are.

hassil's own sampler lists every sentence that a template allows, in order, and forgets which words filled which slot.
A template with a few options allows millions, so the course walks through hassil's parsed expression itself, chooses at
random wherever there is a choice, and keeps the place of each slot.
"""

import random
from dataclasses import asdict, dataclass
from typing import Any

from hassil.expression import Alternative, Group, ListReference, Permutation, RuleReference, TextChunk
from hassil.intents import RangeSlotList, TextSlotList
from hassil.numbers import get_rbnf_engine

from xlft_helpers.errors import DataError

from ..languages import has_spaces
from .reading import Grammar, Template

SHARE_OF_WORDS = 0.25
"""How often a number is written in words (``twenty``) instead of digits, where CLDR has rules for the language."""
_KEEP_LIST_NAME = ("timer_name", "zone")
"""Lists that the package puts into the slots ``name`` and ``state``, where other things stand too; we keep them apart."""

_ZERO_WIDTH_SPACE = "\u200b"
"""CLDR puts it between the parts of Thai number words; nobody types it."""


@dataclass(frozen=True)
class Slot:
    """A filled slot: ``text[start:end]`` says ``value``, which is the same identifier in every language.

    Attributes:
        name: the kind, e.g. ``area``, ``color``, ``minutes``.
        start: index of its first character.
        end: index after its last character.
        value: a language-independent identifier (``kitchen``, ``red``) or a number in digits (``20``).
    """

    name: str
    start: int
    end: int
    value: str


@dataclass(frozen=True)
class Sentence:
    """A drawn sentence: its text, its slots in order, and the template that it came from."""

    text: str
    slots: tuple[Slot, ...]
    template: Template

    @property
    def skeleton(self) -> str:
        """The sentence with its slots' names in place of their words: what no two splits may share."""
        parts, end = [], 0
        for slot in self.slots:
            parts += [self.text[end : slot.start], f"{{{slot.name}}}"]
            end = slot.end
        return "".join([*parts, self.text[end:]]).casefold()

    def slot_rows(self) -> list[dict[str, Any]]:
        """The slots as dictionaries with ``name``, ``start``, ``end`` and ``value``."""
        return [asdict(slot) for slot in self.slots]


@dataclass(frozen=True)
class _Piece:
    """A stretch of text; ``slot`` and ``value`` are set where it fills a slot."""

    text: str
    slot: str | None = None
    value: str = ""


def draw_sentence(template: Template, grammar: Grammar, generator: random.Random) -> Sentence:
    """Draw one sentence; the same state of the generator gives the same sentence.

    Raises:
        DataError: the template needs a list or a rule that neither the package nor ``slots.json`` has.
    """
    pieces = _Walk(template, grammar, generator).pieces(template.expression)
    text, slots = _join(pieces)
    return Sentence(text, slots, template)


class _Walk:
    """One walk through an expression."""

    def __init__(self, template: Template, grammar: Grammar, generator: random.Random) -> None:
        self._template, self._grammar, self._generator = template, grammar, generator
        self._glue_endings = not has_spaces(grammar.language)

    def pieces(self, expression: Any) -> list[_Piece]:
        if isinstance(expression, TextChunk):
            return [_Piece(expression.original_text)]
        if isinstance(expression, RuleReference):
            return self.pieces(self._rule(expression.rule_name))
        if isinstance(expression, ListReference):
            return [self._slot(expression)]
        if isinstance(expression, Alternative):
            return self.pieces(self._generator.choice(expression.items))
        if isinstance(expression, Group):
            items = list(expression.items)
            if isinstance(expression, Permutation):
                self._generator.shuffle(items)
            return self._in_a_row(items)
        raise DataError(f"{self._where()}: a {type(expression).__name__} is not an expression that hassil 3 knows.")

    def _in_a_row(self, items: list[Any]) -> list[_Piece]:
        found: list[_Piece] = []
        for item in items:
            drawn = self.pieces(item)
            optional = isinstance(item, Alternative) and item.is_optional
            if optional and not self._glue_endings and _is_ending(found, drawn):
                continue
            found += [piece for piece in drawn if piece.text]
        return found

    def _slot(self, reference: ListReference) -> _Piece:
        name = reference.list_name
        slot = name if name in _KEEP_LIST_NAME else reference.slot_name
        if (own := self._own_values(name)) is not None:
            value, words = self._generator.choice(list(own.items()))
        elif isinstance(closed := self._grammar.lists.get(name), RangeSlotList):
            value, words = self._number(closed)
        elif isinstance(closed, TextSlotList) and closed.values:
            entry = self._generator.choice(closed.values)
            words = "".join(piece.text for piece in self.pieces(entry.text_in))
            value = str(entry.value_out)
        else:
            raise DataError(
                f"{self._where()}: there are no values for the list {{{name}}}. Add them to slots.json in every language."
            )
        return _Piece(words, slot, value)

    def _own_values(self, list_name: str) -> dict[str, str] | None:
        """The course's values for an open list; for ``name``, those of the devices that the template speaks of."""
        values = self._grammar.values
        if list_name != "name":
            return values.get(list_name)
        kinds = self._template.domains or tuple(key.split("/")[1] for key in values if key.startswith("name/"))
        return {key: words for kind in kinds for key, words in values.get(f"name/{kind}", {}).items()} or None

    def _number(self, numbers: RangeSlotList) -> tuple[str, str]:
        number = self._generator.randrange(numbers.start, numbers.stop + 1, numbers.step)
        value = number * (numbers.multiplier or 1)
        in_words = numbers.words and self._generator.random() < SHARE_OF_WORDS
        words = _in_words(number, self._grammar.variant) if in_words else None
        return f"{value:g}", words or str(number)

    def _rule(self, name: str) -> Any:
        if name not in self._grammar.rules:
            raise DataError(f"{self._where()}: the rule <{name}> does not exist in home-assistant-intents.")
        return self._grammar.rules[name].expression

    def _where(self) -> str:
        return f"Template {self._template.text!r} ({self._grammar.language}, {self._template.intent})"


def _in_words(number: int, language: str) -> str | None:
    try:
        return get_rbnf_engine(language).format_number(number).text
    except ValueError:  # CLDR has no rules for this language
        return None


def _is_ending(before: list[_Piece], drawn: list[_Piece]) -> bool:
    """Whether ``drawn`` would glue letters to a slot.

    In languages that inflect, the templates accept any ending after a name, because the recogniser must; chosen at
    random, most of them would be wrong.
    """
    text = "".join(piece.text for piece in drawn)
    return bool(before) and before[-1].slot is not None and text[:1].isalpha()


def _join(pieces: list[_Piece]) -> tuple[str, tuple[Slot, ...]]:
    """Put the pieces together with single spaces, and find each slot's place in the result."""
    text, slots = "", []
    for piece in pieces:
        start: int | None = None
        for character in piece.text.replace(_ZERO_WIDTH_SPACE, ""):
            if character.isspace():
                text += " " if text and not text.endswith(" ") else ""
            else:
                start = len(text) if start is None else start
                text += character
        if piece.slot is not None and start is not None:
            slots.append(Slot(piece.slot, start, len(text.rstrip()), piece.value))
    return text.rstrip(), tuple(slots)
