"""Checkpoints of a pretraining run: written whole or not at all, and read with a check that they are whole."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from xlft_helpers.errors import TrainingError

KEPT = 2
"""The last checkpoints that are kept: if one is damaged, the one before is still there."""


def save_checkpoint(folder: Path, step: int, model: nn.Module, optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Write ``folder/step-NNNNNN``: weights, the optimizer's moments, the state of torch's generator, and ``state``.

    Everything goes into a folder with a temporary name, reaches the disk, and is then renamed. So a run that is killed
    leaves the last whole checkpoint behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step-{step:06d}"
    temporary = folder / f"step-{step:06d}.part"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    save_file(
        {name: tensor.detach().contiguous() for name, tensor in model.named_parameters()},
        temporary / "weights.safetensors",
    )
    moments = {
        f"{number}.{name}": value.contiguous()
        for number, entry in optimizer.state_dict()["state"].items()
        for name, value in entry.items()
    }
    save_file({**moments, "torch_generator": torch.get_rng_state()}, temporary / "optimizer.safetensors")
    (temporary / "state.json").write_text(json.dumps(state), encoding="utf-8")
    for path in temporary.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)
    for old in _checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old)


def load_checkpoint(folder: Path, model: nn.Module, optimizer: Optimizer) -> dict[str, Any] | None:
    """Put the last checkpoint of ``folder`` into model, optimizer and torch's generator.

    Returns:
        The ``state`` that was saved with it, or ``None`` if there is no checkpoint.

    Raises:
        TrainingError: the checkpoint is damaged, or belongs to another model.
    """
    found = _checkpoints(folder)
    if not found:
        return None
    last = found[-1]
    try:
        state = json.loads((last / "state.json").read_text(encoding="utf-8"))
        weights = load_file(last / "weights.safetensors")
        moments = load_file(last / "optimizer.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise TrainingError(
            f"The checkpoint {last} is damaged or cut short ({error}). Delete that folder: the run then goes on from "
            "the checkpoint before it, or from the start if there is none."
        ) from error
    parameters = dict(model.named_parameters())
    if {name: value.shape for name, value in weights.items()} != {name: p.shape for name, p in parameters.items()}:
        raise TrainingError(f"The checkpoint {last} belongs to a model of another shape. Choose another output folder.")
    with torch.no_grad():
        for name, value in weights.items():
            parameters[name].copy_(value)
    torch.set_rng_state(moments.pop("torch_generator"))
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        number, _, name = key.partition(".")
        entries.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})
    return state


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.is_dir() and path.suffix != ".part")
