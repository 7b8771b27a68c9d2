"""The checks of notebook 04 accept the solution and explain typical mistakes."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from xlft_helpers.teaching import check
from xlft_helpers.teaching.check.report import judge

MAP = {"pos": "positive", "POS": "positive", "neg": "negative", "neu": "neutral", "misto": "neutral"}


def _digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _grams(text, n):
    return [text[i : i + n] for i in range(len(text) - n + 1)]


def _jaccard(one, other, n=3):
    first, second = set(_grams(one, n)), set(_grams(other, n))
    return len(first & second) / len(first | second) if first | second else 0.0


def _ids(rows, split):
    return {row["id"] for row in rows if row["split"] == split}


def _multiset(one, other, n):
    first, second = Counter(_grams(one, n)), Counter(_grams(other, n))
    return (first & second).total() / (first | second).total()


def _of_sets(combine):
    """A wrong Jaccard: some other combination of the two sets."""
    return lambda one, other, n: combine(set(_grams(one, n)), set(_grams(other, n)))


def _languages_of_split(rows, split):
    return {(row["id"], row["language"]) for row in rows if row["split"] == split}


def test_solutions_pass():
    verdicts = [
        judge(check.has_checksum, lambda path, sha256: _digest(path) == sha256.lower()),
        judge(check.label_map, MAP),
        judge(check.jaccard, _jaccard),
        judge(check.translated_leaks, lambda rows: _ids(rows, "train") & _ids(rows, "test")),
    ]
    assert [(verdict.status, verdict.message) for verdict in verdicts if verdict.status != "right"] == []


def test_stubs_are_not_attempted():
    assert judge(check.has_checksum, lambda path, sha256: ...).status == "not attempted"
    assert judge(check.label_map, ...).status == "not attempted"
    assert judge(check.jaccard, lambda one, other, n=3: ...).status == "not attempted"
    assert judge(check.translated_leaks, lambda rows: ...).status == "not attempted"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda path, sha256: hashlib.sha256(str(path).encode()).hexdigest() == sha256, "name"),
        (lambda path, sha256: hashlib.md5(Path(path).read_bytes()).hexdigest() == sha256, "right file is refused"),
        (lambda path, sha256: hashlib.sha256(Path(path).read_text().encode()).hexdigest() == sha256, "text mode"),
        (lambda path, sha256: True, "another checksum"),
        (lambda path, sha256: _digest(path)[:8] == sha256[:8].lower(), "beginning"),
        (lambda path, sha256: _digest(path) == sha256, "capital"),
        (lambda path, sha256: _digest(path), "True or False"),
    ],
)
def test_wrong_checksums_get_the_right_hint(answer, hint):
    verdict = judge(check.has_checksum, answer)
    assert verdict.status == "wrong"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ({"positive": "pos", "negative": "neg", "neutral": "neu"}, "turned round"),
        ({name: value for name, value in MAP.items() if name != "POS"}, "capitals"),
        ({name: value for name, value in MAP.items() if name != "misto"}, "misto"),
        (dict(zip(MAP, (2, 2, 0, 1, 1), strict=True)), "class numbers"),
        ({**MAP, "misto": "mixed"}, "Mixed feelings"),
        ({**MAP, "irony": "negative"}, "does not occur"),
        (["pos", "neg"], "dictionary"),
    ],
)
def test_wrong_maps_get_the_right_hint(answer, hint):
    verdict = judge(check.label_map, answer)
    assert verdict.status == "wrong"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (_multiset, "several times"),
        (_of_sets(lambda a, b: 2 * len(a & b) / (len(a) + len(b))), "Dice"),
        (_of_sets(lambda a, b: len(a & b) / (len(a) + len(b))), "union"),
        (_of_sets(lambda a, b: len(a & b)), "size of the intersection"),
        (_of_sets(lambda a, b: 1 - len(a & b) / len(a | b)), "distance"),
        (lambda a, b, n: len({*a.split()} & {*b.split()}) / len({*a.split()} | {*b.split()}), "words"),
        (lambda a, b, n: _jaccard(a[:-1], b[:-1], n), "last n-gram"),
        (lambda a, b, n: _jaccard(a, b, 3), "n = 2"),
        (lambda a, b, n: _jaccard(a, b, n) if min(len(a), len(b)) >= n else 1.0, "no trigram"),
        (_of_sets(lambda a, b: len(a & b) / len(a | b)), "ZeroDivisionError"),
    ],
)
def test_wrong_similarities_get_the_right_hint(answer, hint):
    verdict = judge(check.jaccard, answer)
    assert verdict.status == "wrong"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda rows: {i for i, _ in _languages_of_split(rows, "train") & _languages_of_split(rows, "test")}, "m1"),
        (lambda rows: len(_ids(rows, "train") & _ids(rows, "test")), "the ids themselves"),
        (lambda rows: (_ids(rows, "train") | _ids(rows, "dev")) & _ids(rows, "test"), "dev"),
        (lambda rows: {i for i, n in Counter(row["id"] for row in rows).items() if n > 1}, "m4"),
        (lambda rows: sorted(_ids(rows, "train") & _ids(rows, "test")), "list"),
        (lambda rows: {"m1"}, "same"),
        (lambda rows: _ids(rows, "train") | _ids(rows, "test") - {"m4"}, "one split"),
    ],
)
def test_wrong_leaks_get_the_right_hint(answer, hint):
    verdict = judge(check.translated_leaks, answer)
    assert verdict.status == "wrong"
    assert hint in verdict.message
