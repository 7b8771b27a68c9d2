"""Try recipes for USE-M on UMSAB's dev sets and write what each gave to recipes.md.

    python benchmarks/recipes.py --data-dir path/to/umsab

Nothing here looks at a test set. Zero-shot trains on English and is judged on the dev rows of French, German and
Spanish; merged trains on all languages and is judged on those three and English. Finished runs are kept in
``recipes.json``, so the script can be stopped and started again.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from xlft_helpers.data import load_umsab, select_language
from xlft_helpers.evaluation import bootstrap_mean, score
from xlft_helpers.finetuning import Recipe, finetune
from xlft_helpers.inference import mean_embedding, predict

HERE = Path(__file__).resolve().parent
BASE = Recipe()
ZERO_SHOT = {
    "the default": (BASE, True),
    "no centring": (BASE, False),
    "learning rate 2e-4": (replace(BASE, learning_rate=2e-4), True),
    "learning rate 8e-4": (replace(BASE, learning_rate=8e-4), True),
    "2 epochs": (replace(BASE, epochs=2), True),
    "5 epochs": (replace(BASE, epochs=5), True),
    "batch 16": (replace(BASE, batch_size=16), True),
    "label smoothing 0.1": (replace(BASE, label_smoothing=0.1), True),
    "embeddings trained too": (replace(BASE, tune="full"), True),
}
TWO_EXPERTS = replace(BASE, lexical_expert=True)
MERGED = {
    "the default of compare (encoder and lexical expert)": TWO_EXPERTS,
    "encoder alone": BASE,
    "5 epochs": replace(TWO_EXPERTS, epochs=5),
    "learning rate 2e-4": replace(TWO_EXPERTS, learning_rate=2e-4),
}


def zero_shot(data, recipe: Recipe, centre: bool, seed: int) -> list[float]:
    """Dev macro-F1 on French, German, Spanish of a model trained on English."""
    english = select_language(data["train"], "en")
    result = finetune("use-m", english, recipe=recipe, seed=seed)
    source_mean = mean_embedding(result.model, result.tokenizer, english) if centre else None
    found = []
    for language in ("fr", "de", "es"):
        unlabelled, shift = select_language(data["train"], language), None
        if source_mean is not None:
            shift = mean_embedding(result.model, result.tokenizer, unlabelled) - source_mean
        found.append(_score(result, select_language(data["dev"], language), shift))
    return found


def merged(data, recipe: Recipe, seed: int) -> list[float]:
    """Dev macro-F1 on English, French, German, Spanish of a model trained on every language."""
    result = finetune("use-m", data["train"], recipe=recipe, seed=seed)
    return [_score(result, select_language(data["dev"], language), None) for language in ("en", "fr", "de", "es")]


def _score(result, rows, shift) -> float:
    answers = predict(result.model, result.tokenizer, rows, shift=shift).argmax(axis=1)
    return score(rows["label"], answers, 3).macro_f1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with UMSAB's files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=["zero-shot", "merged"])
    options = parser.parse_args()
    data = load_umsab(options.data_dir)
    store = HERE / "recipes.json"
    runs = json.loads(store.read_text()) if store.exists() else {}
    jobs = {("merged", name): (lambda s, r=recipe: merged(data, r, s)) for name, recipe in MERGED.items()}
    jobs |= {("zero-shot", name): (lambda s, a=args: zero_shot(data, *a, s)) for name, args in ZERO_SHOT.items()}
    for seed in range(options.seeds):
        for (method, name), job in jobs.items():
            if method not in options.methods:
                continue
            key = f"{method} | {name} | {seed}"
            if key not in runs:
                runs[key] = job(seed)
                temporary = store.with_suffix(".tmp")
                temporary.write_text(json.dumps(runs, indent=1) + "\n")
                temporary.replace(store)
                write_table(runs)


def write_table(runs: dict[str, list[float]]) -> None:
    """recipes.md out of all finished runs."""
    lines = [
        "# Recipes that were tried",
        "",
        "`python benchmarks/recipes.py --data-dir path/to/umsab`: macro-F1 in points on UMSAB's dev sets (324 messages a",
        "language), mean over French, German, Spanish (zero-shot, trained on English) or over English, French, German,",
        "Spanish (merged, trained on all eight), over seeds, with a 95 % bootstrap interval over the seeds alone.",
        "",
        "| method | recipe | seeds | dev macro-F1 |",
        "| --- | --- | --- | --- |",
    ]
    grouped: dict[tuple[str, str], list[float]] = {}
    for key, scores in runs.items():
        method, name, _ = key.split(" | ")
        grouped.setdefault((method, name), []).append(float(np.mean(scores)))
    for (method, name), means in grouped.items():
        cell = f"{100 * means[0]:.1f}"
        if len(means) > 1:
            interval = bootstrap_mean(means)
            cell = f"{100 * interval.estimate:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
        lines.append(f"| {method} | {name} | {len(means)} | {cell} |")
    (HERE / "recipes.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
