"""Checks of notebook 14."""

from typing import Any

import numpy as np

from .report import NotAttempted, Wrong, call, exercise


@exercise
def messages_to_label(answer: Any) -> str:
    """The rows with the smallest margins, the smallest first, and of no language more than allowed."""
    probabilities = np.array(
        [[0.50, 0.45, 0.05], [0.40, 0.31, 0.29], [0.90, 0.06, 0.04], [0.02, 0.49, 0.49], [0.44, 0.28, 0.28], [0.48, 0.45, 0.07]]
    )  # fmt: skip
    languages = ["fr", "de", "ar", "fr", "de", "fr"]
    got = _whole_numbers(call(answer, probabilities.copy(), np.array(languages), 3, 2), "row numbers")
    case = f"For the rows {probabilities.tolist()} in {languages}, k = 3 and most = 2 you gave {got}. "
    reasons = {
        (2, 4, 1): "These have the *largest* margins: the model is surest of them.",
        (1, 4, 2): "These have the *largest* margins. Sort from small to large.",
        (1, 4, 5): "These have the lowest *confidence*. A margin is the best probability minus the second best.",
        (3, 5, 0): "These have the smallest margins, but all three are French, and 2 of a language are allowed.",
        (3, 5): "You chose k rows and then dropped one. Go on to the next row where a language is full.",
        (3, 1, 2): "That is one of each language, and 2 are allowed.",
        (1, 3, 5): "The right rows, but the smallest margin comes first: 0.00, 0.03, 0.09.",
        (3, 5, 1, 4, 2): "Stop as soon as k rows are chosen.",
        (0, 1, 2): "These are the first rows. Return row *numbers* in the order of their margins.",
    }
    if tuple(got) in reasons:
        raise Wrong(case + reasons[tuple(got)])
    if len(got) != 3:
        raise Wrong(case + "Expected k = 3 row numbers.")
    if got != [3, 5, 1]:
        raise Wrong(case + "The margins are 0.05, 0.09, 0.84, 0.00, 0.16, 0.03; two French rows fit, then row 1.")
    two, languages = np.array([[0.2, 0.8], [0.45, 0.55], [0.7, 0.3], [0.52, 0.48], [0.95, 0.05]]), [*"abab", "c"]
    got = _whole_numbers(call(answer, two, np.array(languages), 2, 1), "row numbers")
    if got != [3, 2]:
        raise Wrong(
            f"Right for three classes, but for {two.tolist()} in {languages}, k = 2 and most = 1 you gave {got}, and [3, 2] "
            "is expected. Is a number of classes, k or most written into it?"
        )
    return "Right: the smallest margins, and never more than `most` of a language, so that none takes the whole budget."


@exercise
def pseudo_labels(answer: Any) -> str:
    """The most probable class where its probability reaches the threshold, else -1."""
    probabilities = np.array([[0.10, 0.10, 0.80], [0.95, 0.03, 0.02], [0.20, 0.75, 0.05], [0.05, 0.90, 0.05]])
    got = _whole_numbers(call(answer, probabilities.copy(), 0.8), "class indices")
    case = f"For the rows {probabilities.tolist()} and a threshold of 0.8 you gave {got}. "
    reasons = {
        (-1, 0, -1, 1): "The first row has exactly 0.8, and *at least* the threshold is asked for: use >=.",
        (2, 0, 1, 1): "Row 2 has 0.75 at most, below the threshold: it gets -1.",
        (-1, -1, 1, -1): "You kept what is *below* the threshold.",
        (2, 0, 1): "One row was dropped. Return one number a row, -1 where there is no label.",
        (2, 0, 0, 1): "Row 2 got class 0, as if it were sure of it. Not sure is -1; 0 is a class.",
        (1, 1, 0, 1): "That says *whether* a row is sure. Return its class, or -1.",
    }
    if tuple(got) in reasons:
        raise Wrong(case + reasons[tuple(got)])
    if len(got) != 4:
        raise Wrong(case + "Return one number a row, -1 where there is no label.")
    if got != [2, 0, -1, 1]:
        raise Wrong(case + "Expected [2, 0, -1, 1].")
    got = _whole_numbers(call(answer, np.array([[0.6, 0.4]]), 0.5), "class indices")
    if got != [0]:
        raise Wrong(f"Right for 0.8, but for [[0.6, 0.4]] and 0.5 you gave {got}. Is the threshold written into it?")
    return "Right: 2, 0, none, 1. A threshold keeps fewer labels and better ones, as long as sure means right."


@exercise
def piece_start(answer: Any) -> str:
    """The mean of the old pieces' rows, or None where one of them is unknown or there is none."""
    table = np.array([[0.0, 0.0], [9.0, 9.0], [1.0, 2.0], [3.0, 6.0], [5.0, 1.0]])

    def once(ids: list[int]) -> Any:
        if not callable(answer):
            call(answer)
        # `call` takes None for a forgotten `return`; here it is an answer, so it comes in a tuple.
        (got,) = call(lambda: (answer(table.copy(), ids, 1),))
        if got is ...:
            raise NotAttempted
        return got

    got = once([2, 3, 4])
    case = "For ids = [2, 3, 4] you gave "
    if got is None:
        raise Wrong(case + "None. All three pieces are known (unknown is 1): the mean of their rows is expected.")
    try:
        vector = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(case + f"{got!r}; a vector of 2 numbers is expected.") from None
    reasons = [
        ([3.0], "one number. The mean goes over the pieces (axis 0), not over the dimensions."),
        ([9.0, 9.0], "the *sum* of the rows. Divide by the number of pieces."),
        ([1.5, 4.5, 3.0], "a mean of each row. Take the mean over the pieces: axis 0."),
        ([1.0, 2.0], "the first piece's row only. Take the mean of all of them."),
    ]
    for wrong, reason in reasons:
        if vector.size == len(wrong) and np.allclose(vector, wrong):
            raise Wrong(case + reason)
    if vector.shape != (2,) or not np.allclose(vector, [3.0, 3.0]):
        raise Wrong(case + f"{np.round(vector, 2).tolist()}; the mean of [1, 2], [3, 6] and [5, 1] is [3, 3].")
    for ids, why in (([2, 1], "the unknown piece, 1, is among them"), ([], "there are no ids")):
        if (got := once(ids)) is not None:
            hint = "It must be looked for before the mean is taken." if ids else "A mean of nothing is no start."
            raise Wrong(f"Right for known pieces. For ids = {ids} expected None, since {why}; you gave {got!r}. {hint}")
    return "Right: [3, 3] for known pieces; None, and so a drawn row, where the old tokenizer could not read."


def _whole_numbers(got: Any, what: str) -> list[int]:
    values = np.asarray(got) if not isinstance(got, str) else np.empty((0, 0))
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iub"):
        raise Wrong(f"Expected {what} in one list or array, got {type(got).__name__}: {got!r}.")
    return [int(value) for value in values]
