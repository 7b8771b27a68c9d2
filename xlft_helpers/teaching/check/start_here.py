"""Checks of notebook 00."""

from typing import Any

from .report import Wrong, call, exercise


@exercise
def most_confident(answer: Any) -> str:
    """The index of the most confident row of a table of probabilities."""
    probabilities = [[0.2, 0.5, 0.3], [0.05, 0.05, 0.9], [0.6, 0.3, 0.1]]
    got = call(answer, probabilities)
    if isinstance(got, float):
        raise Wrong(f"You returned {got}, a probability. The question is *which row* holds it: return its index.")
    if got == 2:
        raise Wrong(
            "Row 2 holds the highest probability of class 0. Confidence is the highest probability of a row, whichever class it belongs to."
        )
    if got == 0:
        raise Wrong("Row 0 is the *least* confident one: its best class has only 0.5. Look for the largest maximum.")
    if got != 1:
        raise Wrong(
            f"Expected the index of a row (0, 1 or 2), got {got!r}. Take the maximum of each row, then the row where it is largest."
        )
    ties = call(answer, [[0.5, 0.5], [0.1, 0.9], [0.9, 0.1]])
    if ties not in (1, 2):
        raise Wrong(
            f"On a second table, with two classes, you returned {ties!r}. Does your function assume three classes?"
        )
    return "Right: confidence is the maximum of a row, and row 1 has the largest maximum, 0.9."


@exercise
def majority_macro_f1(answer: Any) -> str:
    """Macro-F1, in points, of always answering one of three balanced labels."""
    if not isinstance(answer, (int, float)):
        raise Wrong(f"Expected a number of points between 0 and 100, got {type(answer).__name__}.")
    if abs(answer - 33.3) < 0.5:
        raise Wrong(
            "33.3 is the *accuracy* of the constant answer. Macro-F1 averages three F1 scores, and two of them are zero."
        )
    if abs(answer - 50) < 0.5:
        raise Wrong(
            "50 is the F1 of the one label that is ever answered (precision 1/3, recall 1). Now average it with the two labels that are never answered."
        )
    if 0 < answer < 1:
        raise Wrong(f"{answer} looks like a share. The course gives scores in points: multiply by 100.")
    if abs(answer - 100 / 6) > 0.1:
        raise Wrong(
            "Not quite. The label that is answered has precision 1/3 and recall 1; F1 = 2·P·R / (P + R). The other two have F1 = 0. Average the three."
        )
    return "Right: F1 is 50 for the label that is answered and 0 for the others, so macro-F1 is 50 / 3 = 16.7 points."
