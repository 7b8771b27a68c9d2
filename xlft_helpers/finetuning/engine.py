"""Fine-tuning, thin on top of `transformers.Trainer`.

What is added to the Trainer: the precision that gains on this CPU, the recipe of each model family, and a history table.
"""

import gc
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from datasets import Dataset
from sklearn.metrics import f1_score
from torch import Tensor, nn
from tqdm import tqdm
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.utils.logging import disable_progress_bar

from xlft_helpers import distributed, settings
from xlft_helpers.data import MODEL_INPUTS, label_names, tokenize
from xlft_helpers.errors import TrainingError
from xlft_helpers.models import load_config, load_model, load_tokenizer
from xlft_helpers.objectives import IGNORED

from .arguments import require_finite, share_of_batch, training_arguments
from .checkpoints import describe_run, last_checkpoint, require_same_run
from .frozen import frozen_in_bfloat16
from .language_adapters import LanguageAdapter, put_in
from .memory import BatchPlan, fit_memory, recompute_activations
from .recipes import Recipe, default_recipe
from .tuning import apply_tuning, check_tune, trained_parameters

# What is imported by now stays. Collections, of which every training needs several to free its memory, need not go
# through it again and again: a quarter of a second each. What is garbage by now must go first, or it would stay too.
gc.collect()
gc.freeze()

PADDED_TO = 8
"""Batches are padded to a multiple of this. Few distinct lengths: the CPU library compiles and keeps its kernels for each
shape it meets."""

EVALUATION_BATCH = 64
"""Texts at a time when an epoch is scored, unless a memory limit says fewer."""


@dataclass(frozen=True)
class Head:
    """What a run needs to know about its task; the default of :func:`finetune` classifies whole texts.

    Attributes:
        task: as for :func:`xlft_helpers.models.load_model`.
        label_names: the classes in the order of their indices.
        encode: rows, tokenizer and longest input to ``input_ids``, ``attention_mask`` and the labels, -100 where a label
            does not count.
        collator: puts encoded rows into a batch; called with the tokenizer and ``pad_to_multiple_of``.
    """

    task: str
    label_names: list[str]
    encode: Callable[[Dataset, PreTrainedTokenizerBase, int], Dataset]
    collator: Callable[..., Any]


