"""The memory of fine-tuning, estimated before loading and measured at the peak.

    python benchmarks/memory.py

Each case trains for three steps in a process of its own, on texts that all fill the longest input. The mid-size BERT has
random weights (8 layers of 512 dimensions, 33 million parameters): memory does not depend on them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Literal

import psutil
import torch
from datasets import ClassLabel, Dataset
from transformers import AutoModelForSequenceClassification, BertConfig

from xlft_helpers import settings
from xlft_helpers.execution import peak_memory_of_this_process
from xlft_helpers.finetuning import Recipe, estimate_memory, finetune
from xlft_helpers.finetuning.memory import BatchPlan, fit_memory
from xlft_helpers.models import load_config, load_tokenizer

STEPS = 3


@dataclass(frozen=True)
class Case:
    """One fine-tuning: ``spare`` is the share of the plain estimate that the memory limit leaves (1: no limit)."""

    model: str
    tune: str
    batch_size: int
    length: int
    spare: float = 1.0
    optimizer: Literal["adamw", "adafactor"] = "adamw"


CASES = [
    Case("mini", "full", 32, 128),
    Case("mini", "lora", 32, 128),
    Case("use-m", "frozen-embeddings", 64, 128),
    Case("use-m", "lora", 64, 128),
    Case("use-m", "full", 32, 64),
    Case("bert-33m", "full", 16, 128),
    Case("bert-33m", "frozen-embeddings", 16, 128, 0.9),
    Case("bert-33m", "full", 16, 128, optimizer="adafactor"),
    Case("bert-33m", "lora", 16, 128),
    Case("bert-33m", "lora", 16, 128, 0.75),
]


def save_bert(folder: str) -> None:
    """A BERT of random weights with ``mini``'s tokenizer."""
    tokenizer = load_tokenizer("mini")
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=512,
        num_hidden_layers=8,
        num_attention_heads=8,
        intermediate_size=2048,
        num_labels=3,
    )
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def measure(case: Case, model: str) -> dict[str, float]:
    """Estimate and measure one case in this process; megabytes."""
    count = STEPS * case.batch_size
    texts = [" ".join(f"{word} message" for word in range(number, number + case.length)) for number in range(count)]
    labels = ClassLabel(names=["negative", "neutral", "positive"])
    columns = {"text": texts, "label": [0] * count, "language": ["en"] * count}
    rows = Dataset.from_dict(columns).cast_column("label", labels)
    sizes = {"length": case.length, "tune": case.tune, "optimizer": case.optimizer}
    recipe = Recipe(
        tune=case.tune, epochs=1, batch_size=case.batch_size, max_length=case.length, optimizer=case.optimizer
    )
    load_tokenizer(model)
    settings.precision()
    plan, limit = BatchPlan(case.batch_size), None
    before = psutil.Process().memory_info().rss
    estimate = estimate_memory(model, batch_size=case.batch_size, **sizes)
    if case.spare < 1:
        limit = f"{case.spare * estimate.total / 2**20:.0f}MB"
        config = load_config(model, label_names=labels.names, trainable_embeddings=case.tune == "full")
        plan = fit_memory(limit, config, "sequence-classification", recipe, case.length)
        estimate = estimate_memory(model, batch_size=plan.part, checkpointing=plan.checkpointing, **sizes)
    parts = {name: getattr(estimate, name) / 2**20 for name in ("weights", "gradients", "optimizer", "activations")}
    finetune(model, rows, recipe=recipe, memory_limit=limit, progress=False)
    return {
        **parts,
        "start": before / 2**20,
        "base": estimate.base / 2**20,
        "estimate": estimate.total / 2**20,
        "peak": peak_memory_of_this_process() / 2**20,
        "part": plan.part,
        "recompute": plan.checkpointing,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        case = CASES[options.only]
        print(json.dumps(measure(case, options.folder if case.model == "bert-33m" else case.model)))
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; {settings.precision().reason}; megabytes")
    print(
        "| model | tune | batch x length | at a time | weights | gradients | optimizer | activations | base | estimate | peak |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        save_bert(folder)
        for number, case in enumerate(CASES):
            command = [sys.executable, __file__, "--only", str(number), "--folder", folder]
            output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            found = json.loads(output.strip().splitlines()[-1])
            method = case.tune if case.optimizer == "adamw" else f"{case.tune}, {case.optimizer}"
            part = f"{found['part']}{', recomputed' if found['recompute'] else ''}"
            sizes = ("weights", "gradients", "optimizer", "activations", "base", "estimate", "peak")
            cells = [
                case.model,
                method,
                f"{case.batch_size} x {case.length}",
                part,
                *(f"{found[size]:.0f}" for size in sizes),
            ]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
