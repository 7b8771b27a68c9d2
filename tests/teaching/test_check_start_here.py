"""The checks of notebook 00 accept the solution and explain typical mistakes."""

import numpy as np
import pytest

from xlft_helpers.teaching import check
from xlft_helpers.teaching.check.report import judge


def test_solutions_pass():
    assert judge(check.most_confident, lambda rows: int(np.argmax([max(row) for row in rows]))).status == "right"
    assert judge(check.majority_macro_f1, 50 / 3).status == "right"


def test_stubs_are_not_attempted():
    assert judge(check.most_confident, lambda rows: ...).status == "not attempted"
    assert judge(check.majority_macro_f1, ...).status == "not attempted"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda rows: max(max(row) for row in rows), "return its index"),
        (lambda rows: int(np.argmax([row[0] for row in rows])), "class 0"),
        (lambda rows: int(np.argmin([max(row) for row in rows])), "least"),
        (lambda rows: int(np.argmax([row[2] for row in rows])), "three classes|raised"),
        (lambda rows: "one", "index of a row"),
    ],
)
def test_wrong_rows_get_the_right_hint(answer, hint):
    import re

    verdict = judge(check.most_confident, answer)
    assert verdict.status == "wrong"
    assert re.search(hint, verdict.message)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [(100 / 3, "accuracy"), (50, "never answered"), (1 / 6, "points"), (25, "recall 1"), ("17", "number")],
)
def test_wrong_baselines_get_the_right_hint(answer, hint):
    verdict = judge(check.majority_macro_f1, answer)
    assert verdict.status == "wrong"
    assert hint in verdict.message
