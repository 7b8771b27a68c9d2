"""Checks of notebook 12."""

import math
from numbers import Real
from typing import Any

from .report import Wrong, call, exercise

_LABEL_CASES: list[tuple[list[Any], list[Any], list[str | None], str]] = [
    (
        [None, (0, 4), (5, 11), (12, 16), None], [("area", 5, 11)], [None, "O", "B-area", "O", None],
        "a span of one piece begins and ends there, and pieces without a place get None",
    ),
    (
        [(0, 3), (3, 7), (8, 12)], [("area", 0, 12)], ["B-area", "I-area", "I-area"],
        "only the first piece of a span gets B-, the others I-",
    ),
    (
        [(0, 2), (2, 4)], [("area", 1, 3)], ["B-area", "I-area"],
        "a piece that the span covers in part belongs to it too: it *touches* the span",
    ),
    (
        [(0, 2), (2, 4), (4, 6)], [("area", 2, 4)], ["O", "B-area", "O"],
        "the end of a span is one behind its last character, so a piece that starts there is outside",
    ),
    (
        [(0, 1), (1, 2), (2, 3)], [("item", 0, 2), ("item", 2, 3)], ["B-item", "I-item", "B-item"],
        "two spans of the same slot may stand side by side; the second one begins with B-",
    ),
]  # fmt: skip

_TRUE = [[("area", 0, 7), ("name", 8, 12)], [("area", 3, 9)], [("item", 0, 4), ("name", 5, 9)]]
_FOUND = [[("area", 0, 7), ("area", 8, 12)], [("area", 0, 9)], [("item", 0, 3)]]
_STRICT = 2 * 1 / (4 + 5)


@exercise
def piece_labels(answer: Any) -> str:
    """BIO tags of pieces from their places and the spans."""
    for places, spans, expected, rule in _LABEL_CASES:
        got = call(answer, list(places), list(spans))
        case = f"For the places {places} and the spans {spans} you gave {got!r}. "
        if not isinstance(got, list) or len(got) != len(places):
            raise Wrong(case + "Expected a list with one tag a piece.")
        if got == expected:
            continue
        if all(tag is None or tag == "O" or str(tag).startswith("B-") for tag in got) and len(set(expected)) > 1:
            smeared = [f"B{tag[1:]}" if tag and tag != "O" else tag for tag in expected]
            if got == smeared:
                raise Wrong(case + "B- on every piece says that a new span begins at each: that is label smearing.")
        raise Wrong(case + f"Expected {expected}: {rule}.")
    return "Right: B- opens, I- goes on, a touch is enough, and neighbours stay apart."


@exercise
def span_f1(answer: Any) -> str:
    """Strict micro-averaged F1 of spans over several texts."""
    got = call(answer, [list(spans) for spans in _TRUE], [list(spans) for spans in _FOUND])
    if isinstance(got, bool) or not isinstance(got, Real):
        raise Wrong(f"Expected a number, got {type(got).__name__}.")
    value = float(got)
    reasons = {
        2 * 2 / 9: "You counted a span with the wrong slot name as right. The name belongs to the comparison.",
        2 * 3 / 9: "You counted overlaps. That is the partial F1; strict asks for both ends.",
        1 / 4: "That is the precision, 1 of the 4 spans that were found. F1 combines it with the recall.",
        1 / 5: "That is the recall, 1 of the 5 true spans. F1 combines it with the precision.",
        1 / 6: "That is the mean of the texts' own F1. Micro-averaging adds up the counts of all texts first.",
        9 / 40: "That is the arithmetic mean of precision and recall. F1 is the harmonic one.",
    }
    if not math.isclose(value, _STRICT, rel_tol=1e-3):
        for wrong, reason in reasons.items():
            if math.isclose(value, wrong, rel_tol=1e-3):
                raise Wrong(f"You gave {value:.3f}. {reason}")
        raise Wrong(f"You gave {value:.3f}. With 1 hit, 4 spans found and 5 true ones, F1 is 2 * 1 / (4 + 5) = 0.222.")
    nothing = call(answer, [[("area", 0, 7)]], [[]])
    if nothing != 0:
        raise Wrong(f"Where nothing was found, F1 is 0; you gave {nothing!r}.")
    return "Right: hits, found and true spans are summed over all texts; 2 * 1 / (4 + 5) = 0.222."


@exercise
def tokenizer_ceiling(answer: Any) -> str:
    """The best strict F1 when three of forty spans do not end at the border of a piece."""
    if isinstance(answer, bool) or not isinstance(answer, Real):
        raise Wrong(f"Expected a number, got {type(answer).__name__}.")
    value = float(answer)
    reasons = {
        1.0: "The tagger is perfect, but its answer for 21% is '21%' or nothing: three spans have wrong ends.",
        74 / 77: "You left the three spans out of what was found. A tagger that marks the best piece finds 40 spans.",
        37 / 43: "You counted each wide span as found *and* as an extra one. It is one found span and one true span.",
        3 / 40: "That is the share that is lost.",
    }
    for wrong, reason in reasons.items():
        if math.isclose(value, wrong, rel_tol=2e-3):
            raise Wrong(f"You gave {value:.3f}. {reason}")
    if math.isclose(value, 92.5, rel_tol=2e-3):
        raise Wrong("That is in points. Give F1 as a number between 0 and 1.")
    if not math.isclose(value, 0.925, rel_tol=2e-3):
        raise Wrong(f"You gave {value:.3f}. Count hits, found and true spans, then 2 * hits / (found + true).")
    return "Right: 37 hits, 40 found, 40 true: 2 * 37 / 80 = 0.925. No training finds more than those 37 of 40."
