"""What the course needs to run, looked at piece by piece."""

import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass

import psutil

from xlft_helpers import settings
from xlft_helpers.data import load_data
from xlft_helpers.errors import XlftError
from xlft_helpers.models import HUB_MODELS, load_tokenizer
from xlft_helpers.models.hub import missing_files, snapshot_folder

PACKAGES = (
    "torch",
    "transformers",
    "datasets",
    "pandas",
    "scikit-learn",
    "seaborn",
    "jupyterlab",
    "ipywidgets",
    "nbval",
)
MEMORY_NEEDED = 1.5 * 2**30
"""Bytes that the largest notebook may take."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is as the course needs it, and what was found or how to get it."""

    subject: str
    ok: bool
    text: str


def examine() -> list[Finding]:
    """Look at Python, packages, data, models, profile, cache folder, memory, cores and precision."""
    return [
        _python(),
        *map(_package, PACKAGES),
        _data(),
        _model("use-m"),
        _model("mini"),
        *_profile(),
        _cache(),
        _memory(),
        _processor(),
    ]


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    return Finding("Python", ok, platform.python_version() + ("" if ok else "; install Python 3.11 or newer"))


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed; run: pip install -r requirements.txt")


def _data() -> Finding:
    try:
        data = load_data("tweets")
    except XlftError as error:
        return Finding("data: tweets", False, str(error))
    sizes = ", ".join(f"{len(rows)} {split}" for split, rows in data.items())
    return Finding("data: tweets", True, f"{sizes} messages in {len(set(data['test']['language']))} languages")


def _model(name: str) -> Finding:
    try:
        tokenizer = load_tokenizer(name)
    except XlftError as error:
        return Finding(f"model: {name}", False, str(error))
    return Finding(f"model: {name}", True, f"{len(tokenizer):,} pieces")


def _profile() -> list[Finding]:
    """The profile and, in the full one, which of its models are in the cache; one that is not is no fault."""
    try:
        profile = settings.profile()
    except XlftError as error:
        return [Finding("profile", False, str(error))]
    if profile == "offline":
        return [Finding("profile", True, "offline: nothing is downloaded (XLFT_PROFILE=full allows it)")]
    return [
        Finding("profile", True, f"full: {settings.default_model()} and {settings.default_data()} by default"),
        *map(_hub_model, HUB_MODELS),
    ]


def _hub_model(name: str) -> Finding:
    model = HUB_MODELS[name]
    folder = snapshot_folder(model.repository, model.revision)
    here = folder is not None and not missing_files(folder)
    state = (
        f"in the cache, {folder}" if here else f"not in the cache yet; downloaded at its first use ({model.repository})"
    )
    return Finding(f"model: {name}", True, state)


def _cache() -> Finding:
    try:
        return Finding("cache folder", True, f"{settings.cache_dir()} (change it with XLFT_CACHE_DIR)")
    except XlftError as error:
        return Finding("cache folder", False, str(error))


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    text = f"{free / 2**30:.1f} GB free"
    return Finding(
        "memory",
        free >= MEMORY_NEEDED,
        text if free >= MEMORY_NEEDED else f"{text}; close other programs, the largest notebook takes 1.5 GB",
    )


def _processor() -> Finding:
    precision = settings.precision()
    chosen = "bfloat16" if precision.bf16 else "float32"
    return Finding(
        "processor",
        True,
        f"{os.cpu_count()} cores, device {settings.device().type}; training in {chosen}: {precision.reason}",
    )
