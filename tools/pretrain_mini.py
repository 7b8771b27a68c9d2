"""Make the course's own multilingual BERT, `mini`, from the text of packages to the checkpoint and its figures.

    python tools/pretrain_mini.py --prepare     # download, align, filter, hold out; tokenizer; sentence targets
    python tools/pretrain_mini.py --train       # hours on two cores; goes on where it was interrupted
    python tools/pretrain_mini.py --evaluate    # the figures of the model card, from the checkpoint in the package
    python tools/pretrain_mini.py --recipes     # recipes of fine-tuning side by side, on dev sets
    python tools/pretrain_mini.py --ablate      # what each ingredient adds at the same small budget

Needs Debian's package managers (`apt-get`, `dpkg`) and pip; see ``mini_corpus.py`` for the sources. Everything goes into
the cache folder, and `--train` puts the finished checkpoint into the package.
"""

import argparse
import json
import random
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import mini_corpus
import torch
from mini_ablation import ablate, table
from mini_evaluation import evaluate_folder, figures, recipe_table
from mini_initialization import initialize, sentence_targets, turned_towards
from mini_tokenizer import train_tokenizer
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer, BertForMaskedLM, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.models import load_tokenizer
from xlft_helpers.pretraining import JsonLines, PretrainRecipe, SentenceTargets, pretrain, small_model

HIDDEN, LAYERS, POSITIONS = 256, 4, 128
PACKAGED = Path(__file__).resolve().parent.parent / "xlft_helpers" / "models" / "mini"
BEGIN, END = "<!-- figures: python tools/pretrain_mini.py --evaluate -->", "<!-- end of figures -->"
SEEDS = 3
TURNED_BY = 2000
"""Texts."""
HELD_OUT_IDS = Path(__file__).resolve().parent / "mini_held_out.txt"
RECIPE = PretrainRecipe(
    objectives=("mlm", "mlm", "tlm"),
    steps=3000,
    batch_tokens=2048,
    max_length=POSITIONS,
    learning_rate=1e-3,
    warmup=0.05,
)


def work_folder() -> Path:
    """Where the text, the tokenizer and the checkpoints of the run are."""
    return settings.cache_dir() / "mini"


def prepare() -> None:
    """Everything that training reads. The held-out paragraphs are those of the committed list, where there is one."""
    folder = work_folder()
    prepare_text(folder)
    rows = list(JsonLines(folder / "train.jsonl"))
    if not (folder / "tokenizer").is_dir():
        train_tokenizer(rows, load_tokenizer("use-m"), POSITIONS).save_pretrained(folder / "tokenizer")
    if not (folder / "targets.safetensors").is_file():
        vectors = sentence_targets([row["en"] for row in rows], HIDDEN)
        save_file({"vectors": vectors}, folder / "targets.safetensors")


def prepare_text(folder: Path) -> None:
    """``train.jsonl`` and ``held_out.jsonl``."""
    if (folder / "train.jsonl").is_file():
        return
    raw = folder / "packages"
    mini_corpus.download(raw)
    paragraphs = mini_corpus.filter_rows(mini_corpus.read_help(raw).items(), shortest=20)
    if not HELD_OUT_IDS.is_file():
        HELD_OUT_IDS.write_text("\n".join(mini_corpus.hold_out(paragraphs)) + "\n", encoding="utf-8")
    held_out = {name: paragraphs.pop(name) for name in HELD_OUT_IDS.read_text(encoding="utf-8").split()}
    everything = [
        *paragraphs.items(),
        *mini_corpus.read_interface(raw).items(),
        *mini_corpus.read_home_assistant(raw).items(),
    ]
    rows, near = mini_corpus.without_held_out(mini_corpus.filter_rows(everything, shortest=12), held_out)
    print(f"{len(rows):,} rows; {near:,} are too near to a held-out one. {mini_corpus.describe(rows)}")
    names = list(rows)
    random.Random(settings.SEED).shuffle(names)
    mini_corpus.write_rows(folder / "held_out.jsonl", held_out)
    mini_corpus.write_rows(folder / "train.jsonl", {name: rows[name] for name in names})


