"""Check the bundled corpus as one would a data set to publish, and write the figures of its data card.

    python tools/check_tweets.py            # check; exit 1 on a violation
    python tools/check_tweets.py --card     # also write the measured part of DATA_CARD.md

The blind second labels are in ``second_labels.tsv`` beside the corpus: one row a test id, one column a language.
"""

import argparse
import csv
import re
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import py3langid
from sklearn.metrics import cohen_kappa_score

from xlft_helpers.data import language_name, languages_of, load_tweets, select_language
from xlft_helpers.data.cleaning import near_duplicates
from xlft_helpers.evaluation import baseline_predictions, bootstrap_macro_f1

FOLDER = Path(__file__).resolve().parent.parent / "xlft_helpers" / "data" / "corpora" / "tweets"
LABELS = ("negative", "neutral", "positive")
SIZES = {"train": {"en": 480, "other": 120}, "dev": {"en": 60, "other": 30}, "test": {"en": 150, "other": 150}}
TOPICS = 15
NEAR = 0.3
"""Jaccard similarity of character trigrams from which two messages count as near-duplicates."""
MARK = "<!-- measured: written by tools/check_tweets.py --card -->"


def rows() -> pd.DataFrame:
    """All rows of all languages, as read from the files."""
    frames = []
    for path in sorted(FOLDER.glob("??.tsv")):
        frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
        frames.append(frame.assign(language=path.stem))
    return pd.concat(frames, ignore_index=True)


def violations(frame: pd.DataFrame) -> list[str]:
    """Everything in the corpus that its own rules forbid."""
    found = []
    for (language, split), part in frame.groupby(["language", "split"]):
        size = SIZES[split]["en" if language == "en" else "other"]
        place = f"{language} {split}"
        if len(part) != size:
            found.append(f"{place}: {len(part)} rows, {size} expected")
        for column, kinds in (("label", len(LABELS)), ("topic", TOPICS)):
            uneven = {key: count for key, count in Counter(part[column]).items() if count != size / kinds}
            if uneven or part[column].nunique() != kinds:
                found.append(f"{place}: {column} is not balanced: {uneven}")
        if part["id"].duplicated().any():
            found.append(f"{place}: an id occurs twice")
    test = frame[frame["split"] == "test"]
    for column in ("label", "topic"):
        kinds = test.groupby("id")[column].agg(set)
        found += [f"test: {column} of {name} differs between languages" for name in kinds.index[kinds.str.len() > 1]]
    for row in frame.itertuples():
        if (
            re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]|https?:|www\.|@(?!user\b)\w", row.text)
            or row.text != row.text.strip()
        ):
            found.append(f"{row.language} {row.id}: a control character, a link, a mention or white space at an end")
    for language, part in frame.groupby("language"):
        texts = list(part["text"])
        ids = list(part["id"])
        found += [f"{language}: near-duplicates {ids[a]} and {ids[b]}" for a, b in _pairs(texts)]
    return found


def _pairs(texts: list[str]) -> list[tuple[int, int]]:
    return [(pair[0], pair[1]) for pair in near_duplicates(texts, threshold=NEAR)]


def language_agreement(frame: pd.DataFrame) -> pd.Series:
    """Share of the messages that py3langid puts into their own language, among the corpus's ten."""
    py3langid.set_languages(sorted(frame["language"].unique()))
    clean = frame["text"].str.replace(r"@user|\bhttp\b|#", " ", regex=True)
    identified = [py3langid.classify(text)[0] for text in clean]
    return (pd.Series(identified, index=frame.index) == frame["language"]).groupby(frame["language"]).mean()


def label_agreement(frame: pd.DataFrame) -> pd.DataFrame:
    """Agreement of the corpus's labels with the blind second labels on the test set, by language."""
    second = pd.read_csv(FOLDER / "second_labels.tsv", sep="\t", dtype=str).set_index("id")
    test = frame[frame["split"] == "test"]
    table = []
    for language, part in test.groupby("language", sort=False):
        first, other = part["label"].to_numpy(), second.loc[part["id"], language].to_numpy()
        table.append(
            {"language": language, "agreement": (first == other).mean(), "kappa": cohen_kappa_score(first, other)}
        )
    return pd.DataFrame(table).set_index("language")


def card_table() -> str:
    """The measured part of the data card as Markdown."""
    frame = rows()
    data = load_tweets()
    identified, agreement = language_agreement(frame), label_agreement(frame)
    lines = [
        "| language | train / dev / test | identified as itself | second labels agree | Cohen's κ | TF-IDF macro-F1 [95 %] |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for code in languages_of(data):
        parts = {split: select_language(part, code) for split, part in data.items()}
        answers = baseline_predictions("tfidf", parts["train"], parts["test"], seed=0)
        interval = bootstrap_macro_f1(parts["test"]["label"], answers, len(LABELS))
        low, middle, high = (100 * value for value in (interval.low, interval.estimate, interval.high))
        lines.append(
            f"| {language_name(code)} ({code}) | {' / '.join(str(len(part)) for part in parts.values())} "
            f"| {100 * identified[code]:.1f} % | {100 * agreement.loc[code, 'agreement']:.1f} % "
            f"| {agreement.loc[code, 'kappa']:.2f} | {middle:.1f} [{low:.1f}, {high:.1f}] |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--card", action="store_true", help="write the measured part of DATA_CARD.md")
    options = parser.parse_args()
    found = violations(rows())
    print("\n".join(found) or "The corpus keeps its rules.")
    if options.card:
        path = FOLDER / "DATA_CARD.md"
        before = path.read_text(encoding="utf-8").partition(MARK)[0]
        path.write_text(f"{before}{MARK}\n\n{card_table()}\n", encoding="utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
