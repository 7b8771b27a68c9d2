"""Small folders in the layout that MASSIVE and PAN-X have on the Hub, with made-up rows."""

from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, Features, Sequence, Value

from xlft_helpers.errors import DataError

INTENTS = ["alarm_set", "play_music", "weather_query"]
SPLITS = ("train", "validation", "test")
UTTERANCES = {
    "de-DE": ("weck mich um {}", "spiel lied {}", "regnet es um {}"),
    "en-US": ("wake me at {}", "play song {}", "will it rain at {}"),
    "th-TH": ("ปลุกฉันตอน {}", "เล่นเพลง {}", "ฝนจะตกตอน {} ไหม"),
    "zh-CN": ("{}点叫醒我", "播放歌曲{}", "{}点会下雨吗"),
}

TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
SENTENCES = {
    "de": [(["Ada", "Lovelace", "wohnte", "in", "London"], [1, 2, 0, 0, 5]), (["Die", "Post", "in", "Bonn"], [0, 3, 0, 5])],
    "en": [(["Ada", "Lovelace", "lived", "in", "London"], [1, 2, 0, 0, 5]), (["Acme", "Ltd", "moved"], [3, 4, 0])],
    "ar": [(["ليلى", "تسكن", "في", "القاهرة"], [1, 0, 0, 5])],
    "th": [(["ม", "า", "ลี", "อ", "ยู่", "ที่", "น่", "า", "น"], [1, 2, 2, 0, 0, 0, 5, 6, 6])],
    "zh": [(["她", "住", "在", "北", "京"], [0, 0, 0, 5, 6])],
}  # fmt: skip


def refused(load: Callable[..., object], rows: Dataset, path: Path, message: str) -> None:
    """English is not loaded from the folder once ``rows`` stand in one of its files."""
    rows.to_parquet(path)
    with pytest.raises(DataError, match=message):
        load(["en"], path.parents[2])


def massive_rows(locale: str, split: str, each: int) -> dict[str, list]:
    """``each`` utterances an intent; translations share a number, and the files have them in different orders."""
    start = 1000 * SPLITS.index(split)
    numbers = range(start, start + each * len(INTENTS))
    order = sorted(numbers, reverse=locale == "de-DE")
    return {
        "id": [str(number) for number in order],
        "locale": [locale] * len(order),
        "partition": ["dev" if split == "validation" else split] * len(order),
        "intent": [number % len(INTENTS) for number in order],
        "utt": [UTTERANCES[locale][number % len(INTENTS)].format(number) for number in order],
        "annot_utt": [""] * len(order),
    }


def massive_file(locale: str, split: str, each: int = 4, names: list[str] = INTENTS) -> Dataset:
    features = Features(
        {
            name: ClassLabel(names=names) if name == "intent" else Value("string")
            for name in massive_rows(locale, split, 1)
        }
    )
    return Dataset.from_dict(massive_rows(locale, split, each), features=features)


def write_massive(folder: Path, locales: tuple[str, ...] = tuple(UTTERANCES), each: int = 4) -> Path:
    for locale in locales:
        for split in SPLITS:
            massive_file(locale, split, each).to_parquet(folder / locale / split / "0000.parquet")
    return folder


def panx_file(sentences: list[tuple[list[str], list[int]]], names: list[str] = TAGS) -> Dataset:
    features = Features(
        {"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=names)), "spans": Sequence(Value("string"))}
    )  # fmt: skip
    columns = {"tokens": [words for words, _ in sentences], "ner_tags": [tags for _, tags in sentences]}
    return Dataset.from_dict({**columns, "spans": [[]] * len(sentences)}, features=features)


def write_panx(folder: Path, languages: tuple[str, ...] = tuple(SENTENCES), copies: int = 1) -> Path:
    for language in languages:
        for split in SPLITS:
            panx_file(SENTENCES[language] * copies).to_parquet(folder / language / split / "0000.parquet")
    return folder
