"""Voice commands: every promise of the loader, and its slots against hassil's own recogniser."""

import json
import random
from collections import defaultdict
from importlib.metadata import PackageNotFoundError

import hassil
import pytest
from hassil.intents import Intents, TextSlotList
from hassil.parse_expression import parse_sentence
from home_assistant_intents import get_intents

from xlft_helpers.data import intents, label_names, languages_of, load_intents, script
from xlft_helpers.data.intents import reading, splitting
from xlft_helpers.data.intents.drawing import draw_sentence
from xlft_helpers.data.intents.reading import Grammar, Template
from xlft_helpers.errors import DataError


@pytest.fixture(scope="module")
def data():
    return load_intents()


@pytest.fixture(scope="module")
def rows(data):
    return [row for split in data.values() for row in split.to_pandas().to_dict("records")]


def grammar(text: str, language: str = "en", **values: dict[str, str]) -> Grammar:
    """A grammar with one template and one rule."""
    rules = {"turn_on": parse_sentence("(turn|switch) on")}
    return Grammar(language, language, (Template("TurnOn", text, ("light",)),), rules, {}, values)


def drawn(text: str, language: str = "en", draws: int = 60, **values: dict[str, str]) -> dict[str, list[str]]:
    """Every text drawn from a template, with its skeleton and the words of its slots."""
    source, generator, found = grammar(text, language, **values), random.Random(0), {}
    for _ in range(draws):
        sentence = draw_sentence(source.templates[0], source, generator)
        found[sentence.text] = [sentence.skeleton, *(sentence.text[s.start : s.end] for s in sentence.slots)]
    return found


def test_languages_scripts_and_intents_are_as_many_as_promised(data):
    languages = languages_of(data)
    assert len(languages) == 22
    assert languages[0] == "en"
    assert {script(code) for code in languages} == {"Latn", "Cyrl", "Arab", "Grek", "Thai", "Hans", "Mlym", "Deva"}
    for part in data.values():
        frame = part.to_pandas()
        counted = frame.groupby("language")["label"].nunique()
        assert counted.min() >= 22
        assert counted["en"] == len(intents.INTENTS) == len(label_names(data)) == 35


def test_classes_are_balanced_up_to_half(data):
    for split, size in {"train": 12, "dev": 6, "test": 6}.items():
        counts = data[split].to_pandas().groupby(["language", "label"]).size()
        assert counts.max() == size
        assert 2 * counts.min() >= size


def test_no_template_skeleton_or_text_stands_in_two_splits(rows):
    places = defaultdict(set)
    texts = set()
    for row in rows:
        parts, end = [], 0
        for slot in row["slots"]:
            parts += [row["text"][end : slot["start"]], slot["name"]]
            end = slot["end"]
        skeleton = "|".join([*parts, row["text"][end:]]).casefold()
        places[row["language"], "template", row["template"]].add(row["split"])
        places[row["language"], "skeleton", skeleton].add(row["split"])
        assert (row["language"], row["text"].casefold()) not in texts
        texts.add((row["language"], row["text"].casefold()))
    assert all(len(splits) == 1 for splits in places.values())


def test_slots_are_in_order_inside_the_text_and_without_spaces_around(rows):
    assert sum(len(row["slots"]) for row in rows) > len(rows) / 2
    for row in rows:
        end = 0
        for slot in row["slots"]:
            assert end <= slot["start"] < slot["end"] <= len(row["text"])
            words = row["text"][slot["start"] : slot["end"]]
            assert words == words.strip()
            end = slot["end"]
        assert row["text"] == " ".join(row["text"].split())


def test_our_slot_words_stand_where_the_slots_say(rows):
    ours = json.loads((reading._SLOTS_FILE).read_text(encoding="utf-8"))
    found = 0
    for row in rows:
        for slot in row["slots"]:
            if slot["name"] in ("area", "floor", "timer_name") and slot["value"] in ours[slot["name"]]:
                assert row["text"][slot["start"] : slot["end"]] == ours[slot["name"]][slot["value"]][row["language"]]
                found += 1
    assert found > 1000


