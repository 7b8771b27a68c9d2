"""Every test and every notebook kernel runs offline, in the offline profile, with a cache folder of its own."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parent
_SCRATCH = tempfile.TemporaryDirectory(prefix="xlft-tests-")

# Set before any test imports the libraries that read them; kernels and subprocesses inherit them.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_CACHE=f"{_SCRATCH.name}/datasets",
    XLFT_CACHE_DIR=f"{_SCRATCH.name}/cache",
    PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT / "tests" / "offline"), os.environ.get("PYTHONPATH")])),
    JUPYTER_PLATFORM_DIRS="1",
)
for name in ("XLFT_PROFILE", "XLFT_STRICT"):
    os.environ.pop(name, None)
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if workers > 1:
    # Workers side by side share the cores: with all threads each, they would spend their time waiting for each other.
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))


class OneWorkerAFile(LoadFileScheduling):
    """What shares a kernel or fixtures stays on one worker; the solutions, a kernel each, spread over all of them."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if "/test_solutions.py::" in nodeid else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerAFile:
    return OneWorkerAFile(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    runs = sorted(value for report in reports for name, value in report.user_properties if name == "notebook")
    if runs:
        terminalreporter.section("notebooks: time and peak memory (solutions edition, beside the other workers' tests)")
        for name, seconds, megabytes in runs:
            terminalreporter.line(f"{name:36} {seconds:7.1f} s {megabytes:7.0f} MB")
        terminalreporter.line(f"{'all':36} {sum(run[1] for run in runs):7.1f} s {max(run[2] for run in runs):7.0f} MB")
