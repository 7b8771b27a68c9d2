"""Headless execution: outputs, time, memory, failures."""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from xlft_helpers.cli import main
from xlft_helpers.errors import DataError
from xlft_helpers.execution import execute_file, find_notebooks


def write(path, *sources):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources], metadata=kernel), path)
    return path


def test_a_failing_notebook_is_reported_with_its_error_and_left_as_it_was(tmp_path):
    path = write(tmp_path / "01_bad.ipynb", "x = 1", "raise ValueError('on purpose')")
    before = path.read_bytes()
    run = execute_file(path)
    assert run.error == "ValueError: on purpose"
    assert path.read_bytes() == before


def test_memory_that_a_notebook_takes_is_seen(tmp_path):
    small = execute_file(write(tmp_path / "01_small.ipynb", "import time; time.sleep(0.3)"))
    large = execute_file(write(tmp_path / "02_large.ipynb", "import time; x = b'1' * 300_000_000; time.sleep(0.5)"))
    assert large.error is None
    assert large.peak_memory - small.peak_memory > 200_000_000


def test_run_prints_a_table_and_fails_with_a_failing_notebook(tmp_path, capsys):
    write(tmp_path / "01_good.ipynb", "1 + 1")
    assert main(["run", "--folder", str(tmp_path)]) == 0
    write(tmp_path / "02_bad.ipynb", "1 / 0")
    assert main(["run", "--folder", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "01_good.ipynb" in printed
    assert "ZeroDivisionError" in printed


def test_notebooks_are_found_by_number_name_or_path(tmp_path):
    first, second = write(tmp_path / "01_one.ipynb", "1"), write(tmp_path / "02_two.ipynb", "2")
    assert find_notebooks([], tmp_path) == [first, second]
    assert find_notebooks(["02", str(first)], tmp_path) == [second, first]
    with pytest.raises(DataError, match="01_one, 02_two"):
        find_notebooks(["07"], tmp_path)
    with pytest.raises(DataError, match="no notebooks"):
        find_notebooks([], tmp_path / "empty")
    with pytest.raises(DataError, match="no notebooks in"):  # a name that fits nothing is not passed over
        find_notebooks([str(first), "02"], tmp_path / "empty")


def test_peak_memory_is_not_that_of_the_process_that_started_this_one():
    held = b"x" * 600_000_000
    code = "from xlft_helpers.execution import peak_memory_of_this_process as peak; print(peak())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 <= int(run.stdout) < len(held)
