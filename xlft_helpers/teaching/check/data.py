"""Checks of notebook 04."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .report import Wrong, call, exercise, number


@exercise
def has_checksum(answer: Any) -> str:
    """Whether a file has the SHA-256 that was published."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.tsv"
        path.write_bytes("neutre\tÀ 9 h\r\n".encode())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        got = _truth(call(answer, path, digest))
        if not got:
            if _truth(call(answer, path, hashlib.sha256(str(path).encode()).hexdigest())):
                raise Wrong("You hash the file's *name*. Hash what is in it: Path(path).read_bytes().")
            raise Wrong(
                "The right file is refused. Hash its bytes as they are (a text mode changes line ends), and compare "
                "`hexdigest()`, not `digest()`, with the published digits."
            )
        if _truth(call(answer, path, "0" * 64)):
            raise Wrong("A file with another checksum is accepted. Compare the digest with the argument `sha256`.")
        if _truth(call(answer, path, digest[:12] + "0" * 52)):
            raise Wrong("Only the beginning of the digest is compared. Compare all 64 digits.")
        if not _truth(call(answer, path, digest.upper())):
            raise Wrong("A checksum in capital letters is refused. It is the same number: compare in lower case.")
        path.write_bytes(path.read_bytes()[:-1])
        if _truth(call(answer, path, digest)):
            raise Wrong("A file that lost its last byte is accepted. Read the bytes and strip nothing.")
    return "Right: the whole file, all 64 digits, in either case of letters; one lost byte is enough to refuse."


@exercise
def label_map(answer: Any) -> str:
    """A map from every spelling of a label to the name to use."""
    expected = {"pos": "positive", "POS": "positive", "neg": "negative", "neu": "neutral", "misto": "neutral"}
    if not isinstance(answer, dict):
        raise Wrong(f"Expected a dictionary from the file's names to the names to use, got {type(answer).__name__}.")
    if set(answer) & {"positive", "negative", "neutral"} and not set(answer) & set(expected):
        raise Wrong("The map is turned round. Its keys are the names in the *file*, its values the names to use.")
    missing = [name for name in expected if name not in answer]
    if missing == ["POS"]:
        raise Wrong("'POS' is missing. A map does not know that capitals mean the same: name every spelling.")
    if missing:
        raise Wrong(f"{', '.join(map(repr, missing))} missing. Every name that occurs in the file needs an entry.")
    numbers = [value for value in answer.values() if not isinstance(value, str)]
    if numbers:
        raise Wrong(f"{numbers[0]!r} is not a name. Map to names; the class numbers come later, from one common list.")
    for name, value in expected.items():
        if answer[name] != value:
            hint = " Mixed feelings count as neutral here." if name == "misto" else ""
            raise Wrong(f"{name!r} is mapped to {answer[name]!r}; expected {value!r}.{hint}")
    extra = [name for name in answer if name not in expected]
    if extra:
        raise Wrong(f"{extra[0]!r} does not occur in the file. An entry that is not needed can hide a slip: remove it.")
    return "Right: five spellings, three names, and nothing left to guess."


