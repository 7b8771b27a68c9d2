"""What each ingredient of `mini` adds, every variant at the same small budget.

Finished runs are kept in a JSON file, so the comparison can be stopped and goes on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from mini_evaluation import Row, evaluate_folder, mean_precision
from mini_initialization import initialize, turned_towards
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xlft_helpers.pretraining import JsonLines, PretrainRecipe, SentenceTargets, pretrain, small_model

BLANKS = 300
"""Rows whose blanks are filled, to save time."""


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes:
        objectives: of the pretraining; none for random weights.
        initialized: start from USE-M's embeddings.
        distilled: with the sentence term.
        layers: depth.
        hidden: width.
    """

    objectives: tuple[str, ...]
    initialized: bool = False
    distilled: bool = False
    layers: int = 4
    hidden: int = 256


VARIANTS = {
    "random weights": Variant(()),
    "MLM": Variant(("mlm",)),
    "MLM + TLM": Variant(("mlm", "tlm")),
    "MLM + TLM, USE-M's embeddings": Variant(("mlm", "tlm"), initialized=True),
    "MLM + TLM, sentence term": Variant(("mlm", "tlm"), distilled=True),
    "final recipe": Variant(("mlm", "tlm"), initialized=True, distilled=True),
}


def run(
    variant: Variant,
    recipe: PretrainRecipe,
    seed: int,
    tokenizer: PreTrainedTokenizerBase,
    corpus: JsonLines,
    targets: Tensor,
    texts: list[str],
    held_out: Sequence[Row],
    languages: Sequence[str],
    folder: Path,
) -> dict[str, object]:
    """Train one variant and give its figures."""
    torch.manual_seed(seed)
    model = small_model(tokenizer, "masked", layers=variant.layers, hidden=variant.hidden, max_length=128)
    if variant.initialized:
        initialize(model, tokenizer)
    seconds, tokens = 0.0, 0
    if variant.objectives:
        result = pretrain(
            model,
            tokenizer,
            corpus,
            replace(recipe, objectives=variant.objectives),
            sentence_targets=SentenceTargets(turned_towards(model, tokenizer, texts, targets))
            if variant.distilled
            else None,
            seed=seed,
        )
        seconds, tokens = result.seconds, result.tokens
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {
        "seconds": seconds,
        "tokens": tokens,
        **evaluate_folder(folder, held_out, languages, seeds=1, blanks=BLANKS),
    }


def table(runs: dict[str, dict], variants: Sequence[str] = tuple(VARIANTS)) -> str:
    """A Markdown table of the finished runs: means over the seeds."""
    lines = [
        "| variant | seeds | tokens | retrieval P@1 | centred | masked-token accuracy | zero-shot sentiment, macro-F1 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in variants:
        found = [run for key, run in runs.items() if key.rpartition(" | ")[0] == name]
        if not found:
            continue
        sentiment = [
            np.mean([np.mean(scores) for language, scores in run["sentiment"].items() if language != "en"])
            for run in found
        ]
        columns = [
            [mean_precision(run["retrieval"]) for run in found],
            [mean_precision(run["centred"]) for run in found],
            [np.mean([figures["accuracy"] for figures in run["masked"].values()]) for run in found],
            sentiment,
        ]
        cells = " | ".join(f"{100 * np.mean(column):.1f}" for column in columns)
        lines.append(f"| {name} | {len(found)} | {np.mean([run['tokens'] for run in found]) / 1e6:.1f} M | {cells} |")
    return "\n".join(lines)


def ablate(store: Path, seeds: int, **common: object) -> dict[str, dict]:
    """Run what is missing of all variants with all seeds; returns every finished run by ``variant | seed``."""
    runs = json.loads(store.read_text(encoding="utf-8")) if store.is_file() else {}
    for seed in range(seeds):
        for name, variant in VARIANTS.items():
            key = f"{name} | {seed}"
            if key not in runs:
                runs[key] = run(variant, seed=seed, folder=store.parent / "variant", **common)  # type: ignore[arg-type]
                temporary = store.with_suffix(".part")
                temporary.write_text(json.dumps(runs), encoding="utf-8")
                temporary.replace(store)
                print(f"{key}: retrieval {mean_precision(runs[key]['retrieval']):.3f}", flush=True)
    return runs
