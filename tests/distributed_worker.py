"""What two processes do together for test_distributed.py: python -m torch.distributed.run … distributed_worker.py TASK FOLDER."""

import json
import os
import signal
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
from datasets import ClassLabel, Dataset

from xlft_helpers import distributed, settings
from xlft_helpers.cli import main
from xlft_helpers.errors import DataError, XlftError
from xlft_helpers.finetuning import Recipe, engine, finetune
from xlft_helpers.models import load_model

TOPICS = [
    "rain",
    "tea",
    "song",
    "train",
    "book",
    "shop",
    "park",
    "film",
    "game",
    "soup",
    "lamp",
    "boat",
    "road",
    "moon",
    "milk",
    "shoe",
]
RECIPE = Recipe(epochs=3, batch_size=8)


def rows(count: int, classes: int = 2) -> Dataset:
    """Short messages; with ``count`` classes, each is the only one of its class."""
    texts = [f"{('lovely', 'awful')[n % 2]} {TOPICS[n % 16]} number {n}" for n in range(count)]
    table = Dataset.from_dict({"text": texts, "label": [n % classes for n in range(count)]})
    return table.cast_column("label", ClassLabel(names=[f"class {n}" for n in range(classes)]))


def without_dropout(*arguments, **keywords):
    model = load_model(*arguments, **keywords)
    model.dropout.p = 0.0
    return model


def train(folder: Path | None = None):
    """Without dropout, which each number of processes draws differently."""
    with patch.object(engine, "load_model", without_dropout):
        return finetune("use-m", rows(64), rows(13), recipe=RECIPE, output_dir=folder, progress=False)


def weights(model) -> np.ndarray:
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in model.parameters()])


def interrupted(folder: Path) -> None:
    """A run that ends with an error after the first of its epochs, and its checkpoint."""
    real, calls = engine._macro_f1, []

    def fail(prediction):
        calls.append(prediction)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(prediction)

    engine._macro_f1 = fail
    try:
        train(folder)
    except KeyboardInterrupt:
        assert [path.name for path in folder.glob("checkpoint-*")] == ["checkpoint-8"]
    finally:
        engine._macro_f1 = real


def no_rows() -> None:
    raise DataError("no rows")


def work(folder: Path) -> None:
    """Everything that one start of two processes can show."""
    distributed.start()
    scored, real = [], engine._macro_f1

    def record(prediction):
        scored.append(sorted(prediction.label_ids.tolist()))
        return real(prediction)

    engine._macro_f1 = record
    found: dict = {"processes": distributed.processes(), "precision": settings.precision().reason}
    for count in (13, 1):
        finetune("use-m", rows(count, 64), rows(count, 64), recipe=Recipe(epochs=1), progress=False)
        found[f"scored {count}"] = scored.pop()
    found["shared"] = [
        distributed.shared_rows(lambda numbers: numbers[:, None] * 10.0, n).ravel().tolist() for n in (7, 1, 0)
    ]
    found["first"] = distributed.main_first(lambda: distributed.rank())
    try:
        distributed.from_main(no_rows)
    except XlftError as error:
        found["error"] = [type(error).__name__, str(error)]
    result = train()
    found["history"] = result.history.to_dict("list")
    np.save(folder / f"weights-{distributed.rank()}.npy", weights(result.model))
    scored.clear()
    np.save(folder / f"resumed-{distributed.rank()}.npy", weights(train(folder / "by-one").model))
    found["scored after resuming"] = len(scored)
    engine._macro_f1 = real
    interrupted(folder / "by-two")
    (folder / f"found-{distributed.rank()}.json").write_text(json.dumps(found))


def killed(arguments: list[str]) -> int:
    """`xlft compare`, whose second process is killed while it scores the second model."""
    real, calls = engine._macro_f1, []

    def die(prediction):
        calls.append(prediction)
        if len(calls) == 4 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return real(prediction)

    engine._macro_f1 = die
    return main(arguments)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        if os.environ["RANK"] == "1":  # as on a machine whose measurement came out differently
            settings.adopt_precision(settings.Precision(not settings.precision().bf16, "said by the test"))
        with distributed.together():
            work(Path(sys.argv[2]))
    else:
        sys.exit(killed(sys.argv[2:]))
