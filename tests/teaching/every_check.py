"""What the check of every exercise owes its reader.

A test module of a notebook's checks imports these tests and gives the lists: ``SOLUTIONS`` with (check, answer), ``STUBS``
with (check, untouched stub), ``WRONG`` with (check, answer, a part of its hint). conftest.py runs the tests over them.
"""

from xlft_helpers.teaching.check.report import judge


def test_solution_is_accepted(solution):
    checker, answer = solution
    verdict = judge(checker, answer)
    assert verdict.status == "right", verdict.message


def test_untouched_stub_is_not_attempted(stub):
    checker, answer = stub
    assert judge(checker, answer).status == "not attempted"


def test_typical_mistake_gets_its_hint(mistake):
    checker, answer, hint = mistake
    verdict = judge(checker, answer)
    assert verdict.status == "wrong", verdict.message
    assert hint in verdict.message, verdict.message