@pytest.mark.parametrize("language", ["en", "fr", "ru", "hu", "zh"])
def test_hassil_recognises_the_sentences_with_the_same_intent_and_slots(language):
    """Another reading of the same templates: the recogniser that they were written for."""
    source = reading.read_grammar(language)
    content = get_intents(source.variant)
    lists = {
        name: TextSlotList.from_tuples([(words, key) for key, words in values.items()], allow_template=False, name=name)
        for name, values in source.values.items()
        if "/" not in name
    }
    devices = [
        (words, key, {"domain": kind.split("/")[1]})
        for kind, values in source.values.items()
        if kind.startswith("name/")
        for key, words in values.items()
    ]
    lists["name"] = TextSlotList.from_tuples(devices, allow_template=False, name="name")
    rows = load_intents([language], seed=1)["test"]
    generator = random.Random(0)
    agreed, chosen = 0, generator.sample(range(len(rows)), 15)
    for row in (rows[number] for number in chosen):
        name = "Hass" + rows.features["label"].int2str(row["label"])
        only = Intents.from_dict({**content, "intents": {name: content["intents"][name]}})
        results = hassil.recognize_all(row["text"], only, slot_lists=lists, intent_context={"area": "kitchen"})
        own = {slot["name"]: slot["value"] for slot in row["slots"]}
        own["name"] = own.get("timer_name", own.get("name"))
        own["state"] = own.get("zone", own.get("state"))
        for result in results:
            theirs = {key: str(entity.value) for key, entity in result.entities.items()}
            same = all(
                float_or_text(theirs.get(key)) == float_or_text(value)
                for key, value in own.items()
                if value and key not in ("timer_name", "zone")
            )
            if same:
                agreed += 1
                break
        else:
            print(row["text"], own)
    assert agreed >= 14


def float_or_text(value: str | None) -> float | str | None:
    try:
        return float(value or "")
    except ValueError:
        return value


def test_choices_rules_and_permutations_give_exactly_the_sentences_that_the_pattern_allows():
    found = drawn("<turn_on> [the] (light;now)")
    expected = {f"{verb} on {the}{order}" for verb in ("turn", "switch") for the in ("the ", "") for order in ("light now", "now light")}  # fmt: skip
    assert set(found) == expected


def test_slots_keep_their_place_when_spaces_collapse_and_words_are_glued():
    rooms = {"kitchen": "living  room"}
    assert drawn("open   {area}  now ", area=rooms) == {"open living room now": ["open {area} now", "living room"]}
    assert drawn("pre{area}", area={"a": "b"}) == {"preb": ["pre{area}", "b"]}


def test_optional_endings_are_glued_only_where_words_have_no_spaces():
    rooms = {"kitchen": "kök"}
    assert set(drawn("{area}[et]", "sv", area=rooms)) == {"kök"}
    assert set(drawn("{area}[et]", "zh", area=rooms)) == {"kök", "köket"}
    assert set(drawn("{area}(et|ets)", "sv", area=rooms)) == {"köket", "kökets"}


def test_a_name_is_one_of_the_devices_that_the_template_speaks_of():
    devices = {"name/light": {"lamp": "desk lamp"}, "name/lock": {"door": "front door"}}
    assert set(drawn("start {name}", **devices)) == {"start desk lamp"}


def test_numbers_come_in_digits_and_words_with_the_value_in_digits():
    rows = load_intents(["en"])["train"]
    numbers = {(row["text"][s["start"] : s["end"]], s["value"]) for row in rows for s in row["slots"] if s["name"] == "minutes"}  # fmt: skip
    in_words = {words for words, value in numbers if words != value}
    assert 0 < len(in_words) < len(numbers)
    assert all(value.isdigit() for _, value in numbers)


