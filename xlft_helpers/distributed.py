"""Several processes at one comparison: who writes, who waits, and how their parts come together.

``torchrun`` and ``accelerate launch`` start the same program several times and tell each copy its number. A process that
was started alone is the main process and has nobody to wait for: everything here then does nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TypeVar

import numpy as np
import torch.distributed as dist
from accelerate import PartialState

from xlft_helpers import settings
from xlft_helpers.errors import MainProcessError, TrainingError

Result = TypeVar("Result")


def start() -> None:
    """Join the processes that were started together, and compute in the main one's precision.

    Called once at the beginning, again without effect.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        PartialState(cpu=settings.device().type == "cpu")
    if processes() > 1:
        _agree_on_precision()


@cache
def _agree_on_precision() -> None:
    settings.adopt_precision(from_main(settings.precision))


@contextmanager
def together() -> Iterator[None]:
    """Join the others for a block, and part from them after it.

    Raises:
        TrainingError: another process is gone. A process on its own never meets this.
    """
    start()
    try:
        yield
    except RuntimeError as error:
        # Gloo's errors have no class of their own.
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise TrainingError(
                f"Process {rank()} of {processes()} lost contact with another one, which was killed or failed: see its own "
                "message. What was finished is kept where an output folder or a plan was given: start the same command "
                "again, with any number of processes."
            ) from error
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def processes() -> int:
    """How many processes work together; 1 before :func:`start` and for a process on its own."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0 on."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_main() -> bool:
    """Whether this process is the one that prints and writes."""
    return rank() == 0


def from_main(compute: Callable[[], Result]) -> Result:
    """What the main process computes, in every process: the others wait for it.

    Raises:
        Exception: in the main process, what ``compute`` raises.
        MainProcessError: in the others then, so that none waits for ever.
    """
    if processes() == 1:
        return compute()
    if not is_main():
        found: list[Result | Exception | None] = [None]
        dist.broadcast_object_list(found)
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]  # type: ignore[return-value]
    try:
        result = compute()
    except Exception as error:
        dist.broadcast_object_list([MainProcessError(f"The main process failed: {error}")])
        raise
    dist.broadcast_object_list([result])
    return result


def main_first(compute: Callable[[], Result]) -> Result:
    """Compute in every process, in the main one first: what it downloads, the others find in the cache."""
    mine: list[Result] = []
    from_main(lambda: mine.append(compute()))
    return mine[0] if mine else compute()


def shared_rows(compute: Callable[[np.ndarray], np.ndarray], count: int) -> np.ndarray:
    """Rows that the processes compute in equal parts, put together in every process.

    Args:
        compute: numbers of rows to their results, (n,) to (n, ...).
        count: of all rows. Each is computed by one process and stands in the result once.
    """
    if processes() == 1:
        return compute(np.arange(count))
    own = np.arange(rank(), count, processes())
    parts: list[tuple[np.ndarray, np.ndarray]] = [(own, own)] * processes()
    dist.all_gather_object(parts, (own, compute(own)))
    result = np.empty((count, *parts[0][1].shape[1:]), dtype=parts[0][1].dtype)
    for rows, values in parts:
        result[rows] = values
    return result


@contextmanager
def scratch_folder() -> Iterator[str]:
    """A temporary folder that all processes share (on several machines, the cache folder must be on a shared disk)."""
    with ExitStack() as stack:
        yield from_main(lambda: stack.enter_context(settings.scratch_folder()))
        if processes() > 1:
            dist.barrier()  # nobody may still be reading when the main process empties it