@dataclass(frozen=True)
class FinetuneResult:
    """A fine-tuned model with what one needs to use it and to judge the run.

    Attributes:
        model: the model in evaluation mode.
        tokenizer: its tokenizer.
        history: one row an epoch: ``epoch``, ``train_loss`` (mean negative log-likelihood in nats; with a lexical expert,
            the sum of the two experts'), and ``NAME_macro_f1`` and ``NAME_loss`` for each evaluated set. With label
            smoothing, the losses are those of the smoothed labels.
        best_epoch: the epoch whose weights were kept.
        train_seconds: wall time of the training loop, evaluation included.
        trained_parameters: how many numbers were trained; those that ``tune="lora"`` and ``"ia3"`` add count too.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    history: pd.DataFrame
    best_epoch: int
    train_seconds: float
    trained_parameters: int


def finetune(
    model_name: str,
    train: Dataset,
    dev: Dataset | None = None,
    *,
    watch: Mapping[str, Dataset] | None = None,
    head: Head | None = None,
    recipe: Recipe | None = None,
    tune: str | None = None,
    seed: int = settings.SEED,
    output_dir: Path | str | None = None,
    memory_limit: str | None = None,
    language_adapter: LanguageAdapter | None = None,
    progress: bool = True,
) -> FinetuneResult:
    """Fine-tune a pretrained model on labelled texts of one or more languages.

    Maximizes L_fine(θ) = Σ_i log p(y_i | x_i; θ) over ``train``; with several languages in it that is L_cross. Processes
    that work together (see :mod:`xlft_helpers.distributed`) share every batch; the batches, and so the number of
    updates, are those of one process.

    Args:
        model_name: as for :func:`xlft_helpers.models.load_model`.
        train: rows with ``text`` and ``label`` (a ``ClassLabel``).
        dev: where given, it is scored after every epoch and the epoch with the best macro-F1 is kept; without it, the
            last epoch is.
        watch: further sets to score after every epoch, by name; they never influence the run.
        head: the task; default: one label a text. With labels on pieces, ``macro_f1`` is over the pieces that count.
        recipe: default :func:`default_recipe` for this model and ``tune``.
        tune: which parameters are trained, one of :data:`TUNINGS`; a given recipe keeps its learning rate. Default: the
            recipe's choice.
        seed: fixes the head's initialization, the order of the batches and dropout.
        output_dir: where checkpoints go after every epoch. A run that was interrupted goes on from the last whole one
            and ends with the same weights. Default: no checkpoints.
        memory_limit: what the process may take, such as ``"2GB"`` or ``"1500MB"``. Batches then go through the model in
            parts, with activations recomputed, as far as that is needed, see
            :func:`~xlft_helpers.finetuning.memory.fit_memory`; the result is the same but for rounding and for other
            draws of dropout. Default: no limit.
        language_adapter: stands, frozen, in the encoder while the task is learned with ``tune="lora"`` or ``"head"``; then
            :func:`~xlft_helpers.finetuning.language_adapters.swap_language` gives the model of another language.
            Default: none.
        progress: show a bar with the time left.

    Raises:
        TrainingError: ``train`` is empty, the loss is not finite, the recipe contradicts itself, ``tune`` is unknown or
            does not fit the model, the memory limit cannot be met, the batch does not divide among the processes, or
            ``output_dir`` holds another run.
        ModelError: the model cannot be loaded.
    """
    distributed.start()
    if len(train) == 0:
        raise TrainingError("The training set is empty: there is nothing to fine-tune on.")
    recipe = recipe or default_recipe(model_name, tune)
    if tune is not None:
        recipe = replace(recipe, tune=tune)
    check_tune(recipe)
    if recipe.ensemble:
        raise TrainingError(
            "The recipe is an ensemble's, and this trains one model. Use xlft_helpers.ensembling.fit_ensemble, or "
            'compare(..., recipe="best").'
        )
    head = head or _text_head(train)
    if recipe.lexical_expert and recipe.label_smoothing:
        # The Trainer smooths the labels of the joint answer, and each expert must learn from its own.
        raise TrainingError("The recipe has both lexical_expert and label_smoothing: choose one of them.")
    if language_adapter is not None and recipe.tune not in ("lora", "head"):
        raise TrainingError(f"tune={recipe.tune!r} would change the language adapter; choose 'lora' or 'head'.")
    tokenizer = load_tokenizer(model_name)
    encoded = head.encode(train, tokenizer, recipe.max_length)
    sets = ({"dev": dev} if dev is not None else {}) | dict(watch or {})
    evaluated = {name: head.encode(rows, tokenizer, recipe.max_length) for name, rows in sets.items()}
    what = (model_name, head.task, head.label_names, recipe.tune == "full", recipe.lexical_expert)
    if output_dir is not None:
        folder = Path(output_dir)
        others = {"task": head.task, "labels": head.label_names, "seed": seed}
        distributed.from_main(
            lambda: require_same_run(
                folder, describe_run(model_name, recipe, encoded, evaluated.get("dev"), language_adapter, **others)
            )
        )
    share = share_of_batch(recipe)
    plan = BatchPlan(recipe.batch_size)
    if memory_limit is not None:
        longest = max(map(len, encoded["input_ids"]))
        length = -(-longest // PADDED_TO) * PADDED_TO
        limit = memory_limit  # of each process; the main one decides, since all must cut a batch alike
        own = replace(recipe, batch_size=share)
        plan = distributed.from_main(lambda: fit_memory(limit, load_config(*what), head.task, own, length))
        plan = replace(plan, part=plan.part * distributed.processes())
    set_seed(seed)
    model = load_model(*what)
    if language_adapter is not None:
        put_in(model, language_adapter)
    tuner = apply_tuning(model, recipe)
    if plan.checkpointing:
        recompute_activations(model)
    trained = trained_parameters(model)
    # Checkpoints hold what training changes; the rest comes from the pretrained model again.
    kept, model._keys_to_ignore_on_save = model._keys_to_ignore_on_save, _unchanged(model)
    disable_progress_bar()  # a bar for each checkpoint would bury the one that matters
    with ExitStack() as stack:
        scratch = stack.enter_context(distributed.scratch_folder())
        if settings.precision().bf16:
            stack.enter_context(frozen_in_bfloat16(model, Path(scratch) / f"process-{distributed.rank()}"))
        trainer = _Trainer(
            model=model,
            args=training_arguments(
                recipe,
                seed,
                head.task,
                output_dir or scratch,
                plan=plan,
                evaluation_batch=EVALUATION_BATCH if memory_limit is None else plan.part,
                resumable=output_dir is not None,
                evaluate=bool(evaluated),
                select=dev is not None,
            ),
            train_dataset=encoded,
            eval_dataset=evaluated or None,
            data_collator=head.collator(tokenizer, pad_to_multiple_of=PADDED_TO),
            compute_metrics=_macro_f1,
            callbacks=[ProgressBar()] if progress and distributed.is_main() else [],
        )
        if distributed.processes() > 1:
            # Each process draws the order of the batches by itself; without this, one could see a row that another has.
            trainer.accelerator.rng_types = ["torch"]
            # The Trainer knows one of torch's options by its old name only.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        trainer.remove_callback(PrinterCallback)  # the history table says it better
        checkpoint = distributed.from_main(lambda: last_checkpoint(Path(output_dir)) if output_dir else None)
        start = time.perf_counter()
        output = trainer.train(resume_from_checkpoint=checkpoint)
        seconds = time.perf_counter() - start
    require_finite(output.training_loss, recipe)
    state = trainer.state
    del trainer
    settings.release_memory()
    model._keys_to_ignore_on_save = kept
    return FinetuneResult(
        model=(cast(PreTrainedModel, tuner.merge_and_unload()) if tuner else model).eval(),
        tokenizer=tokenizer,
        history=_history(state.log_history),
        best_epoch=round((state.best_global_step or state.max_steps) * recipe.epochs / state.max_steps),
        train_seconds=seconds,
        trained_parameters=trained,
    )


class ProgressBar(TrainerCallback):
    """One bar over all steps with the time left and the last loss."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._bar = tqdm(total=state.max_steps, initial=state.global_step, desc="fine-tuning", leave=False)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._bar.update(state.global_step - self._bar.n)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._bar.close()


