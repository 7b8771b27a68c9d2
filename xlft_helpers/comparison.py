"""Compare zero-shot, per-language and merged fine-tuning on the same test sets, with baselines and uncertainty.

A comparison is a list of jobs (train on these languages with this seed). Methods that need the same model share the
job: the zero-shot model of the source language is also its per-language model.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import Dataset, DatasetDict, concatenate_datasets
from tqdm import tqdm

from xlft_helpers import settings
from xlft_helpers.data import label_names, languages_of, require_rows, sample_languages, select_language
from xlft_helpers.ensembling import fit_ensemble
from xlft_helpers.errors import DataError, XlftError
from xlft_helpers.evaluation import baseline_predictions
from xlft_helpers.finetuning import Recipe, best_recipe, default_recipe, finetune
from xlft_helpers.inference import has_sentence_embeddings, mean_embedding, predict
from xlft_helpers.results import Comparison, Prediction

METHODS = ("zero-shot", "per-language", "merged")


@dataclass(frozen=True)
class Job:
    """One model to train: the methods that use it, its seed and its training languages."""

    methods: tuple[str, ...]
    seed: int
    train_languages: tuple[str, ...]


def compare(
    data: DatasetDict,
    model: str = "use-m",
    methods: Sequence[str] = METHODS,
    *,
    source: str = "en",
    languages: Sequence[str] | None = None,
    seeds: int = 3,
    alpha: float = 1.0,
    centre: bool = True,
    recipe: Recipe | Literal["best"] | None = None,
    output_dir: Path | str | None = None,
    progress: bool = True,
) -> Comparison:
    """Train and test every method with every seed.

    * ``zero-shot``: one model, trained on the source language only, tested on every language. No label of another
      language is used. With ``centre``, unlabelled training texts are: see :func:`~xlft_helpers.inference.language_shift`.
    * ``per-language``: one model a language, tested on its own language (and on all, for the transfer matrix).
    * ``merged``: one model, trained on all languages, each drawn with p_k ∝ M_k^alpha.

    Each model keeps the epoch with the best macro-F1 on the dev rows of the languages it was trained on: zero-shot
    never sees a target-language label. Majority, random and TF-IDF baselines are always there.

    Args:
        data: train, dev and test rows in the course's schema.
        model: a name for :func:`xlft_helpers.models.load_model`.
        methods: some of ``METHODS``.
        source: ISO 639-1 code of the source language.
        languages: the languages to train and test on. Default: all of ``data``; languages without test rows are then
            trained on and not tested.
        seeds: number of seeds, from ``settings.SEED`` on.
        alpha: exponent of the language sampling; 1 is plain concatenation.
        centre: mean-centre the sentence embeddings of languages that a model of one language was not trained on, in
            zero-shot and in the transfer matrix (default), where the model has them.
        recipe: default: the model's own, for USE-M with its lexical expert. That expert answers in the languages it was
            trained on only, so it never takes part in zero-shot transfer. ``"best"`` is the ensemble that UMSAB's dev sets
            favoured, see :func:`~xlft_helpers.ensembling.fit_ensemble`: dearer, it always centres, takes every
            language's classes to be as frequent as in the training rows, and chooses no epoch on dev rows.
        output_dir: keeps every finished job, so that an interrupted comparison goes on where it was.
        progress: show bars with the time left.

    Raises:
        DataError: rows that a method needs are missing.
        XlftError: an unknown method, fewer than one seed, or an alpha outside [0, 1].
    """
    _check_arguments(methods, seeds, alpha)
    tested = _tested_languages(data, languages, source)
    trained = list(languages) if languages else languages_of(data["train"])
    if source not in trained:
        raise DataError(f"source={source!r} is not among the languages {trained}. Add it, or choose another source.")
    for split in ("train", "dev"):
        require_rows(data, split, [source] if set(methods) == {"zero-shot"} else trained)
    if recipe == "best":
        recipe = best_recipe(model)
    recipe = recipe or replace(default_recipe(model), lexical_expert=model == "use-m")
    test = {language: select_language(data["test"], language) for language in tested}
    jobs = plan(methods, source, trained, tested, seeds)
    described = {
        "model": model,
        "methods": list(methods),
        "source": source,
        "train_languages": trained,
        "test_languages": tested,
        "seeds": seeds,
        "alpha": alpha,
        "centre": centre,
        "recipe": asdict(recipe),
        "labels": label_names(data["train"]),
        "parallel_test": _is_parallel(test),
        "precision": settings.precision().reason,
    }
    store = _JobStore(output_dir, {**described, "data": _fingerprint(data)}) if output_dir else None
    predictions: list[Prediction] = []
    for job in tqdm(jobs, desc="models", disable=not progress or len(jobs) == 1, leave=False):
        finished = store.read(job, tested) if store else None
        if finished is None:
            finished = _run(job, data, test, model, alpha, centre, recipe, progress)
            if store:
                store.write(job, finished)
        predictions += finished
    predictions += _baselines(data["train"], test, source, seeds)
    labels = {language: np.asarray(rows["label"]) for language, rows in test.items()}
    return Comparison(settings=described, labels=labels, predictions=predictions)


def plan(methods: Sequence[str], source: str, trained: Sequence[str], tested: Sequence[str], seeds: int) -> list[Job]:
    """The models that the methods need, each once."""
    users: dict[tuple[str, ...], list[str]] = {}
    if "zero-shot" in methods:
        users.setdefault((source,), []).append("zero-shot")
    if "per-language" in methods:
        for language in trained:
            if language in tested:
                users.setdefault((language,), []).append("per-language")
    if "merged" in methods:
        users.setdefault(tuple(trained), []).append("merged")
    return [
        Job(tuple(names), settings.SEED + seed, languages)
        for seed in range(seeds)
        for languages, names in users.items()
    ]


def _run(
    job: Job,
    data: DatasetDict,
    test: dict[str, Dataset],
    model: str,
    alpha: float,
    centre: bool,
    recipe: Recipe,
    progress: bool,
) -> list[Prediction]:
    train = select_language(data["train"], *job.train_languages)
    if "merged" in job.methods:
        train = sample_languages(train, alpha=alpha, seed=job.seed)
    if recipe.ensemble:
        return _run_ensemble(job, train, data["train"], test, model, recipe, progress)
    dev = select_language(data["dev"], *job.train_languages)
    result = finetune(model, train, dev, recipe=recipe, seed=job.seed, progress=progress)
    # Every model of one language is centred on the others: in the transfer matrix, each of its rows is zero-shot.
    centred = centre and len(job.train_languages) == 1 and has_sentence_embeddings(result.model)
    source_mean = mean_embedding(result.model, result.tokenizer, train) if centred else None
    predictions = []
    for language, rows in test.items():
        own, shift = language in job.train_languages, None
        unlabelled = select_language(data["train"], language)
        if source_mean is not None and not own and len(unlabelled):
            shift = mean_embedding(result.model, result.tokenizer, unlabelled) - source_mean
        values = predict(result.model, result.tokenizer, rows, max_length=recipe.max_length, shift=shift, lexical=own)
        predictions += [
            Prediction(method, job.seed, job.train_languages, language, values, result.train_seconds)
            for method in job.methods
        ]
    return predictions


def _run_ensemble(
    job: Job,
    train: Dataset,
    pool: Dataset,
    test: dict[str, Dataset],
    model: str,
    recipe: Recipe,
    progress: bool,
) -> list[Prediction]:
    unlabelled = select_language(pool, *test).remove_columns("label")
    one = replace(recipe, ensemble=False)
    ensemble = fit_ensemble(model, train, unlabelled, recipe=one, seed=job.seed, progress=progress)
    answers = {language: ensemble.predict(rows) for language, rows in test.items()}
    return [
        Prediction(method, job.seed, job.train_languages, language, answers[language], ensemble.train_seconds)
        for language in test
        for method in job.methods
    ]


def _baselines(train: Dataset, test: dict[str, Dataset], source: str, seeds: int) -> list[Prediction]:
    """Majority and TF-IDF of each language's own training rows, TF-IDF of the source's, and the random draw."""
    num_labels = train.features["label"].num_classes
    found = []

    def add(method: str, seed: int, learned: str, language: str, answers: np.ndarray) -> None:
        found.append(Prediction(method, seed, (learned,), language, np.eye(num_labels)[answers], 0.0))

    for language, rows in test.items():
        own = select_language(train, language)
        if len(own) == 0:
            continue
        add("majority", settings.SEED, language, language, baseline_predictions("majority", own, rows))
        for seed in range(settings.SEED, settings.SEED + seeds):
            add("random", seed, language, language, baseline_predictions("random", own, rows, seed=seed))
        add("tf-idf", settings.SEED, language, language, baseline_predictions("tfidf", own, rows))
    targets = [language for language in test if language != source]
    if targets:
        together = concatenate_datasets([test[language] for language in targets])
        answers = baseline_predictions("tfidf", select_language(train, source), together)
        ends = np.cumsum([len(test[language]) for language in targets])
        for language, own_answers in zip(targets, np.split(answers, ends[:-1]), strict=True):
            add("tf-idf-zero-shot", settings.SEED, source, language, own_answers)
    return found


def _check_arguments(methods: Sequence[str], seeds: int, alpha: float) -> None:
    unknown = [method for method in methods if method not in METHODS]
    if unknown or not methods:
        raise XlftError(f"methods={list(methods)} is not valid; choose from {', '.join(METHODS)}.")
    if seeds < 1:
        raise XlftError(f"seeds={seeds}: at least one is needed, three or more for a comparison.")
    if not 0 <= alpha <= 1:
        raise XlftError(f"alpha={alpha} is outside [0, 1]: 1 keeps the languages' sizes, 0 makes them equal.")


def _tested_languages(data: DatasetDict, languages: Sequence[str] | None, source: str) -> list[str]:
    if languages:
        require_rows(data, "test", languages)
        return list(languages)
    tested = languages_of(data["test"]) if "test" in data else []
    if source not in tested:
        raise DataError(
            f"The source language {source!r} has no test rows; test rows exist for {tested or 'no language'}."
        )
    require_rows(data, "test", tested)
    return tested


def _is_parallel(test: dict[str, Dataset]) -> bool:
    """Whether the test sets hold the same messages in the same order: then languages are not independent samples."""
    ids = [list(rows["id"]) for rows in test.values()]
    return all(other == ids[0] for other in ids)


def _fingerprint(data: DatasetDict) -> str:
    digest = hashlib.sha256()
    for split in sorted(data):
        for column in ("text", "label", "language"):
            digest.update(json.dumps(list(data[split][column]), ensure_ascii=False).encode())
    return digest.hexdigest()


class _JobStore:
    """Finished jobs in a folder: one file each, written under a temporary name and then renamed."""

    def __init__(self, folder: Path | str, described: dict[str, Any]) -> None:
        # What decides a job's result; the list of methods and the number of seeds may grow between runs.
        fixed = {key: described[key] for key in ("model", "alpha", "centre", "recipe", "labels", "data")}
        self._key = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)

    def _path(self, job: Job) -> Path:
        merged = "merged-" if "merged" in job.methods else ""
        return self._folder / f"{self._key}-{merged}{'+'.join(job.train_languages)}-seed{job.seed}.npz"

    def read(self, job: Job, tested: Sequence[str]) -> list[Prediction] | None:
        path = self._path(job)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as archive:
            if any(language not in archive for language in tested):
                return None
            seconds = float(archive["_seconds"])
            return [
                Prediction(method, job.seed, job.train_languages, language, archive[language], seconds)
                for language in tested
                for method in job.methods
            ]

    def write(self, job: Job, predictions: list[Prediction]) -> None:
        path = self._path(job)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        arrays: dict[str, Any] = {p.test_language: p.probabilities for p in predictions}
        arrays["_seconds"] = predictions[0].train_seconds
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
        temporary.replace(path)
