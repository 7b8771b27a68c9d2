"""A tagger learns slots, answers in characters of texts of any length, and says what it cannot learn from."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from datasets import Dataset

from xlft_helpers.errors import DataError
from xlft_helpers.finetuning import Recipe, finetune
from xlft_helpers.models import load_tokenizer
from xlft_helpers.tasks.extraction import Span, find_spans, partial_hits, tagging_head

ROOMS, DEVICES = ["kitchen", "bedroom", "living room", "hall"], ["lamp", "radio", "fan", "curtain"]
RECIPE = Recipe(learning_rate=2e-3, epochs=6, batch_size=8, max_length=32)


def row(text, *named, language="en"):
    slots = [{"name": name, "start": text.index(words), "end": text.index(words) + len(words)} for name, words in named]
    return {"text": text, "slots": slots, "language": language, "id": text}


def commands():
    return Dataset.from_list(
        [
            row(pattern.format(device, room), ("area", room), ("name", device))
            for room in ROOMS
            for device in DEVICES
            for pattern in ("turn on the {} in the {}", "{} off in my {} please")
        ]
    )


@pytest.fixture(scope="module", params=["use-m", "mini"])
def tagger(request):
    return finetune(request.param, commands(), commands(), head=tagging_head(commands()), recipe=RECIPE, progress=False)


def test_it_learns_what_can_be_learned(tagger):
    texts = ["turn on the radio in the hall", "curtain off in my living room please"]
    assert find_spans(tagger.model, tagger.tokenizer, texts, max_length=32) == [
        [Span("name", 12, 17), Span("area", 25, 29)],
        [Span("name", 0, 7), Span("area", 18, 29)],
    ]
    assert tagger.history["dev_macro_f1"].max() > 0.9


def test_long_texts_are_read_in_windows(tagger):
    parts = [f"turn on the {DEVICES[i % 4]} in the {ROOMS[i % 3]}" for i in range(40)]
    text = ", ".join(parts)
    assert len(tagger.tokenizer(text)["input_ids"]) > 5 * 32
    found = find_spans(tagger.model, tagger.tokenizer, [text], max_length=32)[0]
    assert found == sorted(found, key=lambda span: span.start)
    assert all(first.end <= second.start for first, second in pairwise(found))
    true = [Span(*span) for words in set(ROOMS[:3] + DEVICES) for span in places(text, words)]
    assert partial_hits(true, found) > 0.7 * len(true) > 50
    late = len(text) * 0.8
    assert sum(span.start > late for span in found) > 0.7 * sum(span.start > late for span in true)


def places(text, words):
    name = "area" if words in ROOMS else "name"
    return [(name, match.start(), match.end()) for match in re.finditer(words, text)]


def test_labels_stand_on_the_pieces_of_a_span_only():
    tokenizer = load_tokenizer("use-m")
    rows = Dataset.from_list([row("打开厨房的灯", ("area", "厨房"), language="zh")])
    head = tagging_head(rows)
    encoded = head.encode(rows, tokenizer, 32)[0]
    tags = [head.label_names[label] if label >= 0 else None for label in encoded["labels"]]
    assert tags[0] is None
    assert tags[-1] is None
    assert tags.count("B-area") == 1
    assert [tag for tag in tags if tag not in ("B-area", "I-area", "O", None)] == []


def test_a_cut_text_loses_its_last_labels():
    text = "please " * 40 + "kitchen"
    rows = Dataset.from_list([row(text, ("area", "kitchen"))])
    encoded = tagging_head(rows).encode(rows, load_tokenizer("use-m"), 16)[0]
    assert len(encoded["labels"]) == len(encoded["input_ids"]) == 16
    assert set(encoded["labels"]) == {-100, 0}


def test_slots_that_the_training_rows_lack_are_named():
    head = tagging_head(commands())
    other = Dataset.from_list([row("add milk", ("item", "milk"))])
    with pytest.raises(DataError, match=r"slots \['item'\] are not among .*area, name"):
        head.encode(other, load_tokenizer("use-m"), 32)


def test_training_rows_without_slots_are_refused():
    with pytest.raises(DataError, match="No row in sw has a slot"):
        tagging_head(Dataset.from_list([row("habari", language="sw")]))


def test_impossible_questions_are_refused(tagger):
    with pytest.raises(DataError, match=r"indices \[1\] are empty"):
        find_spans(tagger.model, tagger.tokenizer, ["lamp", " "])
    with pytest.raises(DataError, match="at least 16"):
        find_spans(tagger.model, tagger.tokenizer, ["lamp"], max_length=8)
    assert find_spans(tagger.model, tagger.tokenizer, []) == []


def test_label_smoothing_leaves_out_pieces_without_a_label():
    recipe = replace(RECIPE, epochs=1, label_smoothing=0.1)
    result = finetune("use-m", commands(), head=tagging_head(commands()), recipe=recipe, progress=False)
    assert result.history["train_loss"].notna().all()
