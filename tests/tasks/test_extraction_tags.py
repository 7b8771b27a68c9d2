"""Spans, tags and offsets: round trips in every script, and what a tokenizer makes impossible."""

import pytest
from datasets import Dataset

from xlft_helpers.errors import DataError
from xlft_helpers.models import load_tokenizer
from xlft_helpers.tasks.extraction import (
    Span,
    bio_labels,
    character_tags,
    piece_places,
    piece_tags,
    spans_from_tags,
    spans_of,
    spans_of_words,
)


def row(text, *slots, language="en"):
    keys = ("name", "start", "end", "value")
    return {
        "text": text,
        "language": language,
        "id": "1",
        "slots": [dict(zip(keys, (*s, ""), strict=True)) for s in slots],
    }


def marked(text):
    """``turn on the [kitchen|area] light`` as text and spans."""
    plain, spans = "", []
    for part in text.replace("]", "[").split("["):
        words, _, name = part.partition("|")
        if name:
            spans.append(Span(name, len(plain), len(plain) + len(words)))
        plain += words
    return plain, spans


COMMANDS = [
    "turn on the [kitchen|area] light",
    "[Küche|area] auf [21|temperature] Grad",
    "打开[厨房|area]的灯",
    "[厨房|area][灯|name]",
    "เปิดไฟที่ [ห้องครัว|area]",
    "أضف [حليب|item] إلى القائمة",
    "включи свет: [кухня|area]",
    "[ｋｉｔｃｈｅｎ|area] ½ on",
    "set [cafe\u0301|area] to [3|position]",
    "  [living   room|area]\tlights",
    "[हॉल|area] खोल",
]


@pytest.mark.parametrize("name", ["use-m", "mini"])
@pytest.mark.parametrize("command", COMMANDS)
def test_spans_survive_the_way_through_pieces_and_back(name, command):
    if name == "mini" and "เ" in command:
        pytest.skip("mini's vocabulary has no Thai: whole phrases become one unknown piece")
    text, spans = marked(command)
    places = piece_places(text, load_tokenizer(name)(text, return_offsets_mapping=True)["offset_mapping"])
    assert spans_from_tags(piece_tags(spans, places), places) == spans


def test_special_pieces_spaces_and_shadows_have_no_place():
    # <s>, the lone ▁ that shares the first character with what follows, the word, a word with its space, </s>
    assert piece_places("厨 ab", [(0, 0), (0, 1), (0, 1), (1, 4), (0, 0)]) == [None, None, (0, 1), (2, 4), None]


def test_a_mark_that_normalization_swallowed_belongs_to_its_letter():
    assert piece_places("e\u0301t", [(0, 1), (2, 3)]) == [(0, 2), (2, 3)]
    assert piece_places("ｶﾞ", [(0, 1)]) == [(0, 2)]


def test_a_mark_with_a_piece_of_its_own_keeps_it():
    assert piece_places("ที่", [(0, 1), (1, 2), (2, 3)]) == [(0, 1), (1, 2), (2, 3)]


def test_first_piece_begins_and_the_others_continue():
    spans = [Span("area", 0, 11), Span("name", 12, 17)]
    places = [None, (0, 3), (3, 6), (7, 11), (12, 17), (18, 20), None]
    assert piece_tags(spans, places) == [None, "B-area", "I-area", "I-area", "B-name", "O", None]


def test_a_piece_across_a_boundary_widens_the_span_on_the_way_back():
    text, spans = marked("auf [61|temperature]°C")
    places = [(0, 3), (4, 5), (5, 7), (7, 8)]  # ▁auf ▁6 1° C
    assert spans_from_tags(piece_tags(spans, places), places) == [Span("temperature", 4, 7)]
    assert text[4:7] == "61°"


def test_an_inner_tag_may_open_a_span_as_in_seqeval():
    places = [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert spans_from_tags(["O", "I-a", "I-b", "B-b"], places) == [Span("a", 1, 2), Span("b", 2, 3), Span("b", 3, 4)]


def test_neighbours_of_the_same_slot_stay_apart():
    assert character_tags("abcd", [Span("a", 0, 2), Span("a", 2, 3)]) == ["B-a", "I-a", "B-a", "O"]


def test_words_with_tags_become_a_text_with_spans():
    assert spans_of_words(["Ada", "Lovelace", "in", "London"], ["B-PER", "I-PER", "O", "B-LOC"], "en") == (
        "Ada Lovelace in London", [Span("PER", 0, 12), Span("LOC", 16, 22)])  # fmt: skip
    assert spans_of_words(["我", "在", "北", "京"], ["O", "O", "B-LOC", "I-LOC"], "zh") == (
        "我在北京",
        [Span("LOC", 2, 4)],
    )


def test_words_without_tags_are_refused():
    with pytest.raises(DataError, match="2 words and 1 tags"):
        spans_of_words(["a", "b"], ["O"], "en")


def test_labels_come_in_pairs_in_alphabetical_order():
    rows = Dataset.from_list([row("kitchen", ("name", 0, 7)), row("Küche", ("area", 0, 5), language="de")])
    assert bio_labels(rows) == ["O", "B-area", "I-area", "B-name", "I-name"]


@pytest.mark.parametrize(("slots", "message"), [
    ([("area", 3, 99)], "goes from 3 to 99, and the text from 0 to 7"),
    ([("area", -1, 3)], "goes from -1 to 3"),
    ([("area", 3, 3)], "goes from 3 to 3"),
    ([("area", 0, 4), ("name", 3, 7)], "'name' at 3 overlaps the one before, which ends at 4"),
])  # fmt: skip
def test_impossible_spans_are_refused(slots, message):
    with pytest.raises(DataError, match=message):
        spans_of(row("kitchen", *slots))


def test_spans_are_sorted():
    assert spans_of(row("kitchen", ("b", 4, 7), ("a", 0, 3))) == [Span("a", 0, 3), Span("b", 4, 7)]


def test_an_empty_text_is_refused():
    with pytest.raises(DataError, match="text is empty"):
        spans_of(row("  "))


def test_no_rows_and_a_language_without_slots_are_refused():
    rows = Dataset.from_list([row("kitchen", ("area", 0, 7)), row("salut", language="fr")])
    with pytest.raises(DataError, match="No row in fr has a slot"):
        bio_labels(rows)
    with pytest.raises(DataError, match="no rows"):
        bio_labels(rows.select([]))
