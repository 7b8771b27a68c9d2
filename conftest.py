"""Every test and every notebook kernel runs offline, in the offline profile, with a cache folder of its own."""

import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
_SCRATCH = tempfile.TemporaryDirectory(prefix="xlft-tests-")

# Set before any test imports the libraries that read them; kernels and subprocesses inherit them.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HOME=f"{_SCRATCH.name}/huggingface",
    HF_DATASETS_CACHE=f"{_SCRATCH.name}/datasets",
    XLFT_CACHE_DIR=f"{_SCRATCH.name}/cache",
    PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT / "tests" / "offline"), os.environ.get("PYTHONPATH")])),
    JUPYTER_PLATFORM_DIRS="1",
)
for name in ("XLFT_PROFILE", "XLFT_STRICT"):
    os.environ.pop(name, None)

measured_notebooks = pytest.StashKey[list]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[measured_notebooks] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    runs = config.stash[measured_notebooks]
    if runs:
        terminalreporter.section("notebooks: time and peak memory (solutions edition, one after another)")
        for run in runs:
            terminalreporter.line(f"{run.name:36} {run.seconds:7.1f} s {run.peak_memory / 2**20:7.0f} MB")
        total = sum(run.seconds for run in runs)
        terminalreporter.line(f"{'all':36} {total:7.1f} s {max(run.peak_memory for run in runs) / 2**20:7.0f} MB")


@pytest.fixture
def record_notebook(request: pytest.FixtureRequest):
    """Call with a NotebookRun to have it in the table at the end of the test run."""
    return request.config.stash[measured_notebooks].append