@exercise
def jaccard(answer: Any) -> str:
    """Jaccard similarity of the sets of character n-grams of two texts."""
    got = number(call(answer, "aaaab", "aaab", 2), "a number between 0 and 1")
    if _near(got, 3 / 4) or _near(got, 3 / 7):
        raise Wrong("You count repeated n-grams several times. 'aaaab' has the n-grams aa and ab: use sets.")
    case = "For 'good day' and 'good dad' with n = 3 "
    one, other = _grams("good day", 3), _grams("good dad", 3)
    shared, union = len(one & other), len(one | other)
    got = number(call(answer, "good day", "good dad", 3), "a number between 0 and 1")
    if _near(got, 2 * shared / (len(one) + len(other))):
        raise Wrong(case + f"you returned {got:.3f}, the *Dice* coefficient. Jaccard divides by the size of the union.")
    if _near(got, shared / (len(one) + len(other))):
        raise Wrong(case + "you divide by |A| + |B|. The union counts what is shared only once.")
    if _near(got, shared):
        raise Wrong(case + "you returned the size of the intersection. Divide it by the size of the union.")
    if _near(got, 1 - shared / union):
        raise Wrong(case + "you returned the Jaccard *distance*, 1 - J.")
    if _near(got, 1 / 3):
        raise Wrong(case + "you compare *words*. Take every three characters in a row, spaces included.")
    if _near(got, 1):
        raise Wrong(
            case + "you returned 1. The texts differ in their last n-gram: one of length m has m - n + 1 of them."
        )
    if not _near(got, shared / union):
        raise Wrong(case + f"you returned {got:.3f}; the sets share {shared} of {union} n-grams.")
    bigrams = _grams("good day", 2), _grams("good dad", 2)
    if not _near(
        number(call(answer, "good day", "good dad", 2), "a number between 0 and 1"),
        len(bigrams[0] & bigrams[1]) / len(bigrams[0] | bigrams[1]),
    ):
        raise Wrong("Right for n = 3, but not for n = 2. Use the argument `n`.")
    if not _near(number(call(answer, "ok", "ok", 3), "a number between 0 and 1"), 0):
        raise Wrong("'ok' has no trigram: both sets are empty, and the similarity should be 0.0.")
    return f"Right: {shared} shared n-grams of {union}, J = {shared / union:.3f}; and 0.0 where there are none."


@exercise
def translated_leaks(answer: Any) -> str:
    """The ids that stand in train and in test, in whatever language."""
    rows = [
        {"id": "m1", "language": "fr", "split": "train"},
        {"id": "m1", "language": "en", "split": "test"},
        {"id": "m2", "language": "en", "split": "train"},
        {"id": "m2", "language": "en", "split": "test"},
        {"id": "m3", "language": "en", "split": "test"},
        {"id": "m3", "language": "ar", "split": "test"},
        {"id": "m4", "language": "de", "split": "dev"},
        {"id": "m4", "language": "en", "split": "test"},
        {"id": "m5", "language": "de", "split": "train"},
        {"id": "m5", "language": "fr", "split": "train"},
    ]
    got = call(answer, [dict(row) for row in rows])
    if isinstance(got, (int, np.integer)):
        raise Wrong("You returned a number. Return the ids themselves, so that they can be looked up.")
    try:
        found = set(got)
    except TypeError as error:
        raise Wrong(f"Expected a set of ids, got {type(got).__name__}.") from error
    if found == {"m2"}:
        raise Wrong(
            "You found m2 only, which leaks within one language. m1 is in train in French and in test in English."
        )
    if found == {"m1"}:
        raise Wrong("m2 is missing: it stands in train and in test in the *same* language, which leaks just as well.")
    if "m4" in found:
        raise Wrong("m4 is in dev and in test. Here only train against test is asked for.")
    if "m3" in found or "m5" in found:
        raise Wrong("m3 (twice in test) and m5 (twice in train) stay within one split: several languages are no leak.")
    if found != {"m1", "m2"}:
        raise Wrong(f"You returned {sorted(map(str, found))}; m1 and m2 stand in train and in test.")
    if not isinstance(got, (set, frozenset)):
        raise Wrong(f"The ids are right, but you returned a {type(got).__name__}; return a set, each id once.")
    return "Right: m1 leaks across languages and m2 within one; splitting by id prevents both."


def _grams(text: str, n: int) -> set[str]:
    return {text[start : start + n] for start in range(len(text) - n + 1)}


def _truth(value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise Wrong(f"Expected True or False, got {type(value).__name__}. Return the result of a comparison.")
    return bool(value)


def _near(value: float, expected: float) -> bool:
    return abs(value - expected) < 1e-9
