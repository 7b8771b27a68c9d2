"""Fine-tune a model of mBERT's size: the stock recipe, a careful one and the course's, in turn on the same rows.

    python benchmarks/finetuning.py                  # speed and memory; writes finetuning.md
    python benchmarks/finetuning.py --quality        # adds the dev loss on mini, where there is something to learn

Every side runs in a process of its own, ``--runs`` times in turn, with the same seed, rows, batch size, learning rate and
number of steps; the table has medians. The model has mBERT's configuration and random weights: speed and memory do not
depend on them. Its tokenizer is mini's, filled up with pieces that no text holds to mBERT's 119,547, so that the table of
embeddings has its real size. The course's sides start from the checkpoint that ``trim_vocabulary`` makes of it from the
training texts; trimming happens once, before the clock starts, as it would before a series of runs.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

from xlft_helpers import settings
from xlft_helpers.data import label_names, load_tweets, tokenize
from xlft_helpers.evaluation import bootstrap_mean
from xlft_helpers.execution import peak_memory_of_this_process
from xlft_helpers.finetuning import Recipe, default_recipe, finetune
from xlft_helpers.inference import predict
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.trimming import trim_vocabulary

HERE = Path(__file__).resolve().parent
LANGUAGES = ["en", "fr", "de", "es", "it", "pt", "ru", "zh"]
BATCH_SIZE = 8  # the Trainer's default
LEARNING_RATE = 5e-5  # likewise
MBERT_PIECES = 119_547
SIDES = {
    "stock": "Trainer's defaults: float32, every text padded to 128 pieces",
    "careful": "Trainer: dynamic padding, group_by_length, bf16",
    "course": "finetune on the trimmed model, frozen embeddings",
    "course, Adafactor": "the same with optimizer='adafactor'",
    "course, LoRA": "finetune on the trimmed model, tune='lora'",
}


def texts() -> Dataset:
    """The training messages of eight languages in a fixed random order."""
    return load_tweets(LANGUAGES)["train"].shuffle(seed=0)


def write_checkpoints(folder: Path) -> None:
    """``full`` and ``trimmed`` in ``folder``: mBERT's configuration with random weights."""
    small = load_tokenizer("mini")
    state = json.loads(small.backend_tokenizer.to_str())
    pieces = state["model"]["vocab"]
    # Filler must never win against real pieces: a score below every other.
    pieces += [[f"<filler-{i}>", -1000.0] for i in range(MBERT_PIECES - len(small))]
    tokenizer_file = folder / "tokenizer.json"
    tokenizer_file.write_text(json.dumps(state), encoding="utf-8")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file), **small.special_tokens_map)
    set_seed(0)
    config = BertConfig(vocab_size=len(tokenizer), num_labels=3, pad_token_id=tokenizer.pad_token_id)
    model = BertForSequenceClassification(config)
    trimmed = trim_vocabulary(model, tokenizer, texts()["text"])
    print(f"Trimmed to the training texts of {' '.join(LANGUAGES)}: {trimmed.report}", flush=True)
    for name, part in (("full", (model, tokenizer)), ("trimmed", (trimmed.model, trimmed.tokenizer))):
        for saved in part:
            saved.save_pretrained(folder / name)


def train_with_trainer(model_name: str, train: Dataset, careful: bool, seed: int, epochs: int, rate: float) -> Any:
    """Seconds of the training loop, and the model with its tokenizer."""
    set_seed(seed)
    tokenizer = load_tokenizer(model_name)
    model = load_model(model_name, "sequence-classification", label_names(train), trainable_embeddings=True)
    if careful:
        encoded = tokenize(train, tokenizer, 128).select_columns(["input_ids", "attention_mask", "label"])
    else:
        encoded = train.map(
            lambda batch: tokenizer(batch["text"], truncation=True, max_length=128, padding="max_length"), batched=True
        )
    better = {"train_sampling_strategy": "group_by_length", "bf16": True} if careful else {}
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=epochs, learning_rate=rate, seed=seed, save_strategy="no", logging_strategy="no",
            report_to="none", disable_tqdm=True, use_cpu=settings.device().type == "cpu", per_device_train_batch_size=BATCH_SIZE, **better,
        )  # fmt: skip
        collator = DataCollatorWithPadding(tokenizer) if careful else None
        trainer = Trainer(model, arguments, train_dataset=encoded, data_collator=collator)
        start = time.perf_counter()
        trainer.train()
        return time.perf_counter() - start, model.eval(), tokenizer


def train_with_course(model_name: str, train: Dataset, side: str, seed: int, epochs: int, rate: float) -> Any:
    """Seconds of the training loop, and the model with its tokenizer."""
    if side == "course, LoRA":
        rate = default_recipe(model_name, "lora").learning_rate  # few parameters, which must move farther
    # Linear decay without warm-up, as the Trainer's defaults have it.
    recipe = Recipe(
        learning_rate=rate,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        warmup=0.0,
        weight_decay=0.0,
        tune="lora" if side == "course, LoRA" else "frozen-embeddings",
        optimizer="adafactor" if side == "course, Adafactor" else "adamw",
    )
    result = finetune(model_name, train, recipe=recipe, seed=seed, progress=False)
    return result.train_seconds, result.model, result.tokenizer


