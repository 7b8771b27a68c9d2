"""What `mini` can do on held-out text: find translations, fill blanks, and carry a sentiment across languages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers.comparison import compare
from xlft_helpers.data import languages_of, load_tweets, select_language
from xlft_helpers.evaluation import retrieval_hits, score
from xlft_helpers.finetuning import MINI_RECIPE, finetune
from xlft_helpers.inference import embed, predict
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.pretraining import evaluate_masked

Row = Mapping[str, str]


def retrieval(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row], languages: Sequence[str]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Precision at 1 of finding translations by the cosine of mean-pooled states.

    Args:
        model: an encoder.
        tokenizer: of the model.
        rows: n texts in all the languages.
        languages: English first.

    Returns:
        ``retrieval`` (plain cosine) and ``centred`` (each language's mean vector taken off first, which needs no pairs):
        for every language but English the shares of the n texts found from English to it, and from it to English.
    """
    plain = {language: embed(model, tokenizer, [row[language] for row in rows]).cpu() for language in languages}
    centred = {language: vectors - vectors.mean(dim=0) for language, vectors in plain.items()}
    return {
        name: {
            language: (
                precision_at_1(vectors[languages[0]], vectors[language]),
                precision_at_1(vectors[language], vectors[languages[0]]),
            )
            for language in languages[1:]
        }
        for name, vectors in (("retrieval", plain), ("centred", centred))
    }


def precision_at_1(queries: Tensor, documents: Tensor) -> float:
    """The share of the queries (n, H) whose nearest document (n, H) by cosine is the one with the same number."""
    return float(retrieval_hits(queries, documents).mean())


def mean_precision(found: Mapping[str, tuple[float, float]]) -> float:
    """The mean over languages and both directions."""
    return float(np.mean(list(found.values())))


def zero_shot_sentiment(folder: Path | str, seeds: int) -> dict[str, list[float]]:
    """Macro-F1 on the test messages of `tweets`, by language, one figure a seed.

    The model is fine-tuned on the English training messages; the epoch is chosen on the English dev messages.
    """
    comparison = compare(load_tweets(), str(folder), ["zero-shot"], seeds=seeds, recipe=MINI_RECIPE, progress=False)
    runs = comparison.runs[comparison.runs["method"] == "zero-shot"]
    return {language: list(part["macro_f1"]) for language, part in runs.groupby("test_language", sort=False)}


RECIPES = {
    "the default": MINI_RECIPE,
    "learning rate 1e-4": replace(MINI_RECIPE, learning_rate=1e-4),
    "learning rate 6e-4": replace(MINI_RECIPE, learning_rate=6e-4),
    "learning rate 1e-3": replace(MINI_RECIPE, learning_rate=1e-3),
    "5 epochs": replace(MINI_RECIPE, epochs=5),
    "8 epochs": replace(MINI_RECIPE, epochs=8),
}
"""Of fine-tuning, compared on dev sets."""


def recipe_table(folder: Path | str, seeds: int) -> str:
    """Zero-shot macro-F1 on the dev messages of `tweets` after fine-tuning on English, for every recipe, as Markdown."""
    data = load_tweets()
    english, dev = select_language(data["train"], "en"), data["dev"]
    parts = {language: select_language(dev, language) for language in languages_of(dev)}
    lines = ["| recipe | English dev | other languages' dev | by seed |", "| --- | --- | --- | --- |"]
    for name, recipe in RECIPES.items():
        scores = []
        for seed in range(seeds):
            result = finetune(str(folder), english, recipe=recipe, seed=seed, progress=False)
            guesses = {k: predict(result.model, result.tokenizer, part).argmax(axis=1) for k, part in parts.items()}
            scores.append([100 * score(part["label"], guesses[k], 3).macro_f1 for k, part in parts.items()])
        of_english, of_others = np.array(scores)[:, 0], np.array(scores)[:, 1:].mean(axis=1)
        by_seed = ", ".join(f"{value:.1f}" for value in of_others)
        lines.append(f"| {name} | {of_english.mean():.1f} | {of_others.mean():.1f} | {by_seed} |")
    return "\n".join(lines)


def evaluate_folder(
    folder: Path | str, held_out: Sequence[Row], languages: Sequence[str], seeds: int, blanks: int | None = None
) -> dict[str, Any]:
    """All figures of one checkpoint, as plain numbers; blanks are filled in the first ``blanks`` rows (default: all)."""
    model, tokenizer = load_model(str(folder), "masked-lm"), load_tokenizer(str(folder))
    masked = evaluate_masked(model, tokenizer, held_out[:blanks])
    return {
        **retrieval(model, tokenizer, held_out, languages),
        "masked": masked.set_index("language")[["n", "loss", "perplexity", "accuracy"]].T.to_dict(),
        "pairs": evaluate_masked(model, tokenizer, held_out[:blanks], pairs=True)
        .set_index("language")["accuracy"]
        .to_dict(),
        "sentiment": zero_shot_sentiment(folder, seeds),
    }


def figures(found: Mapping[str, Any], rows: int, seeds: int) -> str:
    """The figures as Markdown."""
    languages = list(found["retrieval"])
    lines = [
        f"Bitext retrieval, {rows:,} held-out paragraphs, P@1 in percent of mean-pooled states of the last layer",
        f"(random: {100 / rows:.1f}):",
        "",
        "| | " + " | ".join(languages) + " | mean |",
        "| --- " * (len(languages) + 2) + "|",
    ]
    for name, key in (("plain cosine", "retrieval"), ("each language's mean taken off", "centred")):
        for direction in range(2):
            values = [found[key][language][direction] for language in languages]
            way = "from English" if direction == 0 else "to English"
            lines.append(f"| {name}, {way} | {_cells(values)} | {100 * np.mean(values):.1f} |")
    lines += ["", f"Plain cosine, both directions: **{100 * mean_precision(found['retrieval']):.1f}**.", ""]
    known = list(found["masked"])
    lines += [
        "Masked pieces of the same paragraphs, 15 %, filled with the right piece (percent), alone and beside a translation:",
        "",
        "| | " + " | ".join(known) + " | mean |",
        "| --- " * (len(known) + 2) + "|",
    ]
    accuracy = [found["masked"][language]["accuracy"] for language in known]
    paired = [found["pairs"].get(language, float("nan")) for language in known]
    numbers = " | ".join(f"{int(found['masked'][language]['n']):,}" for language in known)
    perplexities = " | ".join(f"{found['masked'][language]['perplexity']:.0f}" for language in known)
    lines += [
        f"| accuracy, alone | {_cells(accuracy)} | {100 * np.mean(accuracy):.1f} |",
        f"| accuracy, in pairs | {_cells(paired)} | {100 * np.nanmean(paired):.1f} |",
        f"| perplexity, alone | {perplexities} | |",
        f"| predicted pieces, alone | {numbers} | |",
        "",
        "Sentiment of `tweets` (150 test messages a language) after fine-tuning on English only, macro-F1 in points,",
        f"mean of {seeds} seeds (majority: 16.7):",
        "",
    ]
    tested = list(found["sentiment"])
    means = [float(np.mean(found["sentiment"][language])) for language in tested]
    others = [mean for language, mean in zip(tested, means, strict=True) if language != "en"]
    lines += [
        "| " + " | ".join(tested) + " | mean without en |",
        "| --- " * (len(tested) + 1) + "|",
        f"| {_cells(means)} | {100 * np.mean(others):.1f} |",
    ]
    return "\n".join(lines)


def _cells(values: Sequence[float]) -> str:
    return " | ".join(f"{100 * value:.1f}" for value in values)
