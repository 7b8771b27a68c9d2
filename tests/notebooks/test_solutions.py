"""The solutions edition runs from top to bottom in strict mode: every check accepts its solution."""

from pathlib import Path

import pytest

from xlft_helpers.execution import execute_file

SOLUTIONS = sorted((Path(__file__).resolve().parents[2] / "notebooks" / "solutions").glob("*.ipynb"))


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solutions_pass_strict(path, monkeypatch, record_notebook):
    monkeypatch.setenv("XLFT_STRICT", "1")
    run = execute_file(path)
    record_notebook(run)
    assert run.error is None


def test_there_are_solutions():
    assert len(SOLUTIONS) >= 5
