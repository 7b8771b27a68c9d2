"""The output folder of a fine-tuning run: which checkpoint to go on from, and whether it is of the same run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasets import Dataset

from xlft_helpers.errors import TrainingError
from xlft_helpers.files import write_whole
from xlft_helpers.models import weights_fingerprint

from .language_adapters import LanguageAdapter
from .recipes import Recipe

DESCRIPTION = "run.json"


def last_checkpoint(folder: Path) -> str | None:
    """The last whole checkpoint in a folder; ``None`` if there is none.

    One that a killed process left half-written does not count: the Trainer writes ``trainer_state.json`` last.
    """
    names = [path.parent.name.removeprefix("checkpoint-") for path in folder.glob("checkpoint-*/trainer_state.json")]
    steps = [int(name) for name in names if name.isdecimal()]  # a copy that somebody made has another name
    return str(folder / f"checkpoint-{max(steps)}") if steps else None


def require_same_run(folder: Path, described: Mapping[str, Any]) -> None:
    """Keep the description of a run in its folder; where checkpoints are, compare it with theirs.

    Raises:
        TrainingError: the folder holds the checkpoints of another run, or is none.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / DESCRIPTION
        described = json.loads(json.dumps(described))
        if last_checkpoint(folder):
            if not file.is_file():
                raise TrainingError(
                    f"{folder} has checkpoints and no {DESCRIPTION}: nobody can tell of which run they are. Choose another "
                    "output folder, or delete it."
                )
            kept = json.loads(file.read_text(encoding="utf-8"))
            other = [name for name, value in described.items() if kept.get(name) != value]
            if other:
                raise TrainingError(
                    f"{folder} holds another run than this one (not the same: {', '.join(other)}). "
                    "Choose another output folder, or delete it."
                )
        else:
            write_whole(file, json.dumps(described, indent=1, ensure_ascii=False) + "\n")
    except (OSError, ValueError) as error:
        raise TrainingError(f"The output folder {folder} cannot be used: {error}. Choose another one.") from error


def describe_run(
    model_name: str,
    recipe: Recipe,
    train: Dataset,
    dev: Dataset | None,
    language_adapter: LanguageAdapter | None,
    **others: Any,
) -> dict[str, Any]:
    """What decides the weights that a run ends with: version, model, recipe, encoded rows, and what else is given."""
    return {
        "package": version("xlft-helpers"),
        "model": (model_name, weights_fingerprint(model_name)),
        "recipe": asdict(recipe),
        "training rows": _fingerprint(train),
        "dev rows": dev and _fingerprint(dev),
        "language adapter": language_adapter and language_adapter.fingerprint,
        **others,
    }


def _fingerprint(encoded: Dataset) -> str:
    """SHA-256 of encoded rows, in their order."""
    digest = hashlib.sha256()
    for batch in encoded.with_format(None).iter(batch_size=1000):
        digest.update(json.dumps(batch, sort_keys=True).encode())
    return digest.hexdigest()
