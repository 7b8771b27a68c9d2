"""The output folder of a fine-tuning run: which checkpoint to go on from, and whether it is of the same run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datasets import Dataset

from xlft_helpers.errors import TrainingError
from xlft_helpers.files import write_whole
from xlft_helpers.models import weights_fingerprint

from .recipes import Recipe

DESCRIPTION = "run.json"


def last_checkpoint(folder: Path) -> str | None:
    """The last whole checkpoint in a folder; ``None`` if there is none.

    One that a killed process left half-written does not count: the Trainer writes ``trainer_state.json`` last.
    """
    steps = [
        int(path.parent.name.removeprefix("checkpoint-")) for path in folder.glob("checkpoint-*/trainer_state.json")
    ]
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
            kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
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


def describe_run(model_name: str, recipe: Recipe, encoded: Dataset, **others: Any) -> dict[str, Any]:
    """What decides the weights that a run ends with: model, recipe, rows, and what else is given."""
    return {
        "model": (model_name, weights_fingerprint(model_name)),
        "recipe": asdict(recipe),
        "training rows": _fingerprint(encoded),
        **others,
    }


def _fingerprint(encoded: Dataset) -> str:
    """SHA-256 of encoded rows, in their order."""
    digest = hashlib.sha256()
    for batch in encoded.with_format(None).iter(batch_size=1000):
        digest.update(json.dumps(batch, sort_keys=True).encode())
    return digest.hexdigest()
