"""The loader of the bundled corpus, and what every user of the corpus relies on."""

import pytest

from xlft_helpers.data import class_priors, languages_of, load_data, load_tweets, require_rows, tweets
from xlft_helpers.errors import DataError


def test_test_set_is_parallel_and_every_class_is_there():
    data = load_data()
    languages = languages_of(data)
    for split in ("train", "dev", "test"):
        require_rows(data, split, languages)
    test = data["test"].to_pandas().pivot_table(index="id", columns="language", values="label")
    assert not test.isna().any(axis=None)
    assert (test.nunique(axis=1) == 1).all()
    assert "topic" in data["train"].features


def test_chosen_languages_only_and_in_the_order_asked_for():
    assert languages_of(load_tweets(["fr", "en"])) == ["fr", "en"]
    assert set(class_priors(load_tweets(["ar"]))["language"]) == {"ar"}


def test_language_that_the_corpus_lacks_is_named_with_those_it_has():
    with pytest.raises(DataError, match=r"no language 'ja'.*there are: en, fr.*Choose among them"):
        load_tweets(["en", "ja"])


def test_corpus_with_languages_missing_loads_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(tweets, "_FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"install the package again"):
        load_tweets()
    header = "id\tsplit\tlabel\ttopic\ttext\n"
    (tmp_path / "fr.tsv").write_text(
        header + 'test-1\ttest\tpositive\ttea\t"bon\u2028\ntest-2\ttest\tneutral\ttea\tbof\n'
    )
    assert load_tweets()["test"]["text"][:] == ['"bon\u2028', "bof"]
    with pytest.raises(DataError, match=r"no language 'en'.*there are: fr"):
        load_tweets(["en"])
