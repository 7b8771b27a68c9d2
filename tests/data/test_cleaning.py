"""Cleaning, against cases worked out by hand and a brute-force search with scikit-learn's n-grams."""

import unicodedata
from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from xlft_helpers.data import clean, near_duplicates, normalize_text
from xlft_helpers.errors import DataError


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("cafe\u0301", "café"),
        ("a\u2028b\x85c\u00a0d\te\r\nf  g ", "a b c d e f g"),
        ("bell\x07 and \u200bzero\u200b width\ufeff", "bell and zero width"),
        ("\u202eabc\u202c", "abc"),
        ("half \ud83d a pair", "half a pair"),
        ("hi @maria_99, @someUSER and @user!", "hi @user, @user and @user!"),
        ("@someUSERs", "@user"),
        ("你好@li_wei你好", "你好@user你好"),
        ("mail me: a.b@example.org", "mail me: a.b@example.org"),
        ("alone @ home, 5 @ 3€", "alone @ home, 5 @ 3€"),
        ("see https://t.co/x?y=1 and WWW.example.org/a.", "see http and http"),
        ("看https://t.co/abc，好", "看http，好"),
        ("awww. http", "awww. http"),
        ("👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️", "👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️"),
        ("क्‍ष می‌خواهم", "क्‍ष می‌خواهم"),
        ("SO Happy!!! #Tag", "SO Happy!!! #Tag"),
    ],
)
def test_normalize_text(text, normal):
    assert normalize_text(text) == normal


@given(st.one_of(st.text(), st.text(st.sampled_from("ab q@_:/.wtphHTPS\u0301\u0327\u200d\u200b\u2028\n你é"))))
def test_normalizing_twice_changes_nothing_and_leaves_clean_text(text):
    normal = normalize_text(text)
    assert normalize_text(normal) == normal
    assert unicodedata.is_normalized("NFC", normal)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in normal)
    assert normal.encode().decode() == normal


def jaccard_by_brute_force(texts: list[str]) -> dict[tuple[int, int], float]:
    grams = (
        CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True).fit_transform(texts).toarray().astype(bool)
    )
    return {
        (one, other): (grams[one] & grams[other]).sum() / (grams[one] | grams[other]).sum()
        for one, other in combinations(range(len(texts)), 2)
    }


WORDS = st.sampled_from(["the", "cat", "sat", "on", "a", "mat", "and", "ran", "off", "with", "hat", "http", "@user"])
SENTENCES = st.lists(WORDS, min_size=2, max_size=25).map(" ".join)


@given(texts=st.lists(SENTENCES, min_size=2, max_size=12), threshold=st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9, 1.0]))
def test_near_duplicates_are_exactly_those_of_a_brute_force_search(texts, threshold):
    expected = {pair: value for pair, value in jaccard_by_brute_force(texts).items() if value >= threshold}
    found = near_duplicates(texts, threshold)
    assert [(pair.first, pair.second) for pair in found] == sorted(expected)
    assert {(pair.first, pair.second): pair.similarity for pair in found} == pytest.approx(expected)


def test_near_duplicates_across_matrix_blocks():
    texts = [
        f"{number:05d} message {number * 7919 % 100003:06d} of its own {number * 31:05d}" for number in range(1200)
    ]
    texts += [texts[3] + "!", texts[1100].upper()]
    assert [(pair.first, pair.second) for pair in near_duplicates(texts, 0.9)] == [(3, 1200), (1100, 1201)]


def test_short_and_empty_texts():
    pairs = near_duplicates(["ok", "", "OK", " ", "👍", "👍", "no"])
    assert [(pair.first, pair.second, pair.similarity) for pair in pairs] == [(0, 2, 1.0), (4, 5, 1.0)]
    assert near_duplicates([]) == []
    assert near_duplicates(["", " "]) == []


@pytest.mark.parametrize("threshold", [0, -1, 1.01])
def test_threshold_outside_its_range(threshold):
    with pytest.raises(DataError, match=r"threshold=.* is outside \(0, 1\]"):
        near_duplicates(["a"], threshold)


def frame(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["language", "split", "label", "text"])
    return table.assign(id=[f"r{number}" for number in range(len(table))])


LONG = "the train was late again and nobody told us why"


def test_clean_keeps_one_row_of_each_group_and_prefers_the_evaluation():
    rows = frame(
        ("en", "train", "negative", LONG),  # r0: like the test row
        ("en", "train", "neutral", "tea at five"),  # r1 stays: the first of its kind
        ("en", "train", "positive", "tea  at five"),  # r2: the same once spaces are single
        ("en", "test", "negative", LONG + "!"),  # r3 stays
        ("en", "train", "neutral", " \u200b "),  # r4: empty once cleaned
        ("fr", "train", "neutral", "tea at five"),  # r5 stays: another language
        ("en", "dev", "negative", LONG),  # r6: like the test row
        ("en", "train", "positive", "@someUSER thanks"),  # r7 stays, changed
    )
    before = rows.copy()
    cleaned, report = clean(rows)
    assert cleaned["id"].tolist() == ["r1", "r3", "r5", "r7"]
    assert cleaned["text"].tolist() == ["tea at five", LONG + "!", "tea at five", "@user thanks"]
    removed = report.removed.set_index("id")
    assert removed["reason"].to_dict() == {
        "r0": "near duplicate", "r2": "exact duplicate", "r4": "empty", "r6": "near duplicate",
    }  # fmt: skip
    assert removed["kept_id"].drop("r4").to_dict() == {"r0": "r3", "r2": "r1", "r6": "r3"}
    assert removed["kept_label"]["r2"] == "neutral"
    assert pd.isna(removed["kept_id"]["r4"])
    assert (report.rows, report.changed) == (8, 3)
    assert "8 rows: 3 texts changed" in str(report)
    assert str(report).endswith("4 rows left.")
    pd.testing.assert_frame_equal(rows, before)


def test_clean_follows_chains_of_duplicates():
    chain = [LONG, LONG + " today", LONG + " today, sigh"]
    assert near_duplicates([chain[0], chain[2]], 0.85) == []
    cleaned, _ = clean(frame(*[("en", "train", "negative", text) for text in chain]), threshold=0.85)
    assert cleaned["id"].tolist() == ["r0"]


def test_clean_leaves_a_clean_table_alone():
    rows = frame(("en", "train", "neutral", "one thing"), ("en", "test", "neutral", "quite another"))
    cleaned, report = clean(rows)
    pd.testing.assert_frame_equal(cleaned, rows)
    assert str(report) == "2 rows: 0 texts changed; removed: none; 2 rows left."
