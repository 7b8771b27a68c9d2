"""Reading other people's files: exactly where they are sound, with file and line where they are not."""

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlft_helpers.data import read_folder, read_lines, read_table
from xlft_helpers.errors import DataError

HEADER = "id\tsplit\tlanguage\tlabel\ttext\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_only_a_line_feed_ends_a_line(tmp_path):
    path = write(tmp_path / "x.txt", 'one\u2028still one\ntwo\x85"still two\r\nthree\rthree\n\nlast')
    assert read_lines(path) == ["one\u2028still one", 'two\x85"still two', "three\rthree", "", "last"]


@pytest.mark.parametrize(
    ("content", "lines"), [("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\n\n", ["a", ""])]
)
def test_last_line_counts_with_and_without_its_end(tmp_path, content, lines):
    assert read_lines(write(tmp_path / "x.txt", content)) == lines


def test_byte_order_mark_is_no_text(tmp_path):
    assert read_lines(write(tmp_path / "x.txt", "\ufeffone\ntwo")) == ["one", "two"]


@given(texts=st.lists(st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"])), min_size=1))
def test_lines_come_back_as_they_were_written(tmp_path_factory, texts):
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    path.write_bytes(("\n".join(["first", *texts]) + "\n").encode())
    assert read_lines(path) == ["first", *texts]


def test_tsv_with_header_and_the_characters_that_pandas_trips_over(tmp_path):
    texts = ['"she said hi', "a\u2028b", "it's \x85 fine", 'closing"', ""]
    path = write(tmp_path / "x.tsv", HEADER + "\n".join(f"{n}\ttrain\ten\tpos\t{text}" for n, text in enumerate(texts)))
    frame = read_table(path)
    assert frame["text"].tolist() == texts
    assert frame["id"].tolist() == ["0", "1", "2", "3", "4"]
    assert frame["source_line"].tolist() == [2, 3, 4, 5, 6]
    # What this guards against: the usual call takes the first quote for the start of a quoted cell and loses rows.
    assert len(pd.read_csv(path, sep="\t")) < len(texts)


def test_two_column_tsv_without_header_is_label_then_text(tmp_path):
    path = write(tmp_path / "x.tsv", 'positive\tbon "appétit\nnegative\tzut\npositive\tchic')
    frame = read_table(path, language="fr", split="val")
    assert frame["text"].tolist() == ['bon "appétit', "zut", "chic"]
    assert frame["label"].tolist() == ["positive", "negative", "positive"]
    assert set(frame["split"]) == {"dev"}
    assert frame["id"].is_unique


def test_header_with_other_names_is_not_taken_for_a_row(tmp_path):
    path = write(tmp_path / "x.tsv", "sentiment\ttweet\npos\ta\nneg\tb\npos\tc\nneg\td\n")
    with pytest.raises(DataError, match=r"x\.tsv, line 1: no other row has the label 'sentiment'.*label_column"):
        read_table(path, language="fr", split="train")
    frame = read_table(path, label_column="sentiment", text_column="tweet", language="fr", split="train")
    assert frame["text"].tolist() == ["a", "b", "c", "d"]


def test_csv_with_quotes_commas_and_line_breaks_in_texts(tmp_path):
    frame = pd.DataFrame(
        {"text": ['a, "b"', "two\nlines", "plain", "\u2028"], "label": list("1011"), "language": "en", "split": "train"}
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    read = read_table(tmp_path / "x.csv", label_map={"0": "negative", "1": "positive"})
    assert read["text"].tolist() == frame["text"].tolist()
    assert read["label"].tolist() == ["positive", "negative", "positive", "positive"]
    assert read["source_line"].tolist() == [2, 3, 5, 6]


def test_jsonl(tmp_path):
    pd.DataFrame(
        {"text": ["é\u2028", '"'], "label": [0, 1], "lang": ["fr", "fr"], "split": ["train", "validation"]}
    ).to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    read = read_table(tmp_path / "x.jsonl", language_column="lang")
    assert read["text"].tolist() == ["é\u2028", '"']
    assert read["label"].tolist() == ["0", "1"]
    assert read["split"].tolist() == ["train", "dev"]
    assert read["language"].tolist() == ["fr", "fr"]


def test_made_up_ids_differ_between_languages(tmp_path):
    """Equal ids would make independent test sets look parallel."""
    french, german = (
        read_table(write(tmp_path / f"{code}.tsv", "pos\ta\nneg\tb\n"), language=code, split="test")
        for code in ("fr", "de")
    )
    assert not set(french["id"]) & set(german["id"])


def test_blank_lines_are_no_rows(tmp_path):
    frame = read_table(write(tmp_path / "x.tsv", "pos\ta\n\nneg\tb\n\n"), language="fr", split="test")
    assert frame["source_line"].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "x.tsv",
            HEADER + "1\ttrain\ten\tpos\tok\n2\ttrain\ten\tpos\ttab\there\n",
            "line 3: 6 columns, but 5 .*by a space",
        ),
        ("x.tsv", HEADER + "1\ttrain\ten\tpos\n", "line 2: 4 columns, but 5 were expected"),
        (
            "x.tsv",
            "a\tb\tc\n1\t2\t3\n",
            r"line 1: the columns 'text' and 'label' .*found \['a', 'b', 'c'\].*text_column",
        ),
        ("x.tsv", "text\tlabel\ttext\nx\ty\tz\n", "two columns have the same name"),
        ("x.tsv", "pos\ta\nneg\n", "line 2: 1 columns, but 2 were expected"),
        ("x.tsv", "", "there are no rows. Check that the right file"),
        ("x.tsv", HEADER, "there are no rows"),
        ("x.csv", 'text,label\nok,pos\n"open,neg\nmore,pos\n', "line 3: the row that starts here is not valid CSV"),
        ("x.csv", "text,label\na,b,c\n", "line 2: 3 columns, but 2 were expected .*quotes"),
        ("x.csv", "pos,hello\n", "line 1: the columns 'text' and 'label' are not both there"),
        ("x.jsonl", '{"text": "a", "label": "b"}\n{"text": "a", }\n', "line 2, column 15: not valid JSON"),
        ("x.jsonl", "[1]\n", "line 1: expected an object"),
        ("x.jsonl", '{"text": "a"}\n', "line 1: the key 'label' is missing"),
        ("x.jsonl", '{"text": "\\ud83d", "label": "b"}\n', "line 1, key 'text': half of a surrogate pair"),
        ("x.tsv", b"pos\tok\npos\tcaf\xe9\n", "line 2: the byte 0xe9 is not UTF-8. Save .* iconv .* x.tsv"),
        ("x.tsv", "pos\tok\n".encode("utf-16"), "line 1: the byte 0xff is not UTF-8"),
        ("x.xlsx", b"PK", r"the kind '\.xlsx' are not read. Use \.tsv, \.csv, \.jsonl"),
    ],
)
def test_bad_file_is_named_with_line_and_remedy(tmp_path, name, content, message):
    path = write(tmp_path / name, content)
    with pytest.raises(DataError, match=message) as caught:
        read_table(path, language="en", split="train")
    assert str(path) in str(caught.value)


