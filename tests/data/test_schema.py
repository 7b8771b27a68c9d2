"""The checks that every source goes through."""

import pandas as pd
import pytest
from datasets import ClassLabel

from xlft_helpers.data import build_dataset, label_names, languages_of, require_rows, select_language
from xlft_helpers.errors import DataError

LABELS = ["negative", "positive"]


def rows(*changes: dict[str, str]) -> pd.DataFrame:
    """A sound frame of English and French train and test rows; each change replaces fields of the row at its place."""
    frame = pd.DataFrame(
        [
            {
                "text": f"{language} {split} {label}",
                "label": label,
                "language": language,
                "split": split,
                "id": label[:3],
            }
            for language in ("fr", "en")
            for split in ("train", "test")
            for label in LABELS
        ]
    )
    for number, change in enumerate(changes):
        for column, value in change.items():
            frame.loc[number, column] = value
    return frame


def test_rows_become_splits_with_class_labels_and_further_columns():
    data = build_dataset(rows().assign(topic="tea"), LABELS, "mine")
    assert list(data) == ["train", "test"]
    assert data["test"][3] == {
        "text": "en test positive", "label": 1, "language": "en", "split": "test", "id": "pos", "topic": "tea",
    }  # fmt: skip
    assert data["train"].features["label"] == ClassLabel(names=LABELS)
    assert label_names(data) == label_names(data["test"]) == LABELS
    assert languages_of(data) == languages_of(data["train"]) == ["fr", "en"]


def test_label_indices_follow_the_order_of_the_names():
    data = build_dataset(rows(), ["positive", "negative"], "mine")
    assert [data["train"].features["label"].int2str(label) for label in data["train"]["label"]] == LABELS * 2
    assert data["train"]["label"][:2] == [1, 0]


def test_select_language_keeps_order_and_checks_codes():
    train = build_dataset(rows(), LABELS, "mine")["train"]
    assert select_language(train, "en")["text"][:] == ["en train negative", "en train positive"]
    assert select_language(train, "en", "fr")["text"][:] == train["text"][:]
    assert len(select_language(train, "de")) == 0
    with pytest.raises(DataError, match=r"Did you mean 'en'"):
        select_language(train, "english")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": "  \u2028 "}, r"mine, row with id 'neg' \(fr, train\): column 'text'.* is empty.*remove the row"),
        (
            {"label": "mixed"},
            r"row with id 'neg' \(fr, train\): column 'label': 'mixed' is not one of negative, positive",
        ),
        ({"split": "valid"}, "column 'split': 'valid' is not one of train, dev, test. Rename it"),
        ({"language": "french"}, r"\(french, train\): 'french' is not an ISO 639-1 .*Did you mean 'fr'"),
        ({"id": "pos"}, "column 'id': 'pos' occurs twice in its language and split.*Remove the copy"),
    ],
)
def test_bad_row_is_named_with_its_remedy(change, message):
    with pytest.raises(DataError, match=message):
        build_dataset(rows(change), LABELS, "mine")


def test_missing_text_is_empty_text():
    frame = rows()
    frame.loc[5, "text"] = None
    with pytest.raises(DataError, match=r"column 'text'.* is empty"):
        build_dataset(frame, LABELS, "mine")


def test_file_and_line_are_named_where_they_are_known_and_the_rest_is_counted():
    frame = rows({}, {"text": ""}, {"text": ""}, {"text": ""})
    frame = frame.assign(source_file="fr/train.tsv", source_line=range(2, 10))
    with pytest.raises(DataError, match=r"^fr/train\.tsv, line 3: .* 2 more rows have the same problem"):
        build_dataset(frame, LABELS, "mine")
    assert (
        "source_line"
        not in build_dataset(rows().assign(source_file="x", source_line=1), LABELS, "mine")["train"].features
    )


def test_ids_may_recur_in_other_splits_and_languages():
    frame = rows().assign(id="same", label="positive").drop_duplicates(["language", "split"])
    assert len(build_dataset(frame, LABELS, "mine")["test"]) == 2


@pytest.mark.parametrize("column", ["text", "label", "language", "split", "id"])
def test_missing_column(column):
    with pytest.raises(DataError, match=rf"mine: the columns \['{column}'\] are missing; found .* Add"):
        build_dataset(rows().drop(columns=column), LABELS, "mine")


def test_no_rows():
    with pytest.raises(DataError, match=r"mine: there are no rows"):
        build_dataset(rows().iloc[:0], LABELS, "mine")


def test_labels_that_differ_between_languages():
    frame = rows({"label": "positif"})
    with pytest.raises(DataError, match=r"mine: .*fr has \['positif'\] where en has|Map them .*label_map") as caught:
        build_dataset(frame.iloc[[0, 4, 5]], ["negative", "positif", "positive"], "mine")
    assert "label_map" in str(caught.value)


def test_language_without_one_of_the_labels_is_loaded_and_refused_where_it_matters():
    data = build_dataset(rows().iloc[1:], LABELS, "mine")
    require_rows(data, "train", ["en"])
    require_rows(data, "test", ["en", "fr"])
    with pytest.raises(DataError, match=r"'fr' has no row with the label 'negative' in the split 'train'.*add rows"):
        require_rows(data, "train", ["en", "fr"])


def test_split_without_rows():
    data = build_dataset(rows(), LABELS, "mine")
    with pytest.raises(DataError, match=r"split 'dev' has no rows; rows exist in \['train', 'test'\].*dev\.tsv"):
        require_rows(data, "dev", ["en"])
    data["test"] = data["test"].select([])
    with pytest.raises(DataError, match=r"split 'test' has no rows"):
        require_rows(data, "test", ["en"])


def test_language_without_rows_in_a_split():
    data = build_dataset(rows().iloc[:6], LABELS, "mine")
    with pytest.raises(
        DataError, match=r"'en' has no rows in the split 'test'; languages there: fr. Leave the language out"
    ):
        require_rows(data, "test", ["fr", "en"])
    with pytest.raises(DataError, match=r"Did you mean 'en'"):
        require_rows(data, "test", ["eng"])
