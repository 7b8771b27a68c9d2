"""The one door to all data: names, paths, languages and label maps."""

import pytest

from xlft_helpers.data import label_names, languages_of, load_data, require_rows, select_language
from xlft_helpers.data.intents import INTENTS
from xlft_helpers.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for language in ("fr", "de"):
        (tmp_path / language).mkdir()
        for split in ("train", "test"):
            (tmp_path / language / f"{split}.tsv").write_text(f"pos\t{language} {split} +\nneg\t{language} {split} -\n")
    return tmp_path


def test_folder_and_file_of_ones_own(folder):
    data = load_data(folder, label_map={"pos": "positive", "neg": "negative"})
    assert {split: len(rows) for split, rows in data.items()} == {"train": 4, "test": 4}
    assert label_names(data) == ["positive", "negative"]
    assert label_names(load_data(str(folder))) == ["neg", "pos"]
    file = folder / "all.jsonl"
    file.write_text('{"text": "oui", "label": "pos", "language": "fr", "split": "test"}\n')
    assert load_data(file)["test"]["text"][:] == ["oui"]


def test_languages_are_chosen_and_must_be_there(folder):
    assert languages_of(load_data(folder, languages=["fr"])) == ["fr"]
    with pytest.raises(DataError, match=r"no rows in the language 'it'; found de, fr"):
        load_data(folder, languages=["fr", "it"])
    with pytest.raises(DataError, match=r"Did you mean 'fr'"):
        load_data(folder, languages=["french"])


def test_labels_that_differ_between_languages_name_the_label_map(folder):
    (folder / "fr" / "train.tsv").write_text("positif\tbien\nnégatif\tmal\n")
    (folder / "fr" / "test.tsv").unlink()
    with pytest.raises(DataError, match=r"de has \['neg', 'pos'\] where fr has \['négatif', 'positif'\].*label_map"):
        load_data(folder)
    label_map = {"positif": "pos", "négatif": "neg"}
    assert label_names(load_data(folder, label_map=label_map)) == ["pos", "neg"]


def test_row_that_cannot_be_used_is_named_by_file_and_line(folder):
    path = folder / "fr" / "test.tsv"
    path.write_text("pos\tbien\nneg\t\n")
    with pytest.raises(DataError, match=rf"^{path}, line 2: column 'text'.* is empty. Write a text or remove the row"):
        load_data(folder)
    path.write_text("id\tlabel\ttext\n7\tpos\tbien\n7\tneg\tmal\n")
    with pytest.raises(DataError, match=rf"^{path}, line 3: column 'id': '7' occurs twice"):
        load_data(folder)


def test_source_that_does_not_exist(tmp_path):
    with pytest.raises(
        DataError, match=r"tweetz: no such file or folder. Give 'tweets', 'intents', 'umsab', 'massive', or the path"
    ):
        load_data("tweetz")


def test_intents_are_those_that_all_languages_have():
    data = load_data("intents", languages=["en", "sv"])
    names = label_names(data)
    assert 10 <= len(names) < len(INTENTS)
    for code in ("en", "sv"):
        for rows in data.values():
            assert {names[label] for label in select_language(rows, code)["label"]} == set(names)
    require_rows(data, "train", ["en", "sv"])


def test_options_that_do_not_fit_the_source(folder):
    with pytest.raises(DataError, match=r"data_dir=.*belongs to 'umsab'"):
        load_data("tweets", data_dir=folder)
    with pytest.raises(DataError, match=r"label_map .*'umsab'"):
        load_data("umsab", data_dir=folder, label_map={"0": "negative"})
