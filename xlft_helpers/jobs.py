"""The independent jobs of a comparison, one model to train each, and the folder that keeps what came out of them."""

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from xlft_helpers import settings
from xlft_helpers.errors import XlftError
from xlft_helpers.results import Prediction


@dataclass(frozen=True)
class Job:
    """One model to train: the methods that use it, its seed and its training languages."""

    methods: tuple[str, ...]
    seed: int
    train_languages: tuple[str, ...]

    def __str__(self) -> str:
        return f"{' and '.join(self.methods)}, trained on {' '.join(self.train_languages)}, seed {self.seed}"


def plan(methods: Sequence[str], source: str, trained: Sequence[str], tested: Sequence[str], seeds: int) -> list[Job]:
    """The models that the methods need, each once."""
    users: dict[tuple[str, ...], list[str]] = {}
    if "zero-shot" in methods:
        users.setdefault((source,), []).append("zero-shot")
    if "per-language" in methods:
        for language in trained:
            if language in tested:
                users.setdefault((language,), []).append("per-language")
    if "merged" in methods:
        users.setdefault(tuple(trained), []).append("merged")
    return [
        Job(tuple(names), settings.SEED + seed, languages)
        for seed in range(seeds)
        for languages, names in users.items()
    ]


class JobStore:
    """Finished jobs in a folder: one file each, written under a temporary name and then renamed.

    So a file is complete or absent, whoever is killed, and two processes that finish the same job do no harm. A file
    that was damaged all the same, or is of another test set, counts as absent: the job is run again.
    """

    def __init__(self, folder: Path | str, described: Mapping[str, Any]) -> None:
        # What decides a job's result; the list of methods and the number of seeds may grow between runs.
        fixed = {
            key: described[key] for key in ("model", "model_sha256", "alpha", "centre", "recipe", "labels", "data")
        }
        fixed["package"] = version("xlft-helpers")
        self._key = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]
        self._labels = len(described["labels"])
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise XlftError(f"{folder} cannot keep results: {error}. Name another folder, which may be new.") from error

    def read(self, job: Job, sizes: Mapping[str, int]) -> list[Prediction] | None:
        """What a finished job answered on test sets of these ``sizes``, by language; ``None`` if it is to be run."""
        try:
            with np.load(self._path(job), allow_pickle=False) as archive:
                answers = {language: archive[language] for language in sizes}
                seconds, _ = float(archive["_seconds"]), bool(archive["_bf16"])
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            return None
        if any(answers[language].shape != (n, self._labels) for language, n in sizes.items()):
            return None
        return [
            Prediction(method, job.seed, job.train_languages, language, probabilities, seconds)
            for language, probabilities in answers.items()
            for method in job.methods
        ]

    def write(self, job: Job, predictions: Sequence[Prediction]) -> None:
        """Keep what a job answered."""
        arrays: dict[str, Any] = {p.test_language: p.probabilities for p in predictions}
        arrays["_seconds"] = predictions[0].train_seconds
        arrays["_bf16"] = settings.precision().bf16
        # A name that no other process takes, on this machine or another one that shares the folder.
        temporary = self._folder / f"{uuid4().hex}.tmp"
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
        temporary.replace(self._path(job))

    def precision(self, job: Job) -> str:
        """The arithmetic of a finished job, which may have run on another machine than this one."""
        with np.load(self._path(job), allow_pickle=False) as archive:
            return "bfloat16" if archive["_bf16"] else "float32"

    def strangers(self) -> list[str]:
        """Names of result files in the folder that belong to other settings or data."""
        return sorted(path.name for path in self._folder.glob("*.npz") if not path.name.startswith(f"{self._key}-"))

    def _path(self, job: Job) -> Path:
        merged = "merged-" if "merged" in job.methods else ""
        return self._folder / f"{self._key}-{merged}{'+'.join(job.train_languages)}-seed{job.seed}.npz"
