"""Values are the same in every language: numbers against CLDR's examples, concepts against the commands' own values."""

import pandas as pd
import pytest
from datasets import Dataset

from xlft_helpers.data import label_names, load_intents, select_language
from xlft_helpers.errors import DataError
from xlft_helpers.tasks.extraction import (
    Lexicon,
    Span,
    count_facts,
    fact_table,
    find_facts,
    name_code,
    number_words,
    parse_number,
    spans_of,
    true_facts,
)

LANGUAGES = ["en", "de", "ar", "zh"]


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon(LANGUAGES)


@pytest.mark.parametrize(("words", "language", "number"), [
    ("3.5", "en", "3.5"), ("3,5", "de", "3.5"), ("1.000", "de", "1000"), ("1,000", "en", "1000"), ("20.50", "en", "20.5"),
    ("٣٫٥", "ar", "3.5"), ("٣٬٥٠٠", "ar", "3500"), ("८०", "ne", "80"), ("๒๐", "th", "20"), ("２０", "zh", "20"), ("-5", "en", "-5"),
    ("100", "en", "100"), ("kitchen", "en", None), ("nan", "en", None), ("Infinity", "en", None), ("", "en", None),
])  # fmt: skip
def test_numbers_in_the_notation_of_the_language(words, language, number):
    assert parse_number(words, language) == number


@pytest.mark.parametrize(("slot", "words", "language", "value"), [
    ("area", "kitchen", "en", "kitchen"), ("area", "Kitchen,", "en", "kitchen"), ("area", "厨房", "zh", "kitchen"),
    ("area", "المطبخ", "ar", "kitchen"),  # with the article glued to it
    ("area", "厨房的", "zh", "kitchen"),  # with a particle that shares a piece
    ("area", "Küche", None, "kitchen"),  # language unknown
    ("area", "die große schöne alte Küche", "de", None),  # less than half of the words
    ("area", "spaceship", "en", None), ("area", "?", "en", None),
    ("minutes", "30-", "en", "30"), ("minutes", "sixty-eight", "en", "68"), ("minutes", "einundzwanzig", "de", "21"),
    ("minutes", "二十", "zh", "20"), ("minutes", "واحد وعشرون", "ar", "21"), ("color", "red", "en", "red"), ("color", "rot", "de", "red"),
])  # fmt: skip
def test_words_to_values(lexicon, slot, words, language, value):
    assert lexicon.value(slot, words, language) == value


def test_values_agree_with_those_that_the_commands_were_drawn_from(lexicon):
    test = load_intents(LANGUAGES)["test"]
    names, skipped = label_names(test), ("volume_step", "state")  # sign and state depend on the sentence around them
    for language in LANGUAGES:
        rows = select_language(test, language)
        spans = [[span for span in spans_of(row) if span.name not in skipped] for row in rows]
        facts = fact_table(rows, spans, [names[label] for label in rows["label"]], lexicon)
        true = true_facts(rows, [""] * len(rows)).query("slot not in @skipped")["value"]
        assert len(facts) == len(true) > 150
        assert sum(a == b for a, b in zip(facts["value"], true, strict=True)) / len(true) > 0.98, language


def test_values_to_words(lexicon):
    assert lexicon.words("area", "kitchen", "zh") == "厨房"
    assert lexicon.words("minutes", "20", "de") == "20 Minuten"
    assert lexicon.words("temperature", "20.5", "de") == "20,5 Grad"
    assert lexicon.words("area", "unheard_of", "de") == "unheard_of"
    assert lexicon.words("fan_mode", "3", "en") == "3"


def test_number_words_cover_all_numbers_up_to_100_in_forms_of_both_genders():
    assert set(number_words("ru").values()) == {str(number) for number in range(101)}
    assert number_words("ru")["двадцать один"] == number_words("ru")["двадцать одна"] == "21"
    assert number_words("th")["ยี่สิบเอ็ด"] == "21"


@pytest.mark.parametrize(("words", "language", "kind", "code"), [
    ("Deutschland", "de", "country", "DE"), ("ألمانيا", "ar", "country", "DE"), ("เยอรมนี", "th", "country", "DE"),
    ("Немецкий", "ru", "language", "de"), ("Atlantis", "en", "country", None),
])  # fmt: skip
def test_names_of_countries_and_languages(words, language, kind, code):
    assert name_code(words, language, kind) == code


@pytest.fixture
def facts(lexicon):
    rows = Dataset.from_list(
        [
            {"text": "kitchen light on", "language": "en", "id": "1"},
            {"text": "打开厨房的灯", "language": "zh", "id": "2"},
            {"text": "Flur aus", "language": "de", "id": "3"},
        ]
    )
    spans = [[Span("area", 0, 7)], [Span("area", 2, 5)], [Span("area", 0, 4)]]
    return fact_table(rows, spans, ["TurnOn", "TurnOn", "TurnOff"], lexicon)


def test_a_question_in_one_language_is_answered_from_all(facts, lexicon):
    found = find_facts(facts, "area", "Küche", "de", lexicon)
    assert found[["id", "language", "intent", "words"]].to_numpy().tolist() == [
        ["1", "en", "TurnOn", "kitchen"],
        ["2", "zh", "TurnOn", "厨房的"],
    ]


def test_questions_that_cannot_be_answered_say_why(facts, lexicon):
    with pytest.raises(DataError, match="query is empty"):
        find_facts(facts, "area", " ", "de", lexicon)
    with pytest.raises(DataError, match=r"called 'Raumschiff' in 'de'. Some that are: Flur, Küche"):
        find_facts(facts, "area", "Raumschiff", "de", lexicon)
    with pytest.raises(DataError, match="lexicon has no 'fr'"):
        find_facts(facts, "area", "cuisine", "fr", lexicon)


def test_a_lexicon_of_a_language_without_slots_is_refused():
    with pytest.raises(DataError, match="no slot values"):
        Lexicon(["sw"])


def test_lists_of_different_lengths_are_refused(lexicon):
    rows = Dataset.from_list([{"text": "a", "language": "en", "id": "1"}])
    with pytest.raises(DataError, match="1 rows, 0 lists of spans and 1 intents"):
        fact_table(rows, [], ["TurnOn"], lexicon)


def test_facts_are_counted_by_hand():
    columns = ["id", "intent", "slot", "value"]
    true = pd.DataFrame(
        [("1", "On", "area", "hall"), ("1", "On", "name", "fan"), ("2", "Off", "area", "hall")], columns=columns
    )
    found = pd.DataFrame(
        [("1", "On", "area", "hall"), ("2", "On", "area", "hall"), ("3", "On", "name", None)], columns=columns
    )
    counts = count_facts(["1", "2", "3"], true, [found])
    assert counts.hits.tolist() == [[1, 1, 0]]
    assert counts.found.tolist() == [[1, 1, 1]]
    assert counts.true.tolist() == [2, 1, 0]
    assert count_facts(["1", "2", "3"], true, [found], ["intent", "slot", "value"]).hits.tolist() == [[1, 0, 0]]
    with pytest.raises(DataError, match="no true facts"):
        count_facts(["1"], true[:0], [found[:0]])
