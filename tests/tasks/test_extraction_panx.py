"""PAN-X from small Parquet folders in the layout of the Hub's, through the code that reads the real one."""

import pytest
from datasets import Sequence as SequenceFeature
from datasets import Value

from tests.parquet_folders import SENTENCES, TAGS, panx_file, refused, write_panx
from xlft_helpers.data import languages_of, select_language
from xlft_helpers.errors import DataError, DownloadError
from xlft_helpers.finetuning import Recipe, finetune
from xlft_helpers.tasks.extraction import (
    Gazetteer,
    bio_labels,
    count_spans,
    find_spans,
    load_panx,
    spans_of,
    tagging_head,
)
from xlft_helpers.tasks.extraction.panx import PANX


@pytest.fixture
def folder(tmp_path):
    return write_panx(tmp_path / "panx")


def entities(row):
    return [(span.name, row["text"][span.start : span.end]) for span in spans_of(row)]


def test_words_become_texts_with_entities_in_every_script(folder):
    data = load_panx(data_dir=folder)
    assert {split: len(rows) for split, rows in data.items()} == {"train": 7, "dev": 7, "test": 7}
    found = {code: select_language(data["dev"], code)[0] for code in languages_of(data)}
    assert {code: (row["text"], entities(row)) for code, row in found.items()} == {
        "de": ("Ada Lovelace wohnte in London", [("PER", "Ada Lovelace"), ("LOC", "London")]),
        "en": ("Ada Lovelace lived in London", [("PER", "Ada Lovelace"), ("LOC", "London")]),
        "ar": ("ليلى تسكن في القاهرة", [("PER", "ليلى"), ("LOC", "القاهرة")]),
        "th": ("มาลีอยู่ที่น่าน", [("PER", "มาลี"), ("LOC", "น่าน")]),
        "zh": ("她住在北京", [("LOC", "北京")]),
    }
    assert found["th"]["id"] == "th-dev-1"
    assert bio_labels(data["train"]) == ["O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER"]


def test_rows_train_a_tagger_and_are_looked_up(folder):
    write_panx(folder, copies=4)
    data = load_panx(["en", "de"], folder)
    train, test = select_language(data["train"], "en"), select_language(data["test"], "de")
    tagger = finetune(
        "mini", train, data["dev"], head=tagging_head(train), recipe=Recipe(epochs=1, batch_size=8), progress=False
    )
    assert tagger.history["train_loss"].notna().all()
    answers = find_spans(tagger.model, tagger.tokenizer, list(test["text"]))
    true = [spans_of(row) for row in test]
    assert 0 <= count_spans(true, [answers]).f1()[0] <= 1
    looked_up = Gazetteer(train).find_spans(list(test["text"]), "de")
    assert count_spans(true, [looked_up]).hits.sum() == 2 * 4  # Ada Lovelace and London, in four copies


def test_words_of_white_space_are_left_out(folder):
    sentences = [([" ", "Ada", "", "sang"], [1, 2, 0, 0]), (["", " "], [0, 5])]
    panx_file(sentences).to_parquet(folder / "en" / "test" / "0000.parquet")
    rows = load_panx(["en"], folder)["test"]
    assert [(row["id"], row["text"], entities(row)) for row in rows] == [("en-test-1", "Ada sang", [("PER", "Ada")])]
    panx_file(sentences[1:]).to_parquet(folder / "en" / "test" / "0000.parquet")
    with pytest.raises(DataError, match=r"the split 'test' has no sentence with a word"):
        load_panx(["en"], folder)


def test_languages_that_are_not_there(folder):
    with pytest.raises(DataError, match=r"Name the languages of PAN-X.*there are af, am"):
        load_panx()
    with pytest.raises(DataError, match=r"PAN-X has no language 'zu'; it has af, am"):
        load_panx(["zu"], folder)
    with pytest.raises(
        DataError, match=r"fr: no Parquet file of the split 'train'.*fr/train/0000\.parquet.* ar, de, en"
    ):
        load_panx(["fr"], folder)
    assert len(PANX.configurations) == 120
    assert len(PANX.commit) == 40


def test_files_that_cannot_be_used_are_named(folder):
    path = folder / "en" / "test" / "0000.parquet"
    rows = panx_file(SENTENCES["en"])
    for changed, message in (
        (
            rows.remove_columns("ner_tags"),
            rf"{path}: the columns \['ner_tags'\] are missing; found \['tokens', 'spans'\]",
        ),
        (
            rows.cast_column("ner_tags", SequenceFeature(Value("int64"))),
            rf"{path}: the column 'ner_tags' .*found numbers without names",
        ),
        (
            panx_file(SENTENCES["en"], [*TAGS, "B-MISC", "I-MISC"]),
            r"found O, B-PER.*I-MISC. Is it a file of PAN-X",
        ),
        (
            panx_file([(["Ada"], [1]), (["Ada", "sang"], [1])]),
            rf"{path}, row 2: words and tags must be there, and as many",
        ),
        (panx_file([(["Ada"], [-1])]), rf"{path}, row 1: .*a tag is none of 0 to 6"),
        (panx_file([(["Ada"], [None])]), rf"{path}, row 1: .*a tag is none of"),
        (panx_file([(["Ada"], None)]), rf"{path}, row 1: .*must be there"),
    ):
        refused(load_panx, changed, path, message)
    path.unlink()
    with pytest.raises(DataError, match=r"en: no Parquet file of the split 'test'"):
        load_panx(["en"], folder)


def test_offline_profile_says_what_to_bring(monkeypatch):
    monkeypatch.delenv("XLFT_PROFILE", raising=False)
    with pytest.raises(
        DownloadError, match=r"PAN-X: de/train/0000\.parquet .*copy its folder datasets--unimelb-nlp--wikiann"
    ):
        load_panx(["de"])
