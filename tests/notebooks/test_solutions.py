"""The solutions edition runs from top to bottom in strict mode: every check accepts its solution."""

from pathlib import Path

import pytest

from xlft_helpers.execution import execute_file

SOLUTIONS = sorted((Path(__file__).resolve().parents[2] / "notebooks" / "solutions").glob("*.ipynb"))


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solutions_pass_strict(path, monkeypatch, record_property):
    monkeypatch.setenv("XLFT_STRICT", "1")
    run = execute_file(path)
    # For the table at the end of the test run.
    record_property("notebook", (run.name, run.seconds, run.peak_memory / 2**20))
    assert run.error is None


def test_there_are_solutions():
    assert len(SOLUTIONS) >= 5
