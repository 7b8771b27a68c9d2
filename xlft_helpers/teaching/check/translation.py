"""Checks of notebook 10."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .report import Wrong, call, exercise, number

_PAIRS = (("abcabdab", "abccb"), ("ouvrir le fichier", "ouvre le fichier"))


@exercise
def ngram_f_score(answer: Any) -> str:
    """The F-score of the character n-grams of one text, for one n."""
    translation, reference = _PAIRS[1]
    if _near(number(call(answer, *_PAIRS[0], 2)), _f(_PAIRS[0], 2)) and _near(
        number(call(answer, translation, reference, 3)), _f(_PAIRS[1], 3)
    ):
        if number(call(answer, "abc", "xyz", 2)) != 0:
            raise Wrong("Two texts without a common bigram should score 0.")
        return (
            "Right: clipped counts, recall twice as important. chrF takes such precisions and recalls for n = 1 to 6."
        )
    got = number(call(answer, *_PAIRS[0], 2))
    case = f"For the translation {_PAIRS[0][0]!r}, the reference {_PAIRS[0][1]!r} and n = 2 you returned {got:.4f}. "
    if _near(got, 100 * _f(_PAIRS[0], 2)):
        raise Wrong(case + "Return a share between 0 and 1, not a percentage.")
    if _near(got, _f(_PAIRS[0], 2, beta=1)):
        raise Wrong(case + "That is the F-score with β = 1. Use the β that the function is given.")
    if _near(got, _f(_PAIRS[0][::-1], 2)):
        raise Wrong(case + "Precision and recall are exchanged: precision divides by the n-grams of the *translation*.")
    if _near(got, _f(_PAIRS[0], 2, clip=False)):
        raise Wrong(
            case
            + "'ab' stands three times in the translation and once in the reference: it may count once. Take the smaller count."
        )
    if _near(got, _f(_PAIRS[0], 2, distinct=True)):
        raise Wrong(
            case + "You count *different* n-grams. An n-gram counts as often as it occurs; use a Counter, not a set."
        )
    for name, value in (("precision", 2 / 7), ("recall", 2 / 4)):
        if _near(got, value):
            raise Wrong(case + f"That is the {name} alone; put both into the formula.")
    if _near(got, _f(_PAIRS[0], 2)):
        raise Wrong(
            f"The first example is right, but not {translation!r} against {reference!r} with n = 3. Spaces do not count: "
            "take them out first."
        )
    raise Wrong(
        case + f"Expected {_f(_PAIRS[0], 2):.4f}: 2 common bigrams of 7 in the translation and 4 in the reference."
    )


@exercise
def decoder_input(answer: Any) -> str:
    """What the decoder reads while it learns the labels."""
    labels, start, padding = [[7, 8, 9, 3], [5, 3, -100, -100]], 2, 0
    expected = [[2, 7, 8, 9], [2, 5, 3, 0]]
    got = _rows(call(answer, [list(row) for row in labels], start, padding))
    case = f"For the labels {labels}, start = {start} and padding = {padding} you returned {got}. "
    if got == expected:
        return "Right: the piece to predict is never among those that are read. In place of -100, which is no piece, stands padding."
    if got == labels or got == [[7, 8, 9, 3], [5, 3, 0, 0]]:
        raise Wrong(
            case + "The decoder would read the very piece it is to predict. Move the row one place to the right."
        )
    if got == [[2, *row] for row in labels] or got == [[2, 7, 8, 9, 3], [2, 5, 3, 0, 0]]:
        raise Wrong(
            case + "The rows are one longer than the labels. Nothing comes after the end piece: drop the last one."
        )
    if got == [[2, 7, 8, 9], [2, 5, 3, -100]]:
        raise Wrong(
            case + "-100 is a sign for the loss and no piece; the embedding table has no such row. Put padding there."
        )
    if got == [[8, 9, 3, 0], [3, 0, 0, 0]] or got == [[8, 9, 3, 2], [3, 0, 0, 2]]:
        raise Wrong(case + "You shifted to the left: the decoder would read the future.")
    if got == [[0, 7, 8, 9], [0, 5, 3, 0]]:
        raise Wrong(case + "The rows begin with padding; they begin with the start piece.")
    raise Wrong(case + f"Expected {expected}.")


_TREE: dict[tuple[str, ...], dict[str, float]] = {
    (): {"a": 0.5, "b": 0.3, "c": 0.2},
    ("a",): {"x": 0.4, "y": 0.35, "z": 0.25},
    ("b",): {"x": 0.1, "y": 0.8, "z": 0.1},
    ("c",): {"x": 0.95, "y": 0.03, "z": 0.02},
    ("a", "x"): {"p": 0.6, "q": 0.4},
    ("a", "y"): {"p": 0.3, "q": 0.7},
    ("a", "z"): {"p": 0.5, "q": 0.5},
    ("b", "x"): {"p": 0.5, "q": 0.5},
    ("b", "y"): {"p": 0.55, "q": 0.45},
    ("b", "z"): {"p": 0.5, "q": 0.5},
    ("c", "x"): {"p": 0.98, "q": 0.02},
    ("c", "y"): {"p": 0.5, "q": 0.5},
    ("c", "z"): {"p": 0.5, "q": 0.5},
}


def _step(prefix: Sequence[str]) -> dict[str, float]:
    return dict(_TREE[tuple(prefix)])


def _beam(width: int, length: int) -> list[tuple[tuple[str, ...], float]]:
    beams: list[tuple[tuple[str, ...], float]] = [((), 1.0)]
    for _ in range(length):
        grown = [((*prefix, piece), p * q) for prefix, p in beams for piece, q in _TREE[prefix].items()]
        beams = sorted(grown, key=lambda beam: -beam[1])[:width]
    return beams


@exercise
def beam_search(answer: Any) -> str:
    """The sequence that beam search of a given width finds."""
    found = {width: _sequence(call(answer, _step, width, 3)) for width in (1, 2, 3)}
    wanted = {width: _beam(width, 3)[0][0] for width in (1, 2, 3)}  # a x p, b y p, c x p
    if found == wanted:
        return (
            "Right. Width 1 is greedy and ends at a probability of 0.12; width 2 finds 0.13 and width 3 finds 0.19, by "
            "keeping the beginning that looked worst."
        )
    case = f"With widths 1, 2 and 3 you found {[' '.join(map(str, found[width])) for width in (1, 2, 3)]}. "
    if len(set(found.values())) == 1 and found[1] == wanted[1]:
        raise Wrong(
            case + "That is greedy search for every width: keep the `width` most probable prefixes after each step."
        )
    if len(set(found.values())) == 1 and found[1] == wanted[3]:
        raise Wrong(
            case + "That is the best of all sequences, whatever the width. Cut the list to `width` after *each* step."
        )
    if any(len(sequence) != 3 for sequence in found.values()):
        raise Wrong(case + "The sequences should be 3 pieces long: extend the beams `length` times.")
    if any(sequence[-1] == "q" and sequence[:2] == ("c", "x") for sequence in found.values()):
        raise Wrong(case + "You keep the *least* probable prefixes. Sort by falling probability.")
    if all(found[width][0] == "a" for width in (2, 3)):
        raise Wrong(
            case
            + "The beginnings 'b' and 'c' are lost. Rank prefixes by the product of *all* their probabilities, and rank "
            "the extensions of all beams together."
        )
    raise Wrong(case + f"Expected {[' '.join(sequence) for sequence in wanted.values()]}.")


def _f(pair: Sequence[str], n: int, beta: float = 2, clip: bool = True, distinct: bool = False) -> float:
    grams = [Counter(t[i : i + n] for i in range(len(t) - n + 1)) for t in ("".join(text.split()) for text in pair)]
    if distinct:
        grams = [Counter(set(found)) for found in grams]
    translation, reference = grams
    shared = (
        (translation & reference).total() if clip else sum(c for gram, c in translation.items() if gram in reference)
    )
    precision, recall = shared / translation.total(), shared / reference.total()
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall) if shared else 0.0


def _rows(value: Any) -> list[list[Any]]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or not all(isinstance(row, (list, tuple)) for row in value):
        raise Wrong("Expected a list with a list of numbers for each row of labels.")
    return [list(row) for row in value]


def _sequence(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise Wrong(f"Expected the best sequence as a list or tuple of pieces, got {type(value).__name__}.")
    if len(value) == 2 and isinstance(value[0], (list, tuple)):
        raise Wrong("Return the best sequence alone, without its probability.")
    return tuple(value)


def _near(first: float, second: float) -> bool:
    return abs(first - second) < 1e-6
