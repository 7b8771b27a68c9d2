"""What a recipe means in the Trainer's terms."""

from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainingArguments

from xlft_helpers import distributed, settings
from xlft_helpers.errors import TrainingError

from .memory import BatchPlan
from .recipes import OPTIMIZERS, Recipe


def training_arguments(
    recipe: Recipe,
    seed: int,
    task: str,
    output_dir: Path | str,
    *,
    plan: BatchPlan,
    evaluation_batch: int,
    resumable: bool,
    evaluate: bool,
    select: bool,
) -> TrainingArguments:
    """The Trainer's arguments for a run, whose batches several processes may share."""
    processes = distributed.processes()
    return recipe_arguments(
        recipe,
        seed,
        output_dir,
        per_device_train_batch_size=plan.part,
        gradient_accumulation_steps=plan.parts,
        per_device_eval_batch_size=-(-evaluation_batch // processes) * processes,
        # Several processes take equal parts of each batch, rather than a batch each.
        accelerator_config={"split_batches": processes > 1},
        # Buffers, such as a frozen embedding table, do not change: sending them at every step would cost most of the time.
        ddp_broadcast_buffers=False,
        # Looking for parameters without a gradient costs time at every step; a classifier of tokens has some.
        ddp_find_unused_parameters=task != "sequence-classification",
        eval_strategy="epoch" if evaluate else "no",
        save_strategy="epoch" if resumable or select else "no",
        save_only_model=not resumable,
        save_total_limit=1,
        load_best_model_at_end=select,
        metric_for_best_model="dev_macro_f1" if select else None,
    )


def share_of_batch(recipe: Recipe) -> int:
    """How many examples of every batch one process takes.

    Raises:
        TrainingError: the batch does not divide among the processes.
    """
    batch, processes = recipe.batch_size, distributed.processes()
    if batch % processes:
        fitting = [n for n in range(1, batch + 1) if batch % n == 0]
        raise TrainingError(
            f"A batch of {batch} cannot be shared equally by {processes} processes: start "
            f"{', '.join(map(str, fitting))}, or choose another batch_size in the recipe."
        )
    return batch // processes


def recipe_arguments(recipe: Recipe, seed: int, output_dir: Path | str, **others: Any) -> TrainingArguments:
    """The Trainer's arguments that follow from a recipe and from this machine, and ``others``."""
    arguments = TrainingArguments(
        output_dir=str(output_dir),
        learning_rate=recipe.learning_rate,
        num_train_epochs=recipe.epochs,
        warmup_steps=recipe.warmup,
        weight_decay=recipe.weight_decay,
        optim=OPTIMIZERS[recipe.optimizer],
        label_smoothing_factor=recipe.label_smoothing,
        lr_scheduler_type="linear",
        train_sampling_strategy="group_by_length",
        bf16=settings.precision().bf16,
        use_cpu=settings.device().type == "cpu",
        seed=seed,
        logging_strategy="epoch",
        logging_nan_inf_filter=False,  # a diverging run must not look like a good one
        disable_tqdm=True,
        report_to="none",
        **others,
    )
    # Several GPUs are for torchrun: a process by itself would give each of them a whole batch.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def require_finite(training_loss: float, recipe: Recipe) -> None:
    """Refuse the result of a run that diverged.

    Raises:
        TrainingError: the loss is not finite.
    """
    if not np.isfinite(training_loss):
        raise TrainingError(
            f"The training loss became {training_loss}. Use a smaller learning rate than {recipe.learning_rate}."
        )
