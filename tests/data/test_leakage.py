"""Leakage between splits and languages, on a small set whose leaks are known."""

import pandas as pd

from xlft_helpers.data import build_dataset, find_leakage

SOLAR = "Énergie solaire. Un champ de 17 300 panneaux bientôt opérationnel http"


def data_with(*rows: tuple[str, str, str, str]):
    frame = pd.DataFrame(rows, columns=["language", "split", "id", "text"]).assign(label="neutral")
    return build_dataset(frame, ["negative", "neutral"], "mine")


def test_leaks_between_splits_and_languages_and_nothing_else():
    data = data_with(
        ("fr", "train", "a", SOLAR),
        ("fr", "train", "b", SOLAR + " #soleil"),  # twice in train is no leak by itself
        ("fr", "train", "c", "rien de commun"),
        ("fr", "test", "d", "  " + SOLAR.replace("http", "https://example.org/x")),
        ("en", "train", "e", "RT @someone such a lovely day in the park"),
        ("fr", "dev", "f", "RT @user such a lovely day in the park"),
        ("es", "test", "t", "no puedo más"),  # a parallel test set: similar across languages, but not seen in training
        ("pt", "test", "t", "não posso mais"),
        ("it", "test", "t", "no puedo más"),
    )
    found = find_leakage(data)
    assert set(zip(found["id"], found["seen_id"], strict=True)) == {("d", "a"), ("d", "b"), ("f", "e")}
    assert found["similarity"].is_monotonic_decreasing
    leak = found[(found["id"] == "d") & (found["seen_id"] == "a")].iloc[0]
    assert (leak["similarity"], leak["split"], leak["seen_split"]) == (1.0, "test", "train")
    assert (leak["label"], leak["seen_label"], leak["seen_text"]) == ("neutral", "neutral", SOLAR)
    across = found[found["id"] == "f"].iloc[0]
    assert (across["language"], across["seen_language"]) == ("fr", "en")


def test_text_in_all_three_splits_leaks_into_each_later_one_and_repeats_count_once():
    data = data_with(*[("fr", split, f"{split}{copy}", SOLAR) for split in ("train", "dev", "test") for copy in "12"])
    found = find_leakage(data)
    assert sorted(zip(found["id"], found["seen_id"], strict=True)) == [
        ("dev1", "train1"), ("test1", "dev1"), ("test1", "train1"),
    ]  # fmt: skip


def test_threshold_decides_how_like_is_alike():
    data = data_with(("fr", "train", "a", SOLAR), ("fr", "test", "b", SOLAR.replace("bientôt", "enfin")))
    assert len(find_leakage(data, threshold=0.7)) == 1
    assert find_leakage(data, threshold=1).empty


def test_no_leak_and_no_second_split():
    assert find_leakage(data_with(("fr", "train", "a", "un"), ("fr", "test", "b", "deux"))).empty
    assert find_leakage(data_with(("fr", "train", "a", "un"))).empty
