"""Checks of notebook 11."""

from typing import Any

import numpy as np

from .report import Wrong, call, exercise, number


@exercise
def top_k(answer: Any) -> str:
    """The share of texts whose label is among the k most probable classes."""
    probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25], [0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
    labels = np.array([1, 2, 2, 0, 2])
    # The label's place among the answers of each row: 2nd, 1st, 3rd, 3rd, 2nd.
    expected = {1: 0.2, 2: 0.6, 3: 1.0}
    got = {k: number(call(answer, probabilities.copy(), labels.copy(), k)) for k in (2, 1, 3)}
    case = f"For five texts and k = 2 you returned {got[2]:g}. "
    if _near(got[2], 0.2) and _near(got[3], 0.2):
        raise Wrong(case + "That is plain accuracy. Look at the k most probable classes, not at the first alone.")
    if _near(got[2], 0.4):
        raise Wrong(case + "You look at place k only. A label at place 1 counts for k = 2 as well.")
    if _near(got[2], 0.8):
        raise Wrong(
            case + "You took the k *least* probable classes: `argsort` sorts from small to large. Turn the sign of the "
            "probabilities."
        )
    if _near(got[2], 3):
        raise Wrong(case + "That is the number of texts. Divide by how many there are.")
    if _near(got[2], 0.3):
        raise Wrong(case + "You divide by k as well. A text counts once if its label is among the k.")
    for k, share in expected.items():
        if not _near(got[k], share):
            raise Wrong(
                f"For five texts and k = {k} you returned {got[k]:g}; {5 * share:.0f} of the 5 labels are there."
            )
    return "Right: 1, 3 and 5 of the 5 labels are among the first 1, 2 and 3 answers."


@exercise
def acceptance_threshold(answer: Any) -> str:
    """The largest threshold that still answers at least the wanted share of the dev commands."""
    confidence = np.array([0.31, 0.95, 0.62, 0.88, 0.47, 0.99, 0.70, 0.91, 0.83, 0.78])
    got = number(call(answer, confidence.copy(), 0.8))
    answered = float((confidence >= got).mean())
    case = f"For ten confidences and a share of 0.8 you returned {got:g}, which answers {10 * answered:.0f} of the 10. "
    if _near(got, 0.8):
        raise Wrong(case + "0.8 is the *share* to answer. The threshold is a confidence that you look up.")
    if _near(answered, 0.2):
        raise Wrong(case + "That answers the wrong end: count from the most confident command downwards.")
    if answered < 0.8:
        raise Wrong(case + "Too strict: at least 8 of the 10 commands have to be answered (at or above the threshold).")
    if answered > 0.8:
        raise Wrong(
            case + "Too lenient: a higher threshold still answers 8, and turns away more of what is out of scope."
        )
    if not _near(got, 0.62):
        raise Wrong(
            case + "That answers the right number, but the *largest* such threshold is the eighth confidence, 0.62."
        )
    everything = number(call(answer, confidence.copy(), 1.0))
    if not _near(everything, 0.31):
        raise Wrong(
            f"With a share of 1.0 every command has to be answered: 0.31, the smallest. You returned {everything:g}."
        )
    return "Right: at 0.62, 8 of the 10 commands are answered, and any larger threshold would lose one."


@exercise
def answered_risk(answer: Any) -> str:
    """Risk among what is answered, when out-of-scope texts are always wrong."""
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.95, 0.75, 0.5, 0.4])
    correct = np.array([True, True, False, True, False, False, True, False])
    got = number(call(answer, confidence.copy(), correct.copy(), 0.7))
    case = f"For a threshold of 0.7 you returned {got:.3f}. "
    if _near(got, 3 / 8):
        raise Wrong(case + "You divide by *all* texts. Risk is a share of the answered ones.")
    if _near(got, 2 / 5):
        raise Wrong(case + "That is the share of answered texts that is *right*. Risk is the share that is wrong.")
    if _near(got, 1 / 2):
        raise Wrong(case + "Close: a confidence *equal* to the threshold is answered too, or you looked at all texts.")
    if _near(got, 1 / 3):
        raise Wrong(case + "That is the risk of what is *not* answered.")
    if _near(got, 5 / 8):
        raise Wrong(case + "That is the coverage: the share of texts that is answered.")
    if not _near(got, 3 / 5):
        raise Wrong(case + "Five texts are answered and three of those answers are wrong: 3 / 5.")
    try:
        nothing = answer(confidence.copy(), correct.copy(), 0.99)
    except ZeroDivisionError:
        nothing = np.nan
    if isinstance(nothing, (float, np.floating)) and np.isnan(nothing):
        raise Wrong(
            "With a threshold of 0.99 nothing is answered, and your function divides by zero. Nothing answered is no risk: 0."
        )
    if not _near(number(nothing), 0):
        raise Wrong(f"With a threshold of 0.99 nothing is answered: the risk is 0. You returned {nothing}.")
    return "Right: 3 of the 5 answers are wrong, and where nothing is answered nothing is risked."


def _near(value: float, expected: float) -> bool:
    return abs(value - expected) < 1e-6
