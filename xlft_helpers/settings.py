"""What the course runs on: the profile, the seed, the device, the precision and the cache folder.

Every setting has a default that works offline on a laptop and one environment variable that changes it.
"""

import ctypes
import gc
import os
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import platformdirs
import torch

from xlft_helpers.errors import XlftError

SEED = 0
"""The seed wherever one run is shown; several runs use ``SEED``, ``SEED + 1``, ..."""

ABANDONED = 30 * 24 * 3600
"""Seconds without a change after which a scratch folder counts as left behind."""

Profile = Literal["offline", "full"]


@dataclass(frozen=True)
class Precision:
    """The arithmetic of a training run.

    Attributes:
        bf16: run matrix products in bfloat16 under ``torch.autocast``; float32 otherwise.
        reason: one sentence for the reader, with what was measured.
    """

    bf16: bool
    reason: str


def profile() -> Profile:
    """The profile, from ``XLFT_PROFILE``: ``offline`` (default) touches no network, ``full`` uses Hub models and data.

    Raises:
        XlftError: the variable holds something else.
    """
    value = os.environ.get("XLFT_PROFILE", "offline")
    if value == "offline":
        return "offline"
    if value == "full":
        return "full"
    raise XlftError(f"XLFT_PROFILE is {value!r}; it must be 'offline' or 'full'.")


def default_model() -> str:
    """The model a notebook uses unless it names one: ``use-m`` offline, ``xlmr`` in the full profile."""
    return {"offline": "use-m", "full": "xlmr"}[profile()]


def default_data() -> str:
    """The data set a notebook uses unless it names one: ``tweets`` offline, ``umsab`` in the full profile."""
    return {"offline": "tweets", "full": "umsab"}[profile()]


def cache_dir() -> Path:
    """The one folder that the course writes to, from ``XLFT_CACHE_DIR`` (default: the user's cache folder).

    Raises:
        XlftError: the folder cannot be made or written to.
    """
    folder = Path(os.environ.get("XLFT_CACHE_DIR") or platformdirs.user_cache_path("xlft"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise XlftError(
            f"The cache folder {folder} cannot be made ({error.strerror}). "
            "Set XLFT_CACHE_DIR to a folder that you may write to."
        ) from error
    if not os.access(folder, os.W_OK):
        raise XlftError(
            f"The cache folder {folder} is read-only. Set XLFT_CACHE_DIR to a folder that you may write to."
        )
    return folder


def scratch_folder() -> TemporaryDirectory[str]:
    """A folder in the cache folder that goes when the ``with`` block or the process ends.

    A process that is killed cannot empty its own. Those that nobody wrote to for a month go when the next one is made.
    """
    parent = cache_dir() / "scratch"
    parent.mkdir(exist_ok=True)
    for folder in parent.iterdir():
        with suppress(OSError):  # another process may remove it at the same time
            if time.time() - folder.stat().st_mtime > ABANDONED:
                shutil.rmtree(folder)
    return TemporaryDirectory(dir=parent, ignore_cleanup_errors=True)


def device() -> torch.device:
    """The first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


_adopted: list[Precision] = []


def precision() -> Precision:
    """Choose bfloat16 where it gains: measured once, on a product of the size that fine-tuning spends its time on.

    CPUs without bfloat16 units run it several times slower than float32, so the choice cannot be fixed beforehand.
    """
    return _adopted[0] if _adopted else _measured_precision()


def adopt_precision(chosen: Precision) -> None:
    """Take over what another process chose: those that work on one result must compute alike."""
    _adopted[:] = [chosen]


@cache
def _measured_precision() -> Precision:
    if device().type == "cuda":
        supported = torch.cuda.is_bf16_supported()
        return Precision(supported, f"the GPU {'has' if supported else 'has no'} bfloat16 units")
    float_seconds, bf16_seconds = (_product_seconds(dtype) for dtype in (torch.float32, torch.bfloat16))
    ratio = float_seconds / bf16_seconds
    if ratio > 1.2:
        return Precision(True, f"bfloat16 products ran {ratio:.1f} times as fast as float32 on this CPU")
    return Precision(False, f"bfloat16 products ran only {ratio:.1f} times as fast as float32 on this CPU")


def _product_seconds(dtype: torch.dtype, repeats: int = 5) -> float:
    left, right = torch.ones(512, 1280, dtype=dtype), torch.ones(1280, 256, dtype=dtype)
    left @ right  # the first product pays for set-up
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _c_library_function(name: str) -> Any:
    """A function of glibc, or ``None`` on another system."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def release_memory() -> None:
    """Give freed memory back to the system, with what only reference cycles hold; called when a training is over."""
    gc.collect()  # the Trainer is part of reference cycles; takes a third of a second in a notebook
    trim_memory()


def trim_memory() -> None:
    """Give back what is freed already; takes some 20 ms.

    Training and inference free tensors of ever-changing sizes, and glibc keeps their space for the next ones. That makes
    them fast (training is twice as slow when every large tensor comes fresh from the system), but a notebook with a few
    trainings would hold on to hundreds of megabytes that it no longer uses.
    """
    if malloc_trim := _c_library_function("malloc_trim"):
        malloc_trim(0)
