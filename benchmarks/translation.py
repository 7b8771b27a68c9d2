"""Translation from English: begun from `mini` against random weights at the same budget, and against baselines.

    python benchmarks/translation.py                  # French and Chinese, three seeds each; about half an hour on one core
    python benchmarks/translation.py --targets fr --runs runs/
    python benchmarks/translation.py --tune           # dev sentences only: the recipes that were tried

Every finished run is kept in the folder `--runs`, so that an interrupted benchmark goes on where it was. The results go to
`xlft_helpers/tasks/translation/measured.json`, which notebook 10 reads, and to `benchmarks/translation.md`.
"""

import argparse
import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from xlft_helpers import settings
from xlft_helpers.data import load_data, select_language
from xlft_helpers.tasks.translation import (
    TRANSLATION_RECIPE,
    TranslationMemory,
    WordDictionary,
    bootstrap_chrf,
    sacrebleu_scores,
    train_translator,
    translation_pairs,
)
from xlft_helpers.tasks.translation.measured import MEASURED

NAMES = {True: "initialized", False: "scratch"}
RECIPES = {
    "default": TRANSLATION_RECIPE,
    "learning rate 4e-4": replace(TRANSLATION_RECIPE, learning_rate=4e-4),
    "learning rate 1.5e-3": replace(TRANSLATION_RECIPE, learning_rate=1.5e-3),
    "no label smoothing": replace(TRANSLATION_RECIPE, label_smoothing=0.0),
    "5 epochs": replace(TRANSLATION_RECIPE, epochs=5),
}


def trained(target: str, pretrained: bool, seed: int, folder: Path) -> dict[str, Any]:
    """The translations of the test sentences by one run, from the folder if it is there."""
    file = folder / f"{target}-{NAMES[pretrained]}-{seed}.json"
    if not file.is_file():
        pairs = translation_pairs(target)
        translator = train_translator(pairs, target, pretrained=pretrained, seed=seed, progress=False)
        test = list(pairs["source"][pairs["split"] == "test"])
        result = {
            "greedy": translator.translate(test, num_beams=1),
            "beam": translator.translate(test),
            "losses": [round(loss, 4) for loss in translator.history["train_loss"]],
            "seconds": round(translator.train_seconds),
        }
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
        print(f"{file.name}: loss {result['losses'][-1]:.2f}, {result['seconds']} s", flush=True)
    return json.loads(file.read_text(encoding="utf-8"))


def tweets_in_english(target: str, folder: Path) -> list[str]:
    """The test messages of `tweets` in the target language, translated to English by a model trained in reverse."""
    file = folder / f"{target}-tweets.json"
    if not file.is_file():
        pairs = translation_pairs(target).rename(columns={"source": "target", "target": "source"})
        translator = train_translator(pairs, "en", source=target, progress=False)
        messages = list(select_language(load_data("tweets", languages=["en", target])["test"], target)["text"])
        file.write_text(json.dumps(translator.translate(messages), ensure_ascii=False), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8"))


def measure(target: str, folder: Path, seeds: int) -> dict[str, Any]:
    """All systems on the test sentences of one target language."""
    pairs = translation_pairs(target)
    train, test = (pairs[pairs["split"] == split] for split in ("train", "test"))
    sources = list(test["source"])
    runs = {
        pretrained: [trained(target, pretrained, settings.SEED + seed, folder) for seed in range(seeds)]
        for pretrained in (True, False)
    }
    memory = TranslationMemory(list(train["source"]), list(train["target"]))
    dictionary = WordDictionary.learn(list(train["source"]), list(train["target"]), target)
    systems = {NAMES[p]: [run["beam"] for run in made] for p, made in runs.items()}
    systems["initialized, greedy"] = [run["greedy"] for run in runs[True]]
    systems["memory"] = [memory.translate(sources)]
    systems["dictionary"] = [dictionary.translate(sources)]
    systems["copy"] = [sources]
    return {
        "sources": sources,
        "references": list(test["target"]),
        "systems": systems,
        "losses": {NAMES[p]: [run["losses"] for run in made] for p, made in runs.items()},
        "tweets_in_english": tweets_in_english(target, folder) if target == "fr" else [],
        "settings": {
            "training pairs": len(train),
            "epochs": TRANSLATION_RECIPE.epochs,
            "seconds a run": [run["seconds"] for made in runs.values() for run in made],
            "machine": f"{platform.machine()}, {torch.get_num_threads()} thread(s)",
            "precision": settings.precision().reason,
        },
    }


def report(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "# Translation from English: measured",
        "",
        "`python benchmarks/translation.py`: held-out interface messages, at most 16 pieces long, none of whose sources "
        "stands in training. Mean over the runs of chrF and BLEU by sacrebleu; intervals are 95 % paired bootstraps over "
        "sentences and seeds, `initialized` minus the system.",
    ]
    for target, found in results.items():
        references, systems, setting = found["references"], found["systems"], found["settings"]
        scores = {name: [sacrebleu_scores(run, references, target) for run in runs] for name, runs in systems.items()}
        signature = scores["copy"][0]
        lines += [
            "",
            f"## English to {target}: {setting['training pairs']:,} pairs, {setting['epochs']} epochs, n = {len(references)}",
            "",
            "| system | runs | chrF | chrF of each run | BLEU | lead of `initialized` in chrF |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for name, rows in scores.items():
            chrfs = [row["chrF"] for row in rows]
            lead = bootstrap_chrf(systems["initialized"], references, against=systems[name])
            ahead = "" if name == "initialized" else f"{lead.estimate:+.1f} [{lead.low:+.1f}, {lead.high:+.1f}]"
            mean, bleu = sum(chrfs) / len(rows), sum(row["BLEU"] for row in rows) / len(rows)
            each = ", ".join(f"{value:.1f}" for value in chrfs) if len(rows) > 1 else ""
            lines.append(f"| {name} | {len(rows)} | {mean:.1f} | {each} | {bleu:.1f} | {ahead} |")
        lines += [
            "",
            f"Signatures: chrF `{signature['chrF signature']}`, BLEU `{signature['BLEU signature']}`. Machine: "
            f"{setting['machine']}; {setting['precision']}; wall time of the runs while other work shared the core: "
            f"{', '.join(map(str, setting['seconds a run']))} s.",
        ]
    return "\n".join(lines) + "\n"


def tune(targets: list[str]) -> None:
    """Print chrF on the dev sentences for each recipe, one seed, greedy."""
    for target in targets:
        pairs = translation_pairs(target)
        dev = pairs[pairs["split"] == "dev"]
        for name, recipe in RECIPES.items():
            translator = train_translator(pairs, target, recipe=recipe, progress=False)
            score = sacrebleu_scores(translator.translate(list(dev["source"]), 1), list(dev["target"]), target)
            print(f"{target} {name}: dev chrF {score['chrF']:.1f}, {translator.train_seconds:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--targets", nargs="+", default=["fr", "zh"])
    parser.add_argument("--runs", type=Path, default=settings.cache_dir() / "translation-runs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tune", action="store_true", help="only try recipes on the dev sentences")
    options = parser.parse_args()
    if options.tune:
        tune(options.targets)
        return
    results = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    for target in options.targets:
        results[target] = measure(target, options.runs, options.seeds)
    MEASURED.write_text(json.dumps(results, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    text = report(results)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
