"""The way the course runs nbval is proven to fail where it should: on notebooks that are broken on purpose."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]


def notebook(source: str, output: str, tagged: bool = True) -> nbformat.NotebookNode:
    cell = new_code_cell(source, execution_count=1, outputs=[new_output("stream", name="stdout", text=output)])
    if tagged:
        cell.metadata["tags"] = ["nbval-check-output"]
    return new_notebook(
        cells=[cell], metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )


def passes(broken: nbformat.NotebookNode, folder: Path) -> bool:
    """Run nbval on the notebook with the options of pyproject.toml."""
    path = folder / "case.ipynb"
    nbformat.write(broken, path)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), str(path)],
        cwd=folder, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return run.returncode == 0


def test_sound_notebook_passes(tmp_path):
    assert passes(notebook("print(1 + 1)", "2\n"), tmp_path)


def test_changed_output_fails_where_it_is_compared(tmp_path):
    assert not passes(notebook("print(1 + 1)", "3\n"), tmp_path)


def test_changed_output_passes_where_it_is_not_compared(tmp_path):
    assert passes(notebook("print(1 + 1)", "3\n", tagged=False), tmp_path)


def test_missing_output_fails_where_it_is_compared(tmp_path):
    broken = notebook("print(1 + 1)", "2\n")
    broken.cells[0].source = "pass"
    assert not passes(broken, tmp_path)


def test_exception_fails(tmp_path):
    assert not passes(notebook("raise ValueError('broken')", "", tagged=False), tmp_path)


def test_network_is_blocked_in_kernels(tmp_path):
    source = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=2)"
    assert not passes(notebook(source, "", tagged=False), tmp_path)


@pytest.mark.parametrize("source", ["%matplotlb inline", "%%tiem\n1 + 1", "!lss", "x = %magc 3"])
def test_magics_which_nbval_lets_pass_are_refused_by_the_rules(source):
    # IPython reports a misspelt magic on stderr and goes on, so nbval sees no failure; the course bans magics.
    from tests.notebooks.rules import find_magics

    assert find_magics(source)
