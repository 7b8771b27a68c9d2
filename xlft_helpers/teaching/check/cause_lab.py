"""The check of notebook 02's cause lab."""

from collections.abc import Sequence
from typing import Any

from .report import Wrong, call, exercise


@exercise
def fake_twin(answer: Any) -> str:
    """A sentence with its special pieces in Fake-English with inverted word order."""
    ids, words, shared = [0, 5, 9, 12, 3, 1], 10, {9}
    got = _ids(call(answer, list(ids), words, set(shared)))
    case = f"For {ids} with {words} words, of which 9 is shared, you returned {got}. "
    shifted = [piece if piece in {0, 1, 9} else piece + words for piece in ids]
    mistakes = {
        tuple(shifted): "The shift is right, but the words are in the English order. Turn them round.",
        tuple(shifted[::-1]): "You turned the whole input round: [SEP] is first now. Turn only what stands between.",
        (0, 3, 12, 9, 5, 1): "The order is right, but the ids are still English. Add the number of words to each.",
        (0, 13, 22, 19, 15, 1): "Word 9 is shared: it keeps its id in both languages.",
        (0, 13, 22, 9, 15, 11): "You shifted [SEP]. Special pieces belong to both languages.",
        (10, 13, 22, 9, 15, 11): "You shifted [CLS] and [SEP]. Special pieces belong to both languages.",
        (10, 13, 22, 19, 15, 11): "You shifted every piece. Special pieces and shared words keep their ids.",
        (
            0,
            16,
            25,
            9,
            18,
            1,
        ): "You shifted by all pieces, the three special ones too. The shift is the number of words.",
        (13, 22, 9, 15): "[CLS] and [SEP] are missing. Put the turned words back between them.",
    }
    expected = [0, 13, 22, 9, 15, 1]
    if tuple(got) in mistakes:
        raise Wrong(case + mistakes[tuple(got)])
    if sorted(got) == sorted(expected) and got != expected:
        raise Wrong(case + "The right pieces in a wrong order: [CLS], then the words from last to first, then [SEP].")
    if got != expected:
        raise Wrong(case + f"Expected {expected}: 5, 12 and 3 are shifted by 10; 9, [CLS] and [SEP] are not.")
    if _ids(call(answer, [0, 7, 8, 1], 100, {9, 8})) != [0, 8, 107, 1]:
        raise Wrong(
            "Right for 10 words with word 9 shared, but not for 100 words with 8 and 9 shared. Use the arguments."
        )
    return "Right: words are shifted and turned round, shared words keep their id, special pieces their place."


def _ids(got: Any) -> list[int]:
    if not isinstance(got, Sequence) or isinstance(got, str):
        raise Wrong(f"Expected a list of ids, got {type(got).__name__}.")
    return list(got)
