"""Execute notebooks headless, with the time and the peak memory of each."""

import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from xlft_helpers.errors import DataError

CELL_TIMEOUT = 600
"""Seconds after which a cell counts as hanging."""


@dataclass(frozen=True)
class NotebookRun:
    """One executed notebook.

    Attributes:
        name: file name.
        seconds: wall time, the start of the kernel included.
        peak_memory: largest resident memory of the kernel and its children, in bytes.
        error: what failed, or ``None``.
    """

    name: str
    seconds: float
    peak_memory: int
    error: str | None


def find_notebooks(names: Iterable[str], folder: Path) -> list[Path]:
    """The notebooks that are meant: paths, or names such as ``05`` or ``05_zero_shot`` in ``folder``; all by default.

    Raises:
        DataError: a name fits no notebook or more than one.
    """
    everything = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    nothing = DataError(
        f"There are no notebooks in {folder}. Run this in the course's folder, or name theirs with --folder."
    )
    chosen = []
    for name in names:
        path = Path(name)
        fitting = (
            [path] if path.suffix == ".ipynb" and path.is_file() else [p for p in everything if p.name.startswith(name)]
        )
        if not fitting and not everything:
            raise nothing
        if len(fitting) != 1:
            known = ", ".join(p.stem for p in everything)
            raise DataError(f"{name!r} fits {len(fitting)} notebooks; give a path or one of: {known}.")
        chosen += fitting
    if not chosen and not everything:
        raise nothing
    return chosen or everything


def execute(notebook: NotebookNode, folder: Path, name: str) -> NotebookRun:
    """Run every cell of ``notebook`` in place, in ``folder``, with this Python.

    Returns:
        Time, memory and the first error; the notebook holds the outputs up to there.
    """
    client = NotebookClient(
        notebook,
        # The kernel warns that it listens without encryption; it does so on this machine only.
        extra_arguments=["--log-level=ERROR"],
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    start, error = time.perf_counter(), None
    with _PeakMemory() as memory:
        try:
            client.execute()
        except CellExecutionError as failure:
            error = f"{failure.ename}: {failure.evalue}"
        except (CellTimeoutError, DeadKernelError) as failure:
            error = f"{type(failure).__name__}: {failure}"
    return NotebookRun(name, time.perf_counter() - start, memory.peak, error)


def execute_file(path: Path) -> NotebookRun:
    """Run a notebook file without changing it."""
    return execute(nbformat.read(path, as_version=4), path.parent, path.name)


def peak_memory_of_this_process() -> int:
    """The largest resident memory of this process so far, in bytes (0 where the system does not tell)."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux: `getrusage` would count the memory of the process that started this one, too.
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class _PeakMemory:
    """Watches the largest of the child processes' resident memory, five times a second."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.2):
            total = 0
            for child in me.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:  # the process ended in between
                    continue
            self.peak = max(self.peak, total)

    def __enter__(self) -> "_PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
