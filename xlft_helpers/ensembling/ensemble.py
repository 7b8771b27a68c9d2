"""Three experts for the languages with labels, and two that carry the labels over to those without."""

import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.model_selection import KFold
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.data import label_names, languages_of, select_language
from xlft_helpers.errors import TrainingError
from xlft_helpers.finetuning import FinetuneResult, Recipe, default_recipe, finetune
from xlft_helpers.inference import embed, predict
from xlft_helpers.models import load_model, load_tokenizer

from .lexical import LogCountRatioClassifier, ngrams
from .priors import match_prior
from .probe import Probe
from .text import plain_text

ENCODER_WEIGHT = 0.3
"""Of the fine-tuned encoder's log-probabilities, which are far more certain than they are right. The others count whole."""

PROBE_STRENGTH = 1.0
"""Of the probe in its own language."""

TRANSFER_STRENGTH = 0.3
"""Of the probe that answers in other languages: a simpler one carries over better."""

EXPERTS = ("probe", "n-grams", "encoder", "prior")

SMALLEST = np.finfo(np.float32).tiny
"""Stands for a probability that was rounded to 0."""

FOLDS = 3

MIN_GAIN = 0.05
"""Labels count as noise if a cross-validated classifier's balanced accuracy is less than this above chance."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Texts:
    """Texts of one language; their embeddings (n, H), centred and of unit length; the mean (H,) that was taken off."""

    texts: list[str]
    embeddings: Array
    mean: Array


class _Lexicon:
    """N-grams of one language and what they say."""

    def __init__(self, texts: list[str], targets: Array) -> None:
        self._vectorizer = ngrams()
        try:
            features = self._vectorizer.fit_transform(texts).tocsr()
        except ValueError as error:  # scikit-learn's way of saying that nothing is left
            raise TrainingError(
                f"No word, or no run of letters, occurs in two of {len(texts)} texts, which begin with {texts[0][:40]!r}: "
                "n-grams cannot learn from them. Add texts of that language, or leave it out."
            ) from error
        self._classifier = LogCountRatioClassifier().fit(features, targets)

    def log_probabilities(self, texts: list[str]) -> Array:
        return self._classifier.log_probabilities(self._vectorizer.transform(texts).tocsr())


@dataclass(frozen=True, eq=False)
class _Voice:
    """What answers in one language: the weighted sum of the experts' log-probabilities, plus a shift (C,)."""

    mean: Array
    probe: Probe
    lexicon: _Lexicon | None
    shift: Array
    probe_weight: float = 1.0
    lexicon_weight: float = 1.0
    encoder_weight: float = 0.0


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A trained ensemble, see :func:`fit_ensemble`.

    Attributes:
        encoder: the fine-tuned model.
        learned: the languages whose labels it learned from.
        left_out: languages whose labels no text predicts: treated like languages without labels.
        train_seconds: wall time of all of the training.
    """

    encoder: FinetuneResult
    learned: list[str]
    left_out: list[str]
    train_seconds: float
    _max_length: int
    _frozen: PreTrainedModel
    _voices: dict[str, _Voice]
    _anyone: _Voice

    def predict(self, rows: Dataset) -> NDArray[np.float32]:
        """Class probabilities (n, C) of rows with ``text`` and ``language``, in their order."""
        return softmax(sum(self.scores(rows).values()), axis=1).astype(np.float32)

    def scores(self, rows: Dataset) -> dict[str, Array]:
        """What each expert adds to the classes' scores: (n, C), zero where it does not speak.

        A language that the ensemble was given no text of gets the plain probe's answers, centred on the mean of the
        languages with labels.

        Returns:
            ``probe``, ``n-grams`` and ``encoder`` (weighted log-probabilities), and ``prior``, the shift.
        """
        languages = np.asarray(rows["language"])
        texts = [plain_text(text) for text in rows["text"]]
        found = {name: np.zeros((len(texts), len(self._anyone.shift))) for name in EXPERTS}
        for language in np.unique(languages):
            places = np.flatnonzero(languages == language)
            voice, chosen = self._voices.get(str(language), self._anyone), [texts[place] for place in places]
            embeddings = _centred(_embed(self._frozen, self.encoder.tokenizer, chosen, language), voice.mean)
            found["probe"][places] = voice.probe_weight * voice.probe.log_probabilities(embeddings)
            found["prior"][places] = voice.shift
            if voice.lexicon is not None:
                found["n-grams"][places] = voice.lexicon_weight * voice.lexicon.log_probabilities(chosen)
            if voice.encoder_weight:
                answers = predict(
                    self.encoder.model, self.encoder.tokenizer, _rows(chosen, language), max_length=self._max_length
                )
                found["encoder"][places] = voice.encoder_weight * np.log(np.maximum(answers, SMALLEST))
        return found


def fit_ensemble(
    model_name: str,
    train: Dataset,
    unlabelled: Dataset,
    *,
    recipe: Recipe | None = None,
    seed: int = settings.SEED,
    progress: bool = True,
) -> Ensemble:
    """Train the recipe ``best``.

    In a language with labels, three experts answer, and their log-probabilities are added up (a product of experts,
    Hinton 2002): the encoder, fine-tuned on all of these languages together; a linear probe on the encoder as it was
    before, which learns from this language alone; and n-grams of this language, see :class:`LogCountRatioClassifier`.

    In a language without labels, two do:

    1. A probe on the encoder as it was before, trained on the languages with labels. Every language's embeddings are
       centred on their own mean. Fine-tuning makes the encoder better in the languages with labels and worse in the
       others (Kumar et al. 2022, *Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution*).
    2. N-grams of the language itself, learned from the probe's answers to the unlabelled texts: one step of co-training
       (Blum & Mitchell 1998). They know words that the encoder does not.

    Each is shifted so that over the unlabelled texts the classes are as frequent as in ``train``. That is an assumption.
    It holds in UMSAB, where every language is balanced; where it does not hold, do not use this recipe.

    A language whose labels cannot be told from its texts (UMSAB's Hindi) teaches nothing: unless there is no other, it is
    treated like one without labels.

    Args:
        model_name: as for :func:`xlft_helpers.models.load_model`.
        train: rows with ``text``, ``label`` and ``language``.
        unlabelled: rows with ``text`` and ``language``, of all languages that it is to answer in. Labels are not looked at.
            A language with fewer than six texts counts as one without any.
        recipe: of the fine-tuning; default: the model's own.
        seed: of the fine-tuning and the folds.
        progress: show a bar.

    Raises:
        TrainingError: there are no rows to train on, fewer than six of a language, or of one class only.
    """
    start = time.perf_counter()
    _check(train)
    recipe = recipe or default_recipe(model_name)
    num_labels = len(label_names(train))
    frozen, tokenizer = load_model(model_name, "embedding"), load_tokenizer(model_name)

    def read(rows: Dataset) -> _Texts:
        texts = [plain_text(text) for text in rows["text"]]
        embeddings = _embed(frozen, tokenizer, texts, rows["language"][0])
        mean = embeddings.mean(axis=0)
        return _Texts(texts, _centred(embeddings, mean), mean)

    own = {language: read(select_language(train, language)) for language in languages_of(train)}
    labels = {language: np.asarray(select_language(train, language)["label"]) for language in own}
    learned = [name for name in own if _gain(own[name], labels[name], num_labels, seed) >= MIN_GAIN] or list(own)
    others = {language: rows for language, rows in own.items() if language not in learned}
    for language in languages_of(unlabelled):
        rows = select_language(unlabelled, language)
        if language not in own and len(rows) >= 2 * FOLDS:
            others[language] = read(rows)

    together = np.concatenate([labels[language] for language in learned])
    transfer = Probe(
        np.concatenate([own[language].embeddings for language in learned]), together, num_labels, TRANSFER_STRENGTH
    )
    # One text more of each class, lest a class without a text be taken for impossible.
    prior = (1 + np.bincount(together, minlength=num_labels)) / (len(together) + num_labels)
    voices = {name: _carried_over(rows, transfer, prior, seed) for name, rows in others.items()}
    for name in learned:
        rows, targets = own[name], np.eye(num_labels)[labels[name]]
        voices[name] = _Voice(
            rows.mean,
            Probe(rows.embeddings, labels[name], num_labels, PROBE_STRENGTH),
            _Lexicon(rows.texts, targets),
            np.zeros(num_labels),
            encoder_weight=ENCODER_WEIGHT,
        )
    taught = select_language(train, *learned)
    encoder = finetune(
        model_name,
        taught.map(lambda row: {"text": plain_text(row["text"])}, keep_in_memory=True, load_from_cache_file=False),
        recipe=recipe,
        seed=seed,
        progress=progress,
    )
    mean = np.mean([own[name].mean for name in learned], axis=0)
    return Ensemble(
        encoder=encoder,
        learned=learned,
        left_out=[name for name in own if name not in learned],
        train_seconds=time.perf_counter() - start,
        _max_length=recipe.max_length,
        _frozen=frozen,
        _voices=voices,
        _anyone=_Voice(mean, transfer, None, np.zeros(num_labels)),
    )


def _check(train: Dataset) -> None:
    counts = Counter(train["language"])
    if not counts or min(counts.values()) < 2 * FOLDS:
        raise TrainingError(
            f"Rows to train on by language: {dict(counts)}. The recipe needs {2 * FOLDS} of each: add rows, or leave the "
            "language out."
        )
    for language in counts:
        if len(set(select_language(train, language)["label"])) < 2:
            raise TrainingError(
                f"All {counts[language]} training texts in {language!r} have the same label: add texts of another class, or "
                "leave the language out."
            )


def _gain(rows: _Texts, labels: NDArray[np.int64], num_labels: int, seed: int) -> float:
    """How far the balanced accuracy of a probe and n-grams together, cross-validated, is above chance."""
    scores = np.empty((len(labels), num_labels))
    targets = np.eye(num_labels)[labels]
    for fit, held_out in KFold(FOLDS, shuffle=True, random_state=seed).split(labels):
        if len(np.unique(labels[fit])) < 2:
            return 0.0
        probe = Probe(rows.embeddings[fit], labels[fit], num_labels, PROBE_STRENGTH)
        lexicon = _Lexicon([rows.texts[row] for row in fit], targets[fit])
        scores[held_out] = probe.log_probabilities(rows.embeddings[held_out])
        scores[held_out] += lexicon.log_probabilities([rows.texts[row] for row in held_out])
    shares = targets.mean(axis=0)
    right = (scores - np.log(np.maximum(shares, 1 / len(labels)))).argmax(axis=1) == labels
    present = np.unique(labels)
    return float(np.mean([right[labels == label].mean() for label in present]) - 1 / len(present))


def _carried_over(rows: _Texts, transfer: Probe, prior: Array, seed: int) -> _Voice:
    """The voice of a language without labels."""
    probe = transfer.log_probabilities(rows.embeddings)
    probe_weight = 1 / _loudness(probe)
    first_shift = match_prior(probe_weight * probe, prior)
    targets = softmax(probe_weight * probe + first_shift, axis=1)
    lexical = np.empty_like(targets)
    for fit, held_out in KFold(FOLDS, shuffle=True, random_state=seed).split(targets):
        lexicon = _Lexicon([rows.texts[row] for row in fit], targets[fit])
        lexical[held_out] = lexicon.log_probabilities([rows.texts[row] for row in held_out])
    lexicon_weight = 1 / _loudness(lexical)
    shift = match_prior(probe_weight * probe + lexicon_weight * lexical, prior)
    return _Voice(rows.mean, transfer, _Lexicon(rows.texts, targets), shift, probe_weight, lexicon_weight)


def _loudness(log_probabilities: Array) -> float:
    """The standard deviation of the classes' scores around their means: experts divided by theirs count alike."""
    contrast = log_probabilities - log_probabilities.mean(axis=1, keepdims=True)
    return float((contrast - contrast.mean(axis=0)).std()) or 1.0


def _rows(texts: list[str], language: str) -> Dataset:
    return Dataset.from_dict({"text": texts, "language": [language] * len(texts)})


def _embed(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str], language: str) -> Array:
    return embed(model, tokenizer, _rows(texts, language)).double().cpu().numpy()


def _centred(embeddings: Array, mean: Array) -> Array:
    moved = embeddings - mean
    return moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