def test_an_intent_with_two_templates_has_them_opened_at_the_widest_choice():
    source = grammar("<turn_on> [the] (light|lamp|bulb)")
    opened = splitting.templates_by_intent(source, ("TurnOn",))["TurnOn"]
    assert [template.text[-2:] for template in opened] == ["#1", "#2", "#3"]
    for template, word in zip(opened, ("light", "lamp", "bulb"), strict=True):
        texts = {draw_sentence(template, source, random.Random(seed)).text for seed in range(20)}
        assert {text.split()[-1] for text in texts} == {word}


def test_a_pattern_of_two_intents_is_left_out():
    both = grammar("start {name}", **{"name/light": {"lamp": "lamp"}})
    both = Grammar("en", "en", (*both.templates, Template("RunScript", "start {name}", ())), {}, {}, both.values)
    assert splitting.templates_by_intent(both, ("TurnOn", "RunScript")) == {"TurnOn": [], "RunScript": []}


def test_the_seed_fixes_everything():
    first, again, other = (load_intents(["fr"], seed=seed)["test"]["text"][:] for seed in (3, 3, 4))
    assert first == again
    assert len(set(first) & set(other)) < len(first) / 2


def test_languages_do_not_change_when_others_are_left_out(data):
    alone = load_intents(["bg"])["test"]
    together = data["test"].filter(lambda row: row["language"] == "bg")
    assert alone["text"][:] == together["text"][:]


def test_unknown_language_names_those_that_exist():
    with pytest.raises(DataError, match=r"no slot values .* for Japanese \('ja'\).*en, de, fr"):
        load_intents(["ja"])
    with pytest.raises(DataError, match=r"Did you mean 'de'"):
        load_intents(["german"])
    with pytest.raises(DataError, match=r"per_intent=1: at least 2"):
        load_intents(["en"], per_intent=1)


def test_missing_package_says_what_to_install(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(reading, "version", absent)
    with pytest.raises(
        DataError, match=r"home-assistant-intents is not installed.*pip install home-assistant-intents hassil"
    ):
        load_intents(["en"])


def test_entry_without_a_language_is_named(monkeypatch):
    values = json.loads(reading._SLOTS_FILE.read_text(encoding="utf-8"))
    del values["floor"]["basement"]["fr"]
    monkeypatch.setattr(reading, "_all_values", lambda: values)
    with pytest.raises(DataError, match=r"slots.json: floor/basement has no words in French \('fr'\)"):
        load_intents(["fr"])


def test_language_with_too_few_templates_is_refused(monkeypatch):
    values = json.loads(reading._SLOTS_FILE.read_text(encoding="utf-8"))
    for entries in values.values():
        for words in entries.values():
            words["ja"] = words["sw"] = words["eo"] = "x"
    monkeypatch.setattr(reading, "_all_values", lambda: values)
    with pytest.raises(DataError, match=r"Japanese \('ja'\) has templates for \d of 35 intents.*at least 10"):
        load_intents(["ja"])
    with pytest.raises(DataError, match=r"has no templates for Esperanto"):
        load_intents(["eo"])


def test_template_that_needs_an_unknown_list_or_rule_is_named():
    for text, problem in {"set {shade}": r"list \{shade\}", "<start> it": r"rule <start>"}.items():
        with pytest.raises(DataError, match=problem):
            drawn(text)


def test_every_entry_has_different_words_in_a_language():
    values = json.loads(reading._SLOTS_FILE.read_text(encoding="utf-8"))
    for kind in ("area", "floor", "timer_name", "zone"):
        for language in reading.languages():
            words = [entry[language].casefold() for entry in values[kind].values()]
            assert len(set(words)) == len(words), (kind, language)


def test_the_card_has_the_figures_of_the_data(data):
    card = (reading._SLOTS_FILE.parent / "DATA_CARD.md").read_text(encoding="utf-8")
    frames = {split: part.to_pandas() for split, part in data.items()}
    for language in languages_of(data):
        sizes = " / ".join(str((frame["language"] == language).sum()) for frame in frames.values())
        number = frames["test"].query("language == @language")["label"].nunique()
        assert f"({language}) | {script(language)} |" in card
        line = next(line for line in card.splitlines() if f"({language}) |" in line)
        assert f"| {number} | {sizes} |" in line
