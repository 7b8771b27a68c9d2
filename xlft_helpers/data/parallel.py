"""Parallel sentences: the messages of JupyterLab's interface in English and their translations.

They come from the language packs of JupyterLab (the PyPI packages ``jupyterlab-language-pack-*``, BSD-3-Clause), written
by its community of translators. The French and Chinese packs are nearly complete, the others have a quarter to two thirds.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from babel.messages.mofile import read_mo

from xlft_helpers.errors import DataError

from .cleaning import first_of_each_group, normalize_text

PACKS = {
    "fr": "fr-FR", "zh": "zh-CN", "de": "de-DE", "es": "es-ES", "ru": "ru-RU", "ja": "ja-JP", "ko": "ko-KR", "pl": "pl-PL",
}  # fmt: skip
"""Language to the locale in the name of its pack."""

HELD_OUT = 0.1
"""Share of the groups of near duplicates that go to dev, and to test."""
NEAR = 0.7
"""Similarity from which two English messages are near duplicates, see :func:`~xlft_helpers.data.near_duplicates`."""


def load_parallel(languages: Sequence[str] = ("fr", "zh")) -> pd.DataFrame:
    """Load English messages with their translations into all of the languages.

    Texts are normalized (see :func:`~xlft_helpers.data.normalize_text`); messages without letters, and translations that
    only repeat the English, are left out. English messages that are nearly equal ("Show sidebar", "Show Sidebars") stand
    in the same split, and a message is in the same split whatever languages are asked for.

    Args:
        languages: some of ``PACKS``, without English. Default: the two nearly complete ones.

    Returns:
        One row a message, sorted by the English: ``id``, ``split`` (``train``, ``dev`` or ``test``, about 8 : 1 : 1),
        ``en``, and a column for each language.

    Raises:
        DataError: a language has no pack, or its pack is not installed.
    """
    if not languages:
        raise DataError(f"languages is empty: name one or more of {', '.join(PACKS)}.")
    catalogues = {code: _catalogue(code) for code in languages}
    frame = pd.DataFrame({"en": sorted(set.intersection(*map(set, catalogues.values())))})
    for code, catalogue in catalogues.items():
        frame[code] = frame["en"].map(catalogue)
    frame.insert(0, "split", frame["en"].map(_splits()))
    frame.insert(0, "id", frame["en"].map(_digest).str[:12])
    return frame


@cache
def _catalogue(code: str) -> dict[str, str]:
    """English to translation, of one pack."""
    if code not in PACKS:
        raise DataError(f"There is no pack of parallel sentences for {code!r}: choose among {', '.join(PACKS)}.")
    spec = find_spec(_module(PACKS[code]))
    if spec is None or spec.origin is None:
        raise DataError(
            f"The parallel sentences of {code!r} are in a package that is not installed: "
            f"pip install jupyterlab-language-pack-{PACKS[code].lower()}"
        )
    found: dict[str, str] = {}
    # JupyterLab's own messages first: where an extension translates the same text differently, they stand.
    files = sorted(Path(spec.origin).parent.rglob("*.mo"), key=lambda path: (path.stem != "jupyterlab", path.stem))
    for path in files:
        with path.open("rb") as file:
            for message in read_mo(file):
                english, translation = normalize_text(_singular(message.id)), normalize_text(_singular(message.string))
                if _has_letters(english) and _has_letters(translation) and translation != english:
                    found.setdefault(english, translation)
    return found


@cache
def _splits() -> dict[str, str]:
    """English message to split, over the messages of all installed packs.

    What decides is a hash of the first message of a group of near duplicates, so that a pack more or less moves few.
    """
    installed = [code for code, locale in PACKS.items() if find_spec(_module(locale))]
    messages = sorted(set().union(*map(_catalogue, installed)))
    firsts = first_of_each_group(messages, NEAR)
    return {message: _split(messages[first]) for message, first in zip(messages, firsts, strict=True)}


def _split(message: str) -> str:
    share = int(_digest(message)[:8], 16) / 2**32
    return "train" if share < 1 - 2 * HELD_OUT else "dev" if share < 1 - HELD_OUT else "test"


def _digest(message: str) -> str:
    return hashlib.sha256(message.encode()).hexdigest()


def _module(locale: str) -> str:
    return f"jupyterlab_language_pack_{locale.replace('-', '_')}"


def _singular(message: str | Sequence[str] | None) -> str:
    """A message with plural forms is a sequence of them."""
    return message if isinstance(message, str) else message[0] if message else ""


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)
