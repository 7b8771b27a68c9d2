"""Training throughput: the engine of `xlft_helpers.pretraining` against the `Trainer` with its defaults.

    python benchmarks/pretraining.py

Both train the same masked language model (a BERT of 4 layers x 256, 16,000 pieces) on the same texts: the training
messages of `tweets` in all ten languages. Each runs in a process of its own, one after the other, so that its peak
memory is its own. The Trainer gets what its users get without thinking about it: float32, every text padded to the
model's 128 positions, 8 texts a step, dropout 0.1, the logits of every position. Tokens are pieces of text, without
padding; the first steps are not timed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time

import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from xlft_helpers import settings
from xlft_helpers.data import load_tweets
from xlft_helpers.execution import peak_memory_of_this_process
from xlft_helpers.models import load_tokenizer
from xlft_helpers.pretraining import PretrainRecipe, pretrain, small_model

CONTENDERS = ("engine", "trainer")
POSITIONS = 128
WARM_UP = 3
"""Steps before the clock starts."""


def texts() -> list[dict[str, str]]:
    """The training messages, a row each."""
    rows = load_tweets()["train"]
    return [{language: text} for language, text in zip(rows["language"], rows["text"], strict=True)]


def measure_engine(steps: int) -> float:
    """Tokens a second."""
    tokenizer = load_tokenizer("mini")
    torch.manual_seed(settings.SEED)
    model = small_model(tokenizer, "masked", layers=4, hidden=256, max_length=POSITIONS)
    recipe = PretrainRecipe(steps=WARM_UP + steps, max_length=POSITIONS)
    history = pretrain(model, tokenizer, texts(), recipe, log_every=1, progress=False).history
    first, last = (history[history["step"] == step].iloc[0] for step in (WARM_UP, WARM_UP + steps))
    return (last["tokens"] - first["tokens"]) / (last["seconds"] - first["seconds"])


class Clock(TrainerCallback):
    """Notes the time at the end of every step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: object, **__: object) -> None:
        self.times.append(time.perf_counter())


def measure_trainer(steps: int) -> float:
    """Tokens a second."""
    tokenizer = load_tokenizer("mini")
    torch.manual_seed(settings.SEED)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=8,
        intermediate_size=1024,
        max_position_embeddings=POSITIONS,
    )
    strings = [text for row in texts() for text in row.values()]
    order = torch.randperm(len(strings)).tolist()
    batch, clock, rows = 8, Clock(), []
    for number in order[: batch * (WARM_UP + steps)]:
        rows.append(dict(tokenizer(strings[number], truncation=True, max_length=POSITIONS, padding="max_length")))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            max_steps=WARM_UP + steps,
            per_device_train_batch_size=batch,
            train_sampling_strategy="sequential",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        collator = DataCollatorForLanguageModeling(tokenizer)
        Trainer(BertForMaskedLM(config), arguments, collator, rows, callbacks=[clock]).train()
    tokens = sum(sum(row["attention_mask"]) for row in rows[batch * WARM_UP :])
    return tokens / (clock.times[-1] - clock.times[WARM_UP - 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=30, help="timed steps of the engine (default: 30)")
    parser.add_argument("--trainer-steps", type=int, default=60, help="timed steps of the Trainer (default: 60)")
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        measure, steps = {
            "engine": (measure_engine, options.steps),
            "trainer": (measure_trainer, options.trainer_steps),
        }[options.only]
        print(json.dumps({"tokens": measure(steps), "memory": peak_memory_of_this_process() / 2**20}))
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; {settings.precision().reason}")
    found = {}
    for contender in CONTENDERS:
        steps = ["--steps", str(options.steps), "--trainer-steps", str(options.trainer_steps)]
        command = [sys.executable, __file__, "--only", contender, *steps]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        found[contender] = json.loads(output.strip().splitlines()[-1])
    print(f"{'':10} {'tokens/s':>10} {'peak MB':>8}")
    for contender, figures in found.items():
        print(f"{contender:10} {figures['tokens']:10,.0f} {figures['memory']:8.0f}")
    print(f"The engine is {found['engine']['tokens'] / found['trainer']['tokens']:.1f} times as fast.")


if __name__ == "__main__":
    main()
