"""How a check speaks: it reports and explains, and raises in strict mode only.

A checker is a function that takes the learner's answer and raises :class:`Wrong` with an explanation, or returns. The
expected value is computed by the checker itself, never with the learner's code.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import numpy as np

from xlft_helpers.errors import XlftError


class Wrong(Exception):
    """Raised by a checker: what is wrong with the answer and where to look."""


class NotAttempted(Exception):
    """Raised when the answer is still the stub's ``...``."""


class ExerciseError(XlftError):
    """A failed or untouched exercise, in strict mode (``XLFT_STRICT=1``)."""


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    status: Literal["right", "wrong", "not attempted"]
    message: str

    def __str__(self) -> str:
        mark = {"right": "✓", "wrong": "✗", "not attempted": "…"}[self.status]
        return f"{mark} {self.message}"


Checker = Callable[[Any], str]


def exercise(checker: Checker) -> Callable[[Any], None]:
    """Turn a checker into the function that a notebook calls: it prints the verdict and never raises, except strict."""

    @wraps(checker)
    def run(answer: Any) -> None:
        verdict = judge(checker, answer)
        print(verdict)
        if os.environ.get("XLFT_STRICT") == "1" and verdict.status != "right":
            raise ExerciseError(f"{checker.__name__}: {verdict}")

    return run


def judge(checker: Callable[[Any], Any], answer: Any) -> Verdict:
    """The verdict of a check on an answer, without printing it."""
    checker = getattr(checker, "__wrapped__", checker)
    try:
        if answer is ...:
            raise NotAttempted
        return Verdict("right", checker(answer))
    except NotAttempted:
        return Verdict(
            "not attempted", "Not attempted yet. Replace the three dots with your answer, then run this again."
        )
    except Wrong as wrong:
        return Verdict("wrong", str(wrong))


def call(answer: Any, *arguments: Any, **keywords: Any) -> Any:
    """Call the learner's function; an untouched stub and an exception become verdicts.

    Raises:
        NotAttempted: the function returned ``...``.
        Wrong: it is no function, raised an exception, or returned nothing.
    """
    if not callable(answer):
        raise Wrong(
            f"Expected your function, got {type(answer).__name__}. Hand over the function itself, without brackets."
        )
    try:
        result = answer(*arguments, **keywords)
    except Exception as error:
        raise Wrong(
            f"Your function raised {type(error).__name__}: {str(error).rstrip('.')}. Try it on a small input in a cell of its own."
        ) from error
    if result is ...:
        raise NotAttempted
    if result is None:
        raise Wrong("Your function returned None. Is there a `return` on every path?")
    return result


def number(value: Any, expected: str = "a number") -> float:
    """The learner's value as a number; ``expected`` says in the explanation what it should have been.

    Raises:
        Wrong: it is no number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise Wrong(f"Expected {expected}, got {type(value).__name__}.")
    return float(value)
