"""English for the lab: sentences out of the documentation strings of packages that every installation has.

Read from numpy, pandas, scikit-learn, scipy (all BSD-3-Clause) and matplotlib (a BSD-like licence of its own) as they
are installed; none of their text stands in this repository. Another version of a package has slightly other sentences.
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from xlft_helpers.errors import DataError

PACKAGES = ("numpy", "pandas", "sklearn", "scipy", "matplotlib")
LONGEST = 20
"""Longer sentences are left out, in words; also those of fewer than ``SHORTEST``."""
SHORTEST = 5

_STRING = re.compile(r'"""(.*?)"""', re.DOTALL)
_PROSE = re.compile(r"[A-Z][^`\[\]{}<>=_/\\#*|]*\.")
_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")


@cache
def lab_sentences() -> tuple[tuple[str, ...], ...]:
    """The sentences as lower-case words, each sentence once; about 28,000 with 290,000 words (1 s).

    A sentence starts with a capital, ends with a full stop and holds no code.

    Raises:
        DataError: a package is not installed, or the packages hold no text.
    """
    found: dict[tuple[str, ...], None] = {}
    for package in PACKAGES:
        for path in _modules(package):
            for text in _STRING.findall(path.read_text(encoding="utf-8")):
                for paragraph in re.split(r"\n\s*\n", text):
                    if ">>>" not in paragraph:
                        found.update(dict.fromkeys(_sentences(paragraph)))
    if not found:
        raise DataError(f"No sentences in {', '.join(PACKAGES)}: were they installed without their source files?")
    return tuple(found)


def _modules(package: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"The lab reads the documentation of {package}, which is not installed. See requirements.txt.")
    folder = Path(spec.submodule_search_locations[0])
    return sorted(path for path in folder.rglob("*.py") if "tests" not in path.parts)


def _sentences(paragraph: str) -> list[tuple[str, ...]]:
    parts = re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split()))
    words = (tuple(_WORD.findall(part.lower())) for part in parts if _PROSE.fullmatch(part))
    return [sentence for sentence in words if SHORTEST <= len(sentence) <= LONGEST]
