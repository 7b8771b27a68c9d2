"""Read the sentence templates of ``home-assistant-intents``, and give every open slot the course's own values."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xlft_helpers.errors import DataError

from ..languages import check_language, language_name

PACKAGES = ("home-assistant-intents", "hassil")
_FILES = {"pt": "pt-BR", "zh": "zh-CN"}
"""Languages of which the package has variants only, and the variant with the most intents."""
_SLOTS_FILE = Path(__file__).with_name("slots.json")
_SAME_DEVICES = {"input_boolean": "switch", "button": "script", "input_button": "script"}
"""Kinds of device that sound like another kind: our list has one entry for both."""


@dataclass(frozen=True)
class Template:
    """One sentence pattern of one intent.

    Attributes:
        intent: the label, e.g. ``TurnOn``.
        text: the pattern in hassil's notation, e.g. ``<turn_on> [the] {name}``; it is the template's identity.
        domains: kinds of device that ``{name}`` may stand for, e.g. ``light``; empty for all of them.
        parsed: the pattern as hassil's expression; default: parsed from ``text`` when it is first needed, since most
            templates are never drawn from.
    """

    intent: str
    text: str
    domains: tuple[str, ...]
    parsed: Any = None

    @cached_property
    def expression(self) -> Any:
        """The pattern as hassil's expression."""
        from hassil.parse_expression import parse_sentence

        return self.parsed or parse_sentence(self.text).expression


@dataclass(frozen=True)
class Grammar:
    """What the sentences of one language are drawn from.

    Attributes:
        language: ISO 639-1 code.
        variant: the package's name of the language, e.g. ``pt-BR``.
        templates: all templates, in the package's order.
        rules: hassil's expansion rules by name.
        lists: hassil's slot lists by name (closed lists, such as colours, and ranges of numbers).
        values: the course's own values of the open lists: list, then identifier, then words.
    """

    language: str
    variant: str
    templates: tuple[Template, ...]
    rules: dict[str, Any]
    lists: dict[str, Any]
    values: dict[str, dict[str, str]]


def versions() -> dict[str, str]:
    """The installed versions of the packages that the sentences come from.

    Raises:
        DataError: a package is not installed.
    """
    try:
        return {name: version(name) for name in PACKAGES}
    except PackageNotFoundError as error:
        raise DataError(
            f"The package {error.name} is not installed, and the intents are drawn from it. "
            f"Install both: pip install {' '.join(PACKAGES)}"
        ) from error


def languages() -> list[str]:
    """The languages with values for every open slot, in the order of ``slots.json``: English first."""
    return list(_all_values()["area"]["kitchen"])


def read_grammar(language: str) -> Grammar:
    """Read one language: one of :func:`languages`.

    Raises:
        DataError: the package is missing, or the language has no templates in it or no slot values here.
    """
    versions()
    from hassil.intents import Intents
    from home_assistant_intents import get_intents

    values = _values_of(language)
    variant = _FILES.get(language, language)
    content = get_intents(variant)
    if content is None:
        raise DataError(f"home-assistant-intents has no templates for {language_name(language)} ({language!r}).")
    parsed = Intents.from_dict({**content, "intents": {}})
    return Grammar(
        language=language,
        variant=variant,
        templates=tuple(_templates(content["intents"])),
        rules=parsed.expansion_rules,
        lists=parsed.slot_lists,
        values=values,
    )


def _templates(intents: dict[str, Any]) -> Iterator[Template]:
    for name, intent in intents.items():
        for block in intent["data"]:
            domains = block.get("requires_context", {}).get("domain", [])
            domains = [domains] if isinstance(domains, str) else domains
            kinds = tuple(dict.fromkeys(_SAME_DEVICES.get(domain, domain) for domain in domains))
            for text in block["sentences"]:
                yield Template(name.removeprefix("Hass"), text, kinds)


def _values_of(language: str) -> dict[str, dict[str, str]]:
    known = languages()
    if language not in known:
        name = language_name(check_language(language))
        raise DataError(
            f"There are no slot values (rooms, devices, ...) for {name} ({language!r}) in {_SLOTS_FILE.name}. "
            f"Languages that have them: {', '.join(known)}. Choose among them, or add the language to every entry."
        )
    found: dict[str, dict[str, str]] = {}
    for kind, entries in _all_values().items():
        for identifier, words in entries.items():
            if language not in words:
                raise DataError(
                    f"{_SLOTS_FILE}: {kind}/{identifier} has no words in {language_name(language)} ({language!r}). "
                    "Add them; every entry needs every language."
                )
            found.setdefault(kind, {})[identifier] = words[language]
    return found


@cache
def _all_values() -> dict[str, dict[str, dict[str, str]]]:
    return json.loads(_SLOTS_FILE.read_text(encoding="utf-8"))
