"""Every committed notebook keeps the contract, is fresh, and its two editions differ only where they should."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks import rules
from xlft_helpers.execution import NotebookRun

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import build_notebooks  # noqa: E402

SOURCES = sorted((ROOT / "notebooks" / "source").glob("*.py"))
EDITIONS = [(source, edition) for source in SOURCES for edition in build_notebooks.EDITIONS]
NAMES = [f"{edition}-{source.stem}" for source, edition in EDITIONS]


def committed(source: Path, edition: str) -> nbformat.NotebookNode:
    return nbformat.read(build_notebooks.EDITIONS[edition] / f"{source.stem}.ipynb", as_version=4)


@pytest.mark.parametrize(("source", "edition"), EDITIONS, ids=NAMES)
def test_notebook_is_made_from_its_source(source, edition):
    assert not build_notebooks.is_stale(source, edition), f"run: python tools/build_notebooks.py {source.stem[:2]}"


@pytest.mark.parametrize(("source", "edition"), EDITIONS, ids=NAMES)
def test_notebook_keeps_the_contract(source, edition):
    notebook = committed(source, edition)
    nbformat.validate(notebook)
    assert rules.faults(notebook) == []


@pytest.mark.parametrize(("source", "edition"), EDITIONS, ids=NAMES)
def test_links_to_other_notebooks_lead_somewhere(source, edition):
    import re

    folder = build_notebooks.EDITIONS[edition]
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", rules.markdown(committed(source, edition)))
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_learner_edition_shows_no_solution(source):
    learner, solutions = (rules.output_text(committed(source, edition)) for edition in ("learner", "solutions"))
    assert "Not attempted yet" in learner
    assert "Not attempted yet" not in solutions
    assert "✗" not in solutions


def test_stale_notebook_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(build_notebooks, "EDITIONS", {"learner": tmp_path})
    source = tmp_path / "99_case.py"
    source.write_text("# %%\nprint(1)\n")
    assert build_notebooks.is_stale(source, "learner")
    nbformat.write(build_notebooks.render(source, "learner"), tmp_path / "99_case.ipynb")
    assert not build_notebooks.is_stale(source, "learner")
    source.write_text("# %%\nprint(2)\n")
    assert build_notebooks.is_stale(source, "learner")


def test_new_text_keeps_the_outputs_and_new_code_does_not(tmp_path, monkeypatch):
    executed = []

    def execute(notebook, folder, name):
        executed.append(name)
        for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
            cell.execution_count, cell.outputs = (
                1,
                [new_output("stream", name="stdout", text=f"run {len(executed)}.{number}")],
            )
        return NotebookRun(name, 1.0, 1, None)

    monkeypatch.setattr(build_notebooks, "EDITIONS", {"learner": tmp_path})
    monkeypatch.setattr(build_notebooks, "execute", execute)
    source = tmp_path / "99_case.py"
    for text, runs in [("# # One\n\n# %%\n1", 1), ("# # Two\n\n# %%\n1", 1), ("# # Two\n\n# %%\n2", 2)]:
        source.write_text(f"# %% [markdown]\n{text}\n")
        assert build_notebooks.build(source, "learner") is None
        assert not build_notebooks.is_stale(source, "learner")
        assert len(executed) == runs
        built = nbformat.read(tmp_path / "99_case.ipynb", as_version=4)
        assert rules.output_text(built) == f"run {runs}.0"
    assert build_notebooks.build(source, "learner", force=True) is None
    assert len(executed) == 3


def test_editions_get_their_side_of_an_exercise(tmp_path):
    source = tmp_path / "99_case.py"
    source.write_text(
        "# %%\ndef f():\n    # --- stub\n    return ...\n    # --- solution\n    return 42\n    # --- end\n"
    )
    learner, solutions = (build_notebooks.render(source, e).cells[0].source for e in ("learner", "solutions"))
    assert learner == "def f():\n    return ..."
    assert solutions == "def f():\n    return 42"


def broken(**changes):
    """A notebook with one fault."""
    cell = new_code_cell("print(1)", execution_count=1)
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), cell])
    for key, value in changes.items():
        notebook.cells[1][key] = value
    return notebook


@pytest.mark.parametrize(
    ("notebook", "fault"),
    [
        (broken(source="\n".join("x = 1" for _ in range(16))), "more than 15 lines"),
        (broken(source="%matplotlib inline"), "uses a magic"),
        (broken(source="from os import *"), "star import"),
        (broken(execution_count=None), "was not executed"),
        (broken(outputs=[new_output("stream", name="stdout", text="saved to /home/somebody/x")]), "path of somebody's"),
        (broken(outputs=[new_output("stream", name="stdout", text="FutureWarning: old")]), "a warning"),
        (broken(outputs=[new_output("display_data", data={"image/png": "AAAA"})]), "no meaningful alternative"),
        (broken(), "fewer than two exercises"),
    ],
)
def test_rules_find_the_fault(notebook, fault):
    assert any(fault in found for found in rules.faults(notebook))
