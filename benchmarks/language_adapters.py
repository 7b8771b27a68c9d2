"""Language adapters under a task adapter (after MAD-X, Pfeiffer et al. 2020) against the task adapter alone, on mini.

    python benchmarks/language_adapters.py            # writes language_adapters.md

A language adapter is trained for every language by masked language modelling on the training messages of `tweets`, without
their labels, and on interface messages of JupyterLab. Then, with every seed, a LoRA learns the task from the English
messages: once on the bare encoder, and once on top of the English language adapter, which is swapped for the target's at
test time. Both are tested on the same messages. A third row leaves the English adapter in: it tells what the swap itself does.
"""

import argparse
import platform
from pathlib import Path

import numpy as np
import torch
from datasets import DatasetDict

from xlft_helpers.data import load_parallel, load_tweets, select_language
from xlft_helpers.evaluation import mean_difference, score
from xlft_helpers.finetuning import default_recipe, finetune
from xlft_helpers.finetuning.language_adapters import LanguageAdapter, swap_language, train_language_adapter
from xlft_helpers.inference import predict

TARGETS = ["de", "es", "fr", "ru", "zh"]
"""Languages of `tweets` that mini has read and JupyterLab is translated into."""

WAYS = ("task adapter alone", "on the English language adapter, left in", "swapped for the target's")


def train_adapters() -> dict[str, LanguageAdapter]:
    """One adapter a language, English among them."""
    tweets = load_tweets(["en", *TARGETS])["train"]
    adapters = {}
    for language in ["en", *TARGETS]:
        interface = load_parallel([language if language != "en" else TARGETS[0]])
        texts = [
            *select_language(tweets, language)["text"],
            *interface.loc[interface["split"] == "train", language],
        ]
        adapters[language] = train_language_adapter("mini", texts, language, progress=False)
        print(f"{language}: language adapter trained on {len(texts):,} texts", flush=True)
    return adapters


def run(adapters: dict[str, LanguageAdapter], data: DatasetDict, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """The answers of each way in each target language, with one seed."""
    english, recipe = select_language(data["train"], "en"), default_recipe("mini", "lora")
    alone = finetune("mini", english, recipe=recipe, seed=seed, progress=False)
    stacked = finetune("mini", english, recipe=recipe, seed=seed, language_adapter=adapters["en"], progress=False)
    found: dict[str, dict[str, np.ndarray]] = {way: {} for way in WAYS}
    for language in TARGETS:
        rows = select_language(data["test"], language)
        models = (alone.model, stacked.model, swap_language(stacked.model, adapters["en"], adapters[language]))
        for way, model in zip(WAYS, models, strict=True):
            found[way][language] = predict(model, alone.tokenizer, rows).argmax(axis=1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the task adapter (default: 3)")
    options = parser.parse_args()
    adapters, data = train_adapters(), load_tweets(["en", *TARGETS])
    runs = [run(adapters, data, seed) for seed in range(options.seeds)]
    labels = {language: np.asarray(select_language(data["test"], language)["label"]) for language in TARGETS}
    answers = {way: {k: np.stack([found[way][k] for found in runs]) for k in TARGETS} for way in WAYS}
    lines = [
        "# Language adapters under a task adapter",
        "",
        f"`python benchmarks/language_adapters.py` on {platform.machine()}, {torch.get_num_threads()} threads: zero-shot",
        f"macro-F1 in points on the test messages of `tweets`, n = {len(labels[TARGETS[0]])} a language, mean of "
        f"{options.seeds} seeds; trained on English. One constant answer scores 16.7. The difference: paired bootstrap over "
        "messages and seeds, 95 % interval.",
        "",
        f"| way | {' | '.join(TARGETS)} | mean | minus the task adapter alone |",
        f"| --- |{' --- |' * (len(TARGETS) + 2)}",
    ]
    for way in WAYS:
        scores = [100 * np.mean([score(labels[k], row, 3).macro_f1 for row in answers[way][k]]) for k in TARGETS]
        gap = mean_difference(labels, answers[way], answers[WAYS[0]], 3)
        ahead = "" if way == WAYS[0] else f"{100 * gap.estimate:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
        cells = " | ".join(f"{value:.1f}" for value in [*scores, np.mean(scores)])
        lines.append(f"| {way} | {cells} | {ahead} |")
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
