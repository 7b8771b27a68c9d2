"""Compare zero-shot, per-language and merged fine-tuning on the same test sets, with baselines and uncertainty.

A comparison is a list of jobs (train on these languages with this seed). Methods that need the same model share the
job: the zero-shot model of the source language is also its per-language model.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset, DatasetDict, concatenate_datasets
from torch import Tensor
from tqdm import tqdm

from xlft_helpers import distributed, settings
from xlft_helpers.data import label_names, languages_of, require_rows, sample_languages, select_language
from xlft_helpers.ensembling import fit_ensemble
from xlft_helpers.errors import DataError, XlftError
from xlft_helpers.evaluation import baseline_predictions
from xlft_helpers.finetuning import FinetuneResult, Recipe, best_recipe, default_recipe, finetune, model_family
from xlft_helpers.inference import embed, has_sentence_embeddings, predict
from xlft_helpers.jobs import Job, JobStore, plan
from xlft_helpers.models import weights_fingerprint
from xlft_helpers.results import Comparison, Prediction

METHODS = ("zero-shot", "per-language", "merged")


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
    matrix: bool = False,
    recipe: Recipe | Literal["best"] | None = None,
    output_dir: Path | str | None = None,
    progress: bool = True,
) -> Comparison:
    """Train and test every method with every seed.

    * ``zero-shot``: one model, trained on the source language only, tested on every language. No label of another
      language is used. With ``centre``, unlabelled training texts are: see :func:`~xlft_helpers.inference.language_shift`.
    * ``per-language``: one model a language, tested on its own language.
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
        matrix: let every model of one language answer in all of them, for :meth:`Comparison.transfer_matrix`. With eight
            languages and USE-M that takes about half as much time again, so it is done only when asked for.
        recipe: default: the model's own, for USE-M with its lexical expert. That expert answers in the languages it was
            trained on only, so it never takes part in zero-shot transfer. ``"best"`` is the ensemble that UMSAB's dev sets
            favoured, see :func:`~xlft_helpers.ensembling.fit_ensemble`: dearer, it always centres, takes every
            language's classes to be as frequent as in the training rows, and chooses no epoch on dev rows.
        output_dir: keeps every finished job, so that an interrupted comparison goes on where it was.
        progress: show bars with the time left.

    Processes that work together (see :mod:`xlft_helpers.distributed`) share every batch of a training and the texts to
    predict, and each returns the same comparison; only the main one writes.

    Raises:
        DataError: rows that a method needs are missing.
        XlftError: an unknown method, fewer than one seed, an alpha outside [0, 1], or ``"best"`` without ``centre``.
    """
    distributed.start()
    prepared = prepare(
        data,
        model,
        methods,
        source=source,
        languages=languages,
        seeds=seeds,
        alpha=alpha,
        centre=centre,
        matrix=matrix,
        recipe=recipe,
    )
    store = prepared.store(output_dir) if output_dir else None
    predictions: list[Prediction] = []
    hidden = not (progress and distributed.is_main()) or len(prepared.jobs) == 1
    for job in tqdm(prepared.jobs, desc="models", disable=hidden, leave=False):
        finished = store and prepared.finished(job, store)
        predictions += finished or prepared.run(job, store, progress=progress)
    return prepared.conclude(predictions)


def prepare(
    data: DatasetDict,
    model: str = "use-m",
    methods: Sequence[str] = METHODS,
    *,
    source: str = "en",
    languages: Sequence[str] | None = None,
    seeds: int = 3,
    alpha: float = 1.0,
    centre: bool = True,
    matrix: bool = False,
    recipe: Recipe | Literal["best"] | None = None,
) -> "Prepared":
    """Check what is to be compared, and list the models to train, without training any.

    Args: as for :func:`compare`, which then runs every job; raises what it raises.
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
    if recipe.ensemble and not centre and "zero-shot" in methods:
        raise XlftError(
            "The recipe best always mean-centres in zero-shot: leave out centre=False (--no-centre), or the recipe."
        )
    test = {language: select_language(data["test"], language) for language in tested}
    described = {
        "model": model,
        "model_sha256": weights_fingerprint(model),
        "methods": list(methods),
        "source": source,
        "train_languages": trained,
        "test_languages": tested,
        "seeds": seeds,
        "alpha": alpha,
        "centre": centre,
        "centred": centre and (recipe.ensemble or model_family(model) == "use-m"),
        "matrix": matrix,
        "recipe": asdict(recipe),
        "labels": label_names(data["train"]),
        "parallel_test": _is_parallel(test),
        "precision": settings.precision().reason,
    }
    return Prepared(data, test, recipe, described, plan(methods, source, trained, tested, seeds))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A comparison that may start: its jobs can be run in any order and anywhere.

    Attributes:
        data: train, dev and test rows.
        test: the test rows of each language to test on.
        recipe: of every training.
        settings: what is compared, and how.
        jobs: the models to train.
    """

    data: DatasetDict
    test: dict[str, Dataset]
    recipe: Recipe
    settings: dict[str, Any]
    jobs: list[Job]

    @cached_property
    def fingerprint(self) -> str:
        """Of all rows; data with another fingerprint may give other results."""
        return _fingerprint(self.data)

    def store(self, folder: Path | str) -> JobStore:
        """The finished jobs of this comparison in a folder."""
        return JobStore(folder, {**self.settings, "data": self.fingerprint})

    def finished(self, job: Job, store: JobStore) -> list[Prediction] | None:
        """What a job that was run before answered; ``None`` if it is to be run. All processes hear the same."""
        sizes = {language: len(rows) for language, rows in self.tests(job).items()}
        return distributed.from_main(lambda: store.read(job, sizes))

    def tests(self, job: Job) -> dict[str, Dataset]:
        """The test rows that the model of a job answers: its own language's if nobody will look at the others."""
        if self.settings["matrix"] or job.methods != ("per-language",):
            return self.test
        return {language: self.test[language] for language in job.train_languages}

    def run(self, job: Job, store: JobStore | None = None, progress: bool = True) -> list[Prediction]:
        """Train the model of one job and let it answer its test sets, and keep the answers in ``store``."""
        model, alpha, centre = (self.settings[key] for key in ("model", "alpha", "centre"))
        predictions = _run(job, self.data, self.tests(job), model, alpha, centre, self.recipe, progress)
        if store:
            distributed.from_main(lambda: store.write(job, predictions))
        return predictions

    def conclude(self, predictions: Sequence[Prediction]) -> Comparison:
        """The comparison, once all jobs are done: adds the baselines."""
        source, seeds = self.settings["source"], self.settings["seeds"]
        baselines = distributed.from_main(lambda: _baselines(self.data["train"], self.test, source, seeds))
        labels = {language: np.asarray(rows["label"]) for language, rows in self.test.items()}
        return Comparison(settings=self.settings, labels=labels, predictions=[*predictions, *baselines])


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
    answers: dict[str, np.ndarray] = {}
    for own in (True, False):
        languages = [language for language in test if (language in job.train_languages) == own]
        if not languages:
            continue
        # All languages in one pass: fewer half-filled batches.
        rows = concatenate_datasets([test[language] for language in languages])
        sizes = [len(test[language]) for language in languages]
        shift = None
        if centred and not own:
            shift = _language_shifts(result, data["train"], job.train_languages[0], languages)
            shift = shift.repeat_interleave(torch.tensor(sizes, device=shift.device), dim=0)
        values = _predict(result, rows, shift, max_length=recipe.max_length, lexical=own)
        answers |= zip(languages, np.split(values, np.cumsum(sizes)[:-1]), strict=True)
    return [
        Prediction(method, job.seed, job.train_languages, language, answers[language], result.train_seconds)
        for language in test
        for method in job.methods
    ]


