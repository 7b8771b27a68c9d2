"""Train a small translator on sentence pairs, thin on top of `transformers.Trainer`."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

import pandas as pd
from datasets import Dataset
from transformers import (
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    EncoderDecoderModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    set_seed,
)

from xlft_helpers import settings
from xlft_helpers.data.languages import check_language
from xlft_helpers.errors import DataError, ModelError
from xlft_helpers.finetuning import ProgressBar, Recipe
from xlft_helpers.finetuning.arguments import recipe_arguments, require_finite
from xlft_helpers.finetuning.tuning import check_tune

from .architecture import encoder_decoder, small_tokenizer
from .decoding import generate_texts
from .typography import restore

TRANSLATION_RECIPE = Recipe(learning_rate=8e-4, epochs=10, label_smoothing=0.1)
"""Chosen on the French dev sentences; the same for both kinds of initial weights."""

_LANGUAGES = "translation.json"


@dataclass(frozen=True)
class Translator:
    """A trained translator for one direction.

    Attributes:
        model: an encoder-decoder in evaluation mode.
        tokenizer: the tokenizer of both sides.
        source: language it reads.
        target: language it writes.
        history: one row an epoch: ``epoch`` and ``train_loss``, in nats a piece (with smoothed labels, if the recipe
            smooths).
        train_seconds: wall time of the training loop.
    """

    model: EncoderDecoderModel
    tokenizer: PreTrainedTokenizerBase
    source: str
    target: str
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    train_seconds: float = 0.0

    def translate(self, texts: Sequence[str], num_beams: int = 4) -> list[str]:
        """Translate; see :func:`~xlft_helpers.tasks.translation.translate` for the checks of the input."""
        return [restore(text, self.target) for text in generate_texts(self.model, self.tokenizer, texts, num_beams)]

    def save(self, folder: Path | str) -> None:
        """Write model, tokenizer and languages to a folder; ``translate(..., model=folder)`` opens it."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        languages = {"source": self.source, "target": self.target}
        (Path(folder) / _LANGUAGES).write_text(json.dumps(languages), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Open a folder made by :meth:`save`.

        Raises:
            ModelError: it is no such folder.
        """
        file = Path(folder) / _LANGUAGES
        if not file.is_file():
            raise ModelError(
                f"The folder {folder} has no {_LANGUAGES}, so the languages of its model are not known. Name a folder "
                "made by Translator.save()."
            )
        languages = json.loads(file.read_text(encoding="utf-8"))
        # Attention as in training: the fused one differs in the last digits, enough to turn a close decision.
        model = EncoderDecoderModel.from_pretrained(folder, local_files_only=True, attn_implementation="eager").eval()
        return cls(model, AutoTokenizer.from_pretrained(folder, local_files_only=True), **languages)


def train_translator(
    pairs: pd.DataFrame,
    target: str,
    *,
    source: str = "en",
    pretrained: bool = True,
    recipe: Recipe = TRANSLATION_RECIPE,
    seed: int = settings.SEED,
    progress: bool = True,
) -> Translator:
    """Train on the pairs whose split is ``train``, with teacher forcing.

    Minimizes the cross-entropy of each target piece given the source and the target pieces before it.

    Args:
        pairs: rows with ``split``, ``source`` and ``target``, see
            :func:`~xlft_helpers.tasks.translation.translation_pairs`.
        target: language of the targets.
        source: language of the sources.
        pretrained: begin from ``mini`` on both sides (default), or from random weights.
        recipe: learning rate, epochs, batch size, warm-up, weight decay, optimizer and label smoothing count; the rest of a
            recipe is for other tasks.
        seed: fixes random weights and the order of the batches.
        progress: show a bar with the time left.

    Raises:
        DataError: an unknown language, missing columns, or no training pair.
        TrainingError: the loss is not finite, or the recipe's optimizer is unknown.
    """
    check_language(source), check_language(target)
    if missing := {"split", "source", "target"} - set(pairs.columns):
        raise DataError(f"The pairs have no column {sorted(missing)}; make them with translation_pairs().")
    train = pairs[pairs["split"] == "train"]
    if train.empty:
        raise DataError("No pair has the split 'train': there is nothing to learn from.")
    check_tune(recipe)
    tokenizer, kept = small_tokenizer([*train["source"], *train["target"]])
    set_seed(seed)
    model = encoder_decoder(kept, pretrained)
    encoded = tokenizer(list(train["source"])) | {
        # The decoder's start piece is put before the labels by the collator; the end piece must be learned.
        "labels": [ids[1:] for ids in tokenizer(list(train["target"]))["input_ids"]]
    }
    with settings.scratch_folder() as scratch:
        trainer = Trainer(
            model=model,
            args=recipe_arguments(
                recipe,
                seed,
                scratch,
                per_device_train_batch_size=recipe.batch_size,
                adam_beta2=0.98,
                eval_strategy="no",
                save_strategy="no",
            ),
            train_dataset=Dataset.from_dict(
                {name: encoded[name] for name in ("input_ids", "attention_mask", "labels")}
            ),
            data_collator=DataCollatorForSeq2Seq(tokenizer, model=model, pad_to_multiple_of=4),
            callbacks=[ProgressBar()] if progress else [],
        )
        trainer.remove_callback(PrinterCallback)
        start = time.perf_counter()
        output = trainer.train()
        seconds = time.perf_counter() - start
    require_finite(output.training_loss, recipe)
    log = [entry for entry in trainer.state.log_history if "loss" in entry]
    history = pd.DataFrame({"epoch": range(1, len(log) + 1), "train_loss": [entry["loss"] for entry in log]})
    del trainer
    settings.release_memory()
    return Translator(cast(EncoderDecoderModel, model.eval()), tokenizer, source, target, history, seconds)
