"""The checks of notebook 12 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.tasks.extraction import Span, count_spans, partial_hits, piece_tags
from xlft_helpers.teaching import check, slots_html


def touches(place, span):
    return place[0] < span[2] and span[1] < place[1]


def labels(places, spans, *, inside="I-", touch=touches):
    tags, begun = [], set()
    for place in places:
        span = next((span for span in spans if place and touch(place, span)), None)
        if place is None or span is None:
            tags.append(None if place is None else "O")
            continue
        tags.append((inside if span in begun else "B-") + span[0])
        begun.add(span)
    return tags


def without_none(places, spans):
    return [tag or "O" for tag in labels(places, spans)]


def by_name(places, spans):
    tags, last = [], None
    for place in places:
        span = next((span for span in spans if place and touches(place, span)), None)
        tags.append(None if place is None else "O" if span is None else ("I-" if span[0] == last else "B-") + span[0])
        last = span and span[0]
    return tags


def f1(true, found, key=lambda span: span):
    hits = sum(len({key(s) for s in t} & {key(s) for s in f}) for t, f in zip(true, found, strict=True))
    return 2 * hits / (sum(map(len, true)) + sum(map(len, found)))


def package_f1(true, found):
    spans = [[[Span(*span) for span in text] for text in texts] for texts in (true, found)]
    return count_spans(spans[0], [spans[1]]).f1()[0]


def partial_f1(true, found):
    hits = sum(partial_hits([Span(*s) for s in t], [Span(*s) for s in f]) for t, f in zip(true, found, strict=True))
    return 2 * hits / (sum(map(len, true)) + sum(map(len, found)))


def macro_f1(true, found):
    return sum(f1([t], [f]) for t, f in zip(true, found, strict=True)) / len(true)


SOLUTIONS = [
    (check.piece_labels, labels),
    (check.piece_labels, lambda places, spans: piece_tags([Span(*span) for span in spans], places)),
    (check.span_f1, f1),
    (check.span_f1, package_f1),
    (check.tokenizer_ceiling, 2 * 37 / 80),
    (check.tokenizer_ceiling, 0.925),
]

WRONG = [
    (check.piece_labels, lambda p, s: labels(p, s, inside="B-"), "label smearing"),
    (check.piece_labels, lambda p, s: labels(p, s, touch=lambda a, b: b[1] <= a[0] and a[1] <= b[2]), "*touches*"),
    (check.piece_labels, lambda p, s: labels(p, s, touch=lambda a, b: a[0] <= b[2] and b[1] < a[1]), "starts there"),
    (check.piece_labels, by_name, "side by side"),
    (check.piece_labels, without_none, "without a place get None"),
    (check.piece_labels, lambda p, s: ["O"], "one tag a piece"),
    (check.piece_labels, lambda p, s: None, "returned None"),
    (check.span_f1, lambda t, f: f1(t, f, lambda span: span[1:]), "wrong slot name"),
    (check.span_f1, macro_f1, "of all texts first"),
    (check.span_f1, partial_f1, "partial F1"),
    (check.span_f1, lambda t, f: 1 / 4, "precision"),
    (check.span_f1, lambda t, f: 1 / 5, "recall"),
    (check.span_f1, lambda t, f: 9 / 40, "harmonic"),
    (check.span_f1, lambda t, f: 2 / 9, "nothing was found"),
    (check.span_f1, lambda t, f: 0.9, "2 * 1 / (4 + 5)"),
    (check.span_f1, lambda t, f: "0.3", "Expected a number"),
    (check.tokenizer_ceiling, 1.0, "wrong ends"),
    (check.tokenizer_ceiling, 74 / 77, "finds 40 spans"),
    (check.tokenizer_ceiling, 37 / 43, "one found span"),
    (check.tokenizer_ceiling, 0.075, "lost"),
    (check.tokenizer_ceiling, 92.5, "between 0 and 1"),
    (check.tokenizer_ceiling, 0.5, "Count hits"),
    (check.tokenizer_ceiling, "x", "Expected a number"),
]


STUBS = [
    (check.piece_labels, lambda places, spans: ...),
    (check.span_f1, lambda true, found: ...),
    (check.tokenizer_ceiling, ...),
]