def test_file_that_does_not_exist_or_is_a_folder(tmp_path):
    (tmp_path / "folder.tsv").mkdir()
    for name, reason in [("none.tsv", "No such file"), ("folder.tsv", "Is a directory")]:
        with pytest.raises(DataError, match=rf"{name} cannot be read \({reason}.*Check the path"):
            read_table(tmp_path / name, language="en", split="train")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission(tmp_path):
    path = write(tmp_path / "x.tsv", "pos\ta\n")
    path.chmod(0)
    with pytest.raises(DataError, match=r"Permission denied.*permissions"):
        read_table(path, language="en", split="train")


def test_language_and_split_must_come_from_somewhere(tmp_path):
    path = write(tmp_path / "x.tsv", "pos\ta\n")
    with pytest.raises(DataError, match=r"no column 'language'.*pass language="):
        read_table(path, split="train")
    with pytest.raises(DataError, match=r"no column 'split'.*pass split="):
        read_table(path, language="en")


def test_column_that_contradicts_the_place_of_the_file(tmp_path):
    path = write(tmp_path / "x.tsv", HEADER + "1\ttrain\ten\tpos\ta\n2\ttrain\tde\tpos\tb\n")
    with pytest.raises(DataError, match=r"line 3: column 'language' says 'de', but the file was read as 'en'"):
        read_table(path, language="en")


def test_label_map_translates_and_refuses_what_it_does_not_know(tmp_path):
    path = write(tmp_path / "x.tsv", "positif\ta\nnegative\tb\npositve\tc\n")
    label_map = {"positif": "positive", "négatif": "negative"}
    with pytest.raises(
        DataError, match=r"x\.tsv, line 3: the label 'positve' is not in the label map.*'positif', 'négatif'"
    ):
        read_table(path, language="fr", split="train", label_map=label_map)
    frame = read_table(path, language="fr", split="train", label_map={**label_map, "positve": "positive"})
    assert frame["label"].tolist() == ["positive", "negative", "positive"]


def test_two_columns_for_one_purpose(tmp_path):
    path = write(tmp_path / "x.tsv", "tweet\ttext\tlabel\na\tb\tpos\n")
    with pytest.raises(DataError, match=r"two columns would be called \['text'\]"):
        read_table(path, text_column="tweet", language="fr", split="train")


def test_folder_per_language(tmp_path):
    write(tmp_path / "fr" / "train.tsv", "pos\tun\nneg\tdeux\n")
    write(tmp_path / "fr" / "val.csv", "text,label\ntrois,pos\n")
    write(tmp_path / "de" / "test.jsonl", '{"text": "vier", "label": "neg"}\n')
    write(tmp_path / "fr" / "README.md", "not data")
    write(tmp_path / ".git" / "train.tsv", "not\tdata")
    write(tmp_path / "README.md", "not data")
    frame = read_folder(tmp_path, label_map={"pos": "positive", "neg": "negative"})
    assert list(frame[["language", "split", "label", "text"]].itertuples(index=False, name=None)) == [
        ("de", "test", "negative", "vier"),
        ("fr", "train", "positive", "un"),
        ("fr", "train", "negative", "deux"),
        ("fr", "dev", "positive", "trois"),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], r"there are no data files.*fr.train\.tsv"),
        (["train.tsv"], "there are no data files"),
        (["french/train.tsv"], "'french' is not an ISO 639-1 .*Did you mean 'fr'.*named by the language"),
        (["fr/training.tsv"], r"training\.tsv: the name of the file must be its split, one of train, dev"),
        (["fr/dev.tsv", "fr/val.tsv"], r"val\.tsv and dev\.tsv both hold the split 'dev'. Merge or remove"),
    ],
)
def test_folder_in_another_layout(tmp_path, files, message):
    for name in files:
        write(tmp_path / name, "pos\ta\n")
    with pytest.raises(DataError, match=message):
        read_folder(tmp_path)


def test_folder_that_does_not_exist(tmp_path):
    with pytest.raises(DataError, match=r"none cannot be read"):
        read_folder(tmp_path / "none")
