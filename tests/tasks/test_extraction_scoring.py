"""Strict and partial F1 by hand and against seqeval; intervals and the paired test by their properties."""

import random

import numpy as np
import pytest
from datasets import Dataset
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from xlft_helpers.errors import DataError
from xlft_helpers.tasks.extraction import (
    Gazetteer,
    Span,
    bootstrap_f1,
    character_tags,
    count_spans,
    paired_f1_test,
    partial_hits,
    slot_report,
    strict_hits,
)

TEXT = "dim the desk lamp to 30"
TRUE = [Span("name", 8, 17), Span("brightness", 21, 23)]


@pytest.mark.parametrize(("found", "strict", "partial"), [
    (TRUE, 2, 2),
    ([], 0, 0),
    ([Span("name", 4, 17), Span("brightness", 21, 23)], 1, 2),  # an article too many
    ([Span("name", 13, 17)], 0, 1),  # "lamp" alone
    ([Span("area", 8, 17)], 0, 0),  # the right words, the wrong slot
    ([Span("name", 8, 12), Span("name", 13, 17)], 0, 1),  # two pieces of one span count once
    ([Span("name", 0, 23)], 0, 1),
    ([Span("name", 17, 21)], 0, 0),  # it touches the span and shares no character
])  # fmt: skip
def test_hits_by_hand(found, strict, partial):
    assert (strict_hits(TRUE, found), partial_hits(TRUE, found)) == (strict, partial)


def test_one_wide_span_is_paired_once():
    assert partial_hits([Span("a", 0, 2), Span("a", 3, 5)], [Span("a", 0, 5)]) == 1
    assert partial_hits([Span("a", 0, 3), Span("a", 4, 6)], [Span("a", 2, 5), Span("a", 5, 6)]) == 2


def test_f1_by_hand():
    # texts: 2 true, 2 found, 1 right; 1 true, 0 found -> precision 1/2, recall 1/3, F1 = 2/(2 + 3)
    counts = count_spans([TRUE, [Span("area", 0, 3)]], [[[TRUE[0], Span("area", 0, 3)], []]])
    assert counts.f1() == pytest.approx([0.4])


def some_spans(generator, length):
    cuts = sorted(generator.sample(range(length + 1), 6))
    places = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if generator.random() < 0.7]
    return [Span(generator.choice("ab"), start, end) for start, end in places]


def random_spans(seed, n=60, length=14):
    generator = random.Random(seed)
    true = [some_spans(generator, length) for _ in range(n)]
    found = [spans if generator.random() < 0.6 else some_spans(generator, length) for spans in true]
    return ["x" * length] * n, true, found


def test_strict_f1_is_that_of_seqeval_in_both_modes():
    texts, true, found = random_spans(0)
    tags = [[character_tags(t, s) for t, s in zip(texts, spans, strict=True)] for spans in (true, found)]
    ours = count_spans(true, [found]).f1()[0]
    assert ours == pytest.approx(f1_score(*tags))
    assert ours == pytest.approx(f1_score(*tags, mode="strict", scheme=IOB2))
    assert slot_report(texts, true, found).loc["micro avg", "f1-score"] == pytest.approx(ours)


def test_report_has_a_row_a_slot():
    report = slot_report([TEXT], [TRUE], [[TRUE[0], Span("area", 0, 3)]])
    assert report.loc["name", ["precision", "recall", "support"]].tolist() == [1, 1, 1]
    assert report.loc["brightness", "recall"] == 0
    assert report.loc["area", "support"] == 0


def test_partial_is_never_below_strict():
    _, true, found = random_spans(1)
    assert count_spans(true, [found], partial=True).f1()[0] >= count_spans(true, [found]).f1()[0]


def test_interval_holds_the_estimate_repeats_itself_and_agrees_with_a_plain_bootstrap():
    _, true, found = random_spans(2, n=200)
    counts = count_spans(true, [found])
    interval = bootstrap_f1(counts, seed=3)
    assert interval == bootstrap_f1(counts, seed=3)
    assert interval.low < interval.estimate == counts.f1()[0] < interval.high
    rng, plain = np.random.default_rng(9), []
    for _ in range(1000):
        drawn = rng.integers(200, size=200)
        plain.append(count_spans([true[i] for i in drawn], [[found[i] for i in drawn]]).f1()[0])
    assert [interval.low, interval.high] == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.015)


def test_runs_that_differ_widen_the_interval():
    _, true, found = random_spans(4, n=100)
    empty = [[] for _ in true]
    same = bootstrap_f1(count_spans(true, [found, found, found]))
    apart = bootstrap_f1(count_spans(true, [found, found, empty]))
    assert apart.high - apart.low > 2 * (same.high - same.low)


def test_paired_test_sees_a_difference_and_none_where_there_is_none():
    _, true, found = random_spans(5, n=150)
    a, b = count_spans(true, [true]), count_spans(true, [found, found])
    better, worse = paired_f1_test(a, b), paired_f1_test(b, a)
    assert better.distinguishable
    assert better.difference == pytest.approx(-worse.difference)
    assert better.p_value < 0.01
    equal = paired_f1_test(b, b)
    assert equal.difference == 0
    assert not equal.distinguishable
    assert equal.p_value == 1


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(DataError, match="language without slots"):
        count_spans([[], []], [[[], []]])
    with pytest.raises(DataError, match="2 texts and runs over"):
        count_spans([TRUE, TRUE], [[TRUE]])
    with pytest.raises(DataError, match="2 texts and runs over"):
        count_spans([TRUE, TRUE], [])
    with pytest.raises(DataError, match="different texts"):
        paired_f1_test(count_spans([TRUE, []], [[TRUE, []]]), count_spans([[], TRUE[:1]], [[TRUE, []]]))
    with pytest.raises(DataError, match="at least two"):
        bootstrap_f1(count_spans([TRUE], [[TRUE]]))


def gazetteer(*rows):
    texts = [(text, [{"name": n, "start": s, "end": e} for n, s, e in slots]) for text, slots in rows]
    return Gazetteer(Dataset.from_list([{"text": text, "slots": slots} for text, slots in texts]))


def test_lookup_takes_the_longest_whole_word_whatever_its_case():
    lookup = gazetteer(("desk lamp", [("name", 0, 9)]), ("lamp", [("item", 0, 4)]), ("the desk", [("area", 4, 8)]))
    assert lookup.find_spans(["Desk lamp, lamps and LAMP"], "en") == [[Span("name", 0, 9), Span("item", 21, 25)]]


def test_lookup_needs_no_spaces_where_none_are_written():
    assert gazetteer(("厨房", [("area", 0, 2)])).find_spans(["打开厨房的灯"], "zh") == [[Span("area", 2, 4)]]


def test_lookup_takes_the_most_frequent_slot():
    rows = [("20", [("minutes", 0, 2)]), ("20", [("seconds", 0, 2)]), ("20", [("seconds", 0, 2)])]
    assert gazetteer(*rows).find_spans(["20"], "en") == [[Span("seconds", 0, 2)]]


def test_lookup_without_slots_is_refused():
    with pytest.raises(DataError, match="nothing to look up"):
        Gazetteer(Dataset.from_list([{"text": "hello", "slots": []}]))
