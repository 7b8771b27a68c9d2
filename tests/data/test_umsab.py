"""UMSAB in tiny folders with the traps of the real one, and its download from a server on this machine."""

import hashlib
from pathlib import Path

import pytest

from xlft_helpers.data import clean, find_leakage, languages_of, load_data, load_umsab, umsab
from xlft_helpers.errors import DataError, DownloadError


def write(folder: Path, name: str, texts: list[str], labels: str) -> None:
    """One split as UMSAB has it: no newline behind the last line."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f"{path.name}_text.txt").write_bytes("\n".join(texts).encode())
    path.with_name(f"{path.name}_labels.txt").write_bytes("\n".join(labels).encode())


FRENCH = ["@user c'est \"bien", "Énergie solaire\u2028un champ de panneaux http", "bof\x85 oui"]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "french/train", FRENCH, "210")
    write(tmp_path, "french/val", ["un", "deux", "trois"], "012")
    write(tmp_path, "french/test", ["Énergie solaire un champ de  panneaux http", "quatre", "cinq"], "201")
    write(tmp_path, "hindi/train", ["@someUSER kya baat hai", "theek hai", "bura laga"], "210")
    return tmp_path


def test_every_line_counts_and_odd_characters_do_not_break_lines(folder):
    data = load_umsab(folder)
    french = [row for row in data["train"] if row["language"] == "fr"]
    assert [row["text"] for row in french] == FRENCH
    assert [data["train"].features["label"].int2str(row["label"]) for row in french] == [
        "positive",
        "neutral",
        "negative",
    ]
    assert [row["id"] for row in french] == ["fr-train-1", "fr-train-2", "fr-train-3"]


def test_languages_and_splits_may_be_missing_and_val_is_called_dev(folder):
    data = load_data("umsab", data_dir=str(folder))
    assert {split: (len(rows), languages_of(rows)) for split, rows in data.items()} == {
        "train": (6, ["fr", "hi"]), "dev": (3, ["fr"]), "test": (3, ["fr"]),
    }  # fmt: skip
    assert list(load_umsab(folder, ["hi"])) == ["train"]
    for path in (folder / "hindi").iterdir():
        path.unlink()
    assert languages_of(load_umsab(folder)) == ["fr"]


def test_texts_are_as_published_until_they_are_cleaned(folder):
    rows = load_umsab(folder)["train"].to_pandas()
    assert rows["text"][3] == "@someUSER kya baat hai"
    assert clean(rows)[0]["text"][3] == "@user kya baat hai"


def test_test_tweet_that_stands_in_train_is_found(folder):
    found = find_leakage(load_umsab(folder))
    assert found[["id", "seen_id", "similarity"]].to_numpy().tolist() == [["fr-test-1", "fr-train-2", 1.0]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "train_labels.txt",
            b"2\n1",
            r"train_text\.txt has 3 lines, but train_labels\.txt beside it has 2.*both files",
        ),
        ("train_labels.txt", b"2\n1\n0\n1\n", r"has 3 lines, but train_labels\.txt beside it has 4"),
        ("train_labels.txt", b"2\n1\n3", r"train_labels\.txt, line 3: the label '3' is not 0, 1 or 2"),
        ("train_labels.txt", b"2\n\n0", r"train_labels\.txt, line 2: the label '' is not 0, 1 or 2"),
        ("train_text.txt", b"un\n \ntrois", r"train_text\.txt, line 2: column 'text': ' ' is empty"),
        ("train_text.txt", b"un\nd\xe9ux\ntrois", r"train_text\.txt, line 2: the byte 0xe9 is not UTF-8"),
        ("train_labels.txt", None, r"train_labels\.txt cannot be read \(No such file"),
        ("train_text.txt", None, r"train_text\.txt cannot be read \(No such file"),
    ],
)
def test_damaged_file_is_named_with_its_line(folder, name, content, message):
    path = folder / "french" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_umsab(folder)
    assert str(path.parent) in str(caught.value)


def test_empty_files(folder):
    write(folder, "french/val", [], "")
    with pytest.raises(DataError, match=r"val_text\.txt is empty. Get the file again"):
        load_umsab(folder)


def test_language_that_is_not_there(folder):
    with pytest.raises(DataError, match=r"no files german.train_text\.txt.*Languages found: fr"):
        load_umsab(folder, ["fr", "de"])
    with pytest.raises(DataError, match=r"UMSAB has no language 'zh'; it has ar, en"):
        load_umsab(folder, ["zh"])
    with pytest.raises(DataError, match=r"Languages found: none. Point data_dir at the folder"):
        load_umsab(folder / "french")


def test_offline_profile_names_both_ways_to_get_the_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XLFT_CACHE_DIR", str(tmp_path))
    with pytest.raises(DownloadError, match=r"offline profile. Set XLFT_PROFILE=full .*--data-dir"):
        load_umsab()


def test_hashes_cover_every_file():
    files = {f"{folder}/{split}_{kind}.txt" for folder in umsab.FOLDERS.values()
             for split in ("train", "val", "test") for kind in ("text", "labels")}  # fmt: skip
    assert set(umsab.SHA256) == files
    texts = {value for name, value in umsab.SHA256.items() if name.endswith("_text.txt")}
    assert len(texts) == 24  # label files are the same in all languages: the tweets are sorted by label
    assert all(len(value) == 64 and int(value, 16) for value in umsab.SHA256.values())


def test_download_is_verified_and_kept_for_offline_use(folder, server, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XLFT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    files = {f"french/{path.name}": path.read_bytes() for path in (folder / "french").iterdir()}
    server.pages = {f"/{name}": content for name, content in files.items()}
    monkeypatch.setattr(umsab, "URL", server.url)
    with pytest.raises(DownloadError, match=r"is not what was published"):  # the tiny files are not the real ones
        load_umsab(languages=["fr"])
    monkeypatch.setattr(umsab, "SHA256", {name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
    downloaded = load_umsab(languages=["fr"])
    assert {split: rows.to_list() for split, rows in downloaded.items()} == {
        split: rows.to_list() for split, rows in load_umsab(folder, ["fr"]).items()
    }
    monkeypatch.setenv("XLFT_PROFILE", "offline")
    before = len(server.requests)
    assert len(load_umsab(languages=["fr"])["train"]) == 3
    assert len(server.requests) == before