class _Trainer(Trainer):
    """A Trainer whose gradient does not depend on how a batch is split.

    A model's loss is the mean over its inputs' labels. The Trainer adds up the losses of a batch's parts and believes
    that every model with keyword arguments divides by the labels of the whole batch; text and token classifiers do not.
    So each part is weighted here by its share of the labels.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True  # so that the labels are counted; the model itself is not told

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        counted = (inputs["labels"] != IGNORED).sum()
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
        if num_items_in_batch is not None and model.training:
            # The labels were counted over all processes, and the gradients will be averaged over them.
            loss = loss * (counted / num_items_in_batch * self.accelerator.num_processes)
        return (loss, outputs) if return_outputs else loss


def _unchanged(model: PreTrainedModel) -> set[str]:
    """The names of what training leaves as it is: frozen parameters, and USE-M's table of one byte a value."""
    table = {id(buffer) for buffer in model.get_input_embeddings().buffers()}
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    return frozen | {name for name, buffer in model.named_buffers() if id(buffer) in table}


def _text_head(train: Dataset) -> Head:
    return Head("sequence-classification", label_names(train), _encode, DataCollatorWithPadding)


def _encode(rows: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    encoded = tokenize(rows, tokenizer, max_length)
    return encoded.select_columns([name for name in (*MODEL_INPUTS, "label") if name in encoded.column_names])


def _macro_f1(prediction: EvalPrediction) -> dict[str, float]:
    logits, labels = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
    classes, counted = range(logits.shape[-1]), labels != IGNORED
    return {
        "macro_f1": f1_score(
            labels[counted], logits.argmax(-1)[counted], labels=classes, average="macro", zero_division=0
        )
    }


def _history(log: list[dict[str, Any]]) -> pd.DataFrame:
    """One row an epoch out of the Trainer's log, which has one entry for each loss and each evaluation."""
    rows: dict[int, dict[str, float]] = {}
    for entry in log:
        row = rows.setdefault(round(entry["epoch"]), {})
        if "loss" in entry:
            row["train_loss"] = entry["loss"]
        row |= {
            key.removeprefix("eval_"): value
            for key, value in entry.items()
            if key.startswith("eval_") and key.endswith(("_macro_f1", "_loss"))
        }
    return pd.DataFrame([{"epoch": epoch, **row} for epoch, row in sorted(rows.items())])