def train_side(side: str, folder: Path | None, train: Dataset, seed: int = 0, epochs: int = 1) -> Any:
    """Train one side; without a folder of checkpoints, on mini (with its learning rate)."""
    rate = LEARNING_RATE if folder else 3e-4
    if side.startswith("course"):
        return train_with_course(str(folder / "trimmed") if folder else "mini", train, side, seed, epochs, rate)
    return train_with_trainer(str(folder / "full") if folder else "mini", train, side == "careful", seed, epochs, rate)


def dev_loss(model: Any, tokenizer: Any, dev: Dataset) -> float:
    """Mean negative log-likelihood in nats."""
    log_probabilities = torch.tensor(predict(model, tokenizer, dev)).log()
    return float(torch.nn.functional.nll_loss(log_probabilities, torch.tensor(dev["label"])))


def peak_memory() -> int:
    """Bytes at the peak: of the GPU where one computes, else of the whole process."""
    return torch.cuda.max_memory_allocated() if settings.device().type == "cuda" else peak_memory_of_this_process()


def in_own_process(side: str, folder: Path, rows: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--only", side, "--folder", str(folder), "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def speed_table(runs: int, rows: int) -> list[str]:
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoints(Path(folder))
        for number in range(runs):
            for side in SIDES:
                found[side].append(in_own_process(side, Path(folder), rows))
                print(f"run {number + 1}: {side}: {found[side][-1]}", flush=True)
    speed = {side: median(run["examples_per_second"] for run in measured) for side, measured in found.items()}
    memory = {side: median(run["peak_mb"] for run in measured) for side, measured in found.items()}
    lines = [
        "| side | examples a second | times stock | times careful | peak memory, MB | share of stock | what it is |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for side, meaning in SIDES.items():
        lines.append(
            f"| {side} | {speed[side]:.2f} | {speed[side] / speed['stock']:.1f} | {speed[side] / speed['careful']:.1f} "
            f"| {memory[side]:,.0f} | {memory[side] / memory['stock']:.2f} | {meaning} |"
        )
    return lines


def quality_table(seeds: int) -> list[str]:
    """Dev loss of every side on mini, 3 epochs of all training messages in eight languages."""
    train, dev = texts(), load_tweets(LANGUAGES)["dev"]
    losses = {side: [] for side in SIDES}
    for seed in range(seeds):
        for side in SIDES:
            _, model, tokenizer = train_side(side, None, train, seed, epochs=3)
            losses[side].append(dev_loss(model, tokenizer, dev))
            print(f"mini, seed {seed}: {side}: dev loss {losses[side][-1]:.3f}", flush=True)
    lines = ["| side | dev loss on mini | minus stock, 95 % interval over seeds |", "| --- | --- | --- |"]
    for side, values in losses.items():
        gap = bootstrap_mean([value - stock for value, stock in zip(values, losses["stock"], strict=True)])
        lines.append(
            f"| {side} | {sum(values) / len(values):.3f} | {gap.estimate:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] |"
        )
    return [*lines, "", f"n = {len(train):,} messages, {len(dev):,} dev messages, {seeds} seeds."]


def write(lines: list[str]) -> None:
    (HERE / "finetuning.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="runs a side, in turn (default: 5)")
    parser.add_argument("--rows", type=int, default=96, help=f"messages a run, {BATCH_SIZE} a step (default: 96)")
    parser.add_argument("--quality", action="store_true", help="also compare the dev loss on mini")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of --quality (default: 3)")
    parser.add_argument("--only", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        seconds, _, _ = train_side(options.only, options.folder, texts().select(range(options.rows)))
        print(json.dumps({
            "examples_per_second": options.rows / seconds, "peak_mb": peak_memory() / 2**20,
        }))  # fmt: skip
        return
    gpu = settings.device().type == "cuda"
    device = torch.cuda.get_device_name() if gpu else f"{platform.machine()}, {torch.get_num_threads()} threads"
    machine = f"{device}, torch {torch.__version__}"
    lines = [
        "# Fine-tuning a model of mBERT's size",
        "",
        f"`python benchmarks/finetuning.py{' --quality' if options.quality else ''}` on {machine}; medians of "
        f"{options.runs} runs, {options.rows} messages of `tweets` in eight languages, {BATCH_SIZE} a step.",
        "",
        *speed_table(options.runs, options.rows),
    ]
    if not gpu:
        lines += [
            "",
            "No rows of a GPU: this machine has none that torch can use. On one that has, run the script there.",
        ]
    write(lines)
    if options.quality:
        lines += ["", *quality_table(options.seeds)]
        write(lines)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