def _predict(result: FinetuneResult, rows: Dataset, shift: Tensor | None, **keywords: Any) -> np.ndarray:
    """Class probabilities (n, num_labels), each row by one of the processes; ``shift`` is (n, H)."""

    def answer(numbers: np.ndarray) -> np.ndarray:
        part = None if shift is None else shift[torch.from_numpy(numbers)]
        return predict(result.model, result.tokenizer, rows.select(numbers), shift=part, **keywords)

    return distributed.shared_rows(answer, len(rows))


def _language_shifts(result: FinetuneResult, train: Dataset, source: str, languages: Sequence[str]) -> Tensor:
    """(L, H): how far each language's training texts lie from the source's; zero where a language has none."""
    train = select_language(train, source, *languages)
    embeddings = torch.from_numpy(
        distributed.shared_rows(
            lambda numbers: embed(result.model, result.tokenizer, train.select(numbers)).cpu().numpy(), len(train)
        )
    )
    spoken = np.asarray(train["language"])
    means = [
        embeddings[torch.from_numpy(np.flatnonzero(spoken == language))].mean(dim=0)
        for language in (source, *languages)
    ]
    return torch.stack([mean - means[0] for mean in means[1:]]).nan_to_num(0.0).to(result.model.device)


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
        if language != source:
            add("tf-idf", settings.SEED, language, language, baseline_predictions("tfidf", own, rows))
    # The source's TF-IDF is fitted once, for its own test set and the others.
    answers = baseline_predictions("tfidf", select_language(train, source), concatenate_datasets(list(test.values())))
    ends = np.cumsum([len(rows) for rows in test.values()])
    for language, own_answers in zip(test, np.split(answers, ends[:-1]), strict=True):
        add("tf-idf" if language == source else "tf-idf-zero-shot", settings.SEED, source, language, own_answers)
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