def corpus() -> JsonLines:
    """The training rows, read as they are needed."""
    return JsonLines(work_folder() / "train.jsonl")


@cache
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(work_folder() / "tokenizer")


def fresh_model(seed: int) -> BertForMaskedLM:
    """The architecture with random weights, apart from what :func:`initialize` gives it."""
    torch.manual_seed(seed)
    model = small_model(tokenizer(), "masked", layers=LAYERS, hidden=HIDDEN, max_length=POSITIONS)
    initialize(model, tokenizer())
    return model


def targets() -> Tensor:
    """The sentence targets of all rows."""
    return load_file(work_folder() / "targets.safetensors")["vectors"]


def first_texts() -> list[str]:
    """English texts that the targets are turned by."""
    return [row["en"] for row in islice(corpus(), TURNED_BY)]


def train(steps: int) -> None:
    """The long run. It reads the last checkpoint of an earlier call and goes on there."""
    model = fresh_model(settings.SEED)
    turned = turned_towards(model, tokenizer(), first_texts(), targets())
    result = pretrain(
        model,
        tokenizer(),
        corpus(),
        replace(RECIPE, steps=steps),
        sentence_targets=SentenceTargets(turned),
        output_dir=work_folder() / "run",
        checkpoint_every=50,
    )
    save(result.model)
    result.history.to_csv(work_folder() / "history.csv", index=False)
    print(f"{result.tokens:,} tokens in {result.seconds:,.0f} s; saved in {PACKAGED}")


def save(model: BertForMaskedLM) -> None:
    """Model and tokenizer into the package, in half precision."""
    model.to(torch.float16).save_pretrained(PACKAGED)
    tokenizer().save_pretrained(PACKAGED)
    path = PACKAGED / "tokenizer.json"
    compact = json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False, separators=(",", ":"))
    path.write_text(compact + "\n", encoding="utf-8")


def evaluate() -> None:
    """Print the figures of the packaged checkpoint and put them into its card, between the two marks."""
    prepare_text(work_folder())
    held_out = list(JsonLines(work_folder() / "held_out.jsonl"))
    found = evaluate_folder(PACKAGED, held_out, mini_corpus.HELD_OUT_LANGUAGES, SEEDS)
    text = figures(found, len(held_out), SEEDS)
    print(text)
    card = PACKAGED / "MODEL_CARD.md"
    before, _, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    card.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def ablation(steps: int, seeds: int) -> None:
    """Run what is missing of the comparison and print its table."""
    runs = ablate(
        work_folder() / "ablation.json",
        seeds,
        recipe=replace(RECIPE, steps=steps),
        tokenizer=tokenizer(),
        corpus=corpus(),
        targets=targets(),
        texts=first_texts(),
        held_out=list(JsonLines(work_folder() / "held_out.jsonl")),
        languages=mini_corpus.HELD_OUT_LANGUAGES,
    )
    print(table(runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prepare", action="store_true", help="text, tokenizer and sentence targets")
    parser.add_argument("--train", action="store_true", help="the long run, and the checkpoint into the package")
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help=f"of --train (default: {RECIPE.steps})")
    parser.add_argument("--evaluate", action="store_true", help="the figures of the card")
    parser.add_argument("--recipes", action="store_true", help="recipes of fine-tuning, on dev sets")
    parser.add_argument("--ablate", action="store_true", help="the variants side by side")
    parser.add_argument("--ablation-steps", type=int, default=200, help="of every variant (default: 200)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"of --ablate and --recipes (default: {SEEDS})")
    options = parser.parse_args()
    if options.prepare:
        prepare()
    if options.train:
        train(options.steps)
    if options.evaluate:
        evaluate()
    if options.recipes:
        print(recipe_table(PACKAGED, options.seeds))
    if options.ablate:
        ablation(options.ablation_steps, options.seeds)


if __name__ == "__main__":
    main()
