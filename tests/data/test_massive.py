"""MASSIVE from small Parquet folders in the layout of the Hub's, through the code that reads the real one."""

import json

import pytest
from datasets import Value

from tests.parquet_folders import INTENTS, UTTERANCES, massive_file, refused, write_massive
from xlft_helpers.cli import main
from xlft_helpers.data import COLUMNS, label_names, languages_of, load_data, load_massive, select_language
from xlft_helpers.data.massive import MASSIVE
from xlft_helpers.errors import DataError, DownloadError


@pytest.fixture
def folder(tmp_path):
    return write_massive(tmp_path / "massive")


def test_rows_are_in_the_schema_with_the_names_of_the_intents(folder):
    data = load_massive(data_dir=folder)
    assert {split: len(rows) for split, rows in data.items()} == {"train": 48, "dev": 48, "test": 48}
    assert tuple(data["train"].column_names) == COLUMNS
    assert label_names(data) == INTENTS
    assert set(languages_of(data)) == {"de", "en", "th", "zh"}
    for locale, patterns in UTTERANCES.items():
        rows = select_language(data["dev"], locale[:2])
        assert rows[4] == {
            "text": patterns[1004 % 3].format(1004), "label": 1004 % 3, "language": locale[:2], "split": "dev", "id": "dev-1004",
        }  # fmt: skip


def test_translations_share_an_id_and_stand_in_one_order(folder):
    data = load_massive(["en", "de", "zh"], folder)
    for rows in data.values():
        ids = [list(select_language(rows, code)["id"]) for code in ("en", "de", "zh")]
        labels = [list(select_language(rows, code)["label"]) for code in ("en", "de", "zh")]
        assert ids[0] == ids[1] == ids[2]
        assert labels[0] == labels[1] == labels[2]


def test_numbers_are_not_sorted_as_words(folder):
    massive_file("en-US", "train", each=4).select(range(12)).to_parquet(folder / "en-US" / "train" / "0000.parquet")
    ids = list(load_massive(["en"], folder)["train"]["id"])
    assert ids == [f"train-{number}" for number in range(12)]


def test_files_may_be_several_or_named_as_in_a_main_branch(folder):
    whole = load_massive(["en"], folder)["train"].to_list()
    rows = massive_file("en-US", "train")
    (folder / "en-US" / "train" / "0000.parquet").unlink()
    for part in range(2):
        rows.shard(2, part).to_parquet(folder / "en-US" / f"train-0000{part}-of-00002.parquet")
    assert load_massive(["en"], folder)["train"].to_list() == whole


def test_one_configuration_a_language():
    assert MASSIVE.configurations["zh"] == "zh-CN"
    assert MASSIVE.configurations["pt"] == "pt-PT"
    assert len(MASSIVE.configurations) == 51
    assert len(MASSIVE.commit) == 40


def test_intents_that_a_split_lacks_are_left_out_of_comparisons(folder):
    rows = massive_file("de-DE", "validation")
    kept = rows.filter(lambda row: INTENTS[row["intent"]] != "play_music")
    kept.to_parquet(folder / "de-DE" / "validation" / "0000.parquet")
    assert label_names(load_massive(["en", "de"], folder)) == INTENTS
    assert label_names(load_data("massive", data_dir=folder, languages=["en"])) == INTENTS
    data = load_data("massive", data_dir=folder, languages=["en", "de"])
    assert label_names(data) == ["alarm_set", "weather_query"]
    assert {len(part) for part in data.values()} == {16}
    rows.filter(lambda row: INTENTS[row["intent"]] == "play_music").to_parquet(
        folder / "de-DE" / "test" / "0000.parquet"
    )
    with pytest.raises(DataError, match=r"No intent occurs in every split of every language"):
        load_data("massive", data_dir=folder, languages=["en", "de"])


def test_languages_that_are_not_there(folder):
    with pytest.raises(DataError, match=r"MASSIVE has no language 'bg'; it has af, am.*Choose among them"):
        load_massive(["bg"], folder)
    with pytest.raises(DataError, match=r"Did you mean 'de'"):
        load_massive(["de-DE"], folder)
    with pytest.raises(
        DataError, match=r"fr-FR: no Parquet file of the split 'train'.*fr-FR/train/0000.parquet.* de, en, th, zh"
    ):
        load_massive(["en", "fr"], folder)
    with pytest.raises(DataError, match=r"af-ZA/train/0000\.parquet.*there is no folder of any language"):
        load_massive(data_dir=folder / "en-US")


def test_files_that_cannot_be_used_are_named(folder):
    path = folder / "en-US" / "test" / "0000.parquet"
    rows = massive_file("en-US", "test")
    letters = rows.remove_columns("id").add_column("id", ["x"] * len(rows))
    for changed, message in (
        (
            rows.remove_columns(["utt", "intent"]),
            rf"{path}: the columns \['utt', 'intent'\] are missing; found \['id'",
        ),
        (
            rows.cast_column("intent", Value("int64")),
            rf"{path}: the column 'intent' must be a ClassLabel .*the files that were read before",
        ),
        (letters, rf"{path}: the column 'id' must hold numbers"),
        (massive_file("en-US", "test", names=INTENTS[::-1]), "with the same names"),
        (rows.select([]), "is no Parquet file with rows"),
    ):
        refused(load_massive, changed, path, message)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match=rf"{path} is no Parquet file with rows .*Get the file again"):
        load_massive(["en"], folder)
    path.unlink()
    with pytest.raises(DataError, match=r"en-US: no Parquet file of the split 'test'"):
        load_massive(["en"], folder)


def test_offline_profile_says_what_to_bring(monkeypatch):
    monkeypatch.delenv("XLFT_PROFILE", raising=False)
    with pytest.raises(
        DownloadError,
        match=r"MASSIVE: en-US/train/0000\.parquet .*offline profile downloads nothing\. Set XLFT_PROFILE=full .*"
        r"copy its folder datasets--AmazonScience--massive .*data_dir \(--data-dir\)",
    ):
        load_data("massive", languages=["en"])


def test_compare_runs_on_it(folder, tmp_path, capsys):
    code = main(
        [
            "compare", "--data", "massive", "--data-dir", str(folder), "--languages", "en", "de", "--seeds", "1",
            "--methods", "zero-shot", "--json", str(tmp_path / "out.json"),
        ]
    )  # fmt: skip
    assert code == 0
    assert "mean of targets" in capsys.readouterr().out
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["settings"]["parallel_test"] is True
    assert written["settings"]["labels"] == INTENTS
