"""The recipe race: ways to raise USE-M's macro-F1 on UMSAB, judged on the dev sets, and what each gave.

    python benchmarks/recipes.py --data-dir path/to/umsab                     # every attempt with seed 0
    python benchmarks/recipes.py --data-dir path/to/umsab --seeds 3 --attempts "merged: best" "zero-shot: best"

Nothing here looks at a test set. Merged trains on all languages; zero-shot trains on English, with the
other languages' training texts at hand but not their labels. Finished attempts are kept in ``recipes.json`` and trained
models' answers in the cache folder, so the script can be stopped and started again. ``recipes.md`` is made of the former.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from xlft_helpers import settings
from xlft_helpers.data import languages_of, load_umsab, select_language
from xlft_helpers.ensembling import fit_ensemble, match_prior, plain_text
from xlft_helpers.evaluation import baseline_predictions, bootstrap_mean, score
from xlft_helpers.files import write_whole
from xlft_helpers.finetuning import Recipe, finetune
from xlft_helpers.inference import embed, language_shift, predict
from xlft_helpers.models import load_model, load_tokenizer

HERE = Path(__file__).resolve().parent
STORE = HERE / "recipes.json"
NOISY = "hi"
"""Its labels cannot be told from its texts (see the table), so no recipe can be judged on its dev rows."""

Answers = np.ndarray


class Race:
    """The data, and trained models' answers to the dev rows, each made once."""

    def __init__(self, data_dir: Path) -> None:
        data = load_umsab(data_dir)
        self.train, self.judged = data["train"], data["dev"]
        self.folder = settings.cache_dir() / "recipes"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.language = np.asarray(self.train["language"])
        self.labels = np.asarray(self.train["label"])
        self.judged_language = np.asarray(self.judged["language"])
        self.used: dict[str, float] = {}

    def kept(self, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The arrays of ``make``, with the CPU seconds that it took, out of the cache folder or into it."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            start = time.process_time()
            arrays = make()
            with path.with_suffix(".tmp").open("wb") as file:
                np.savez(file, seconds=time.process_time() - start, **arrays)
            path.with_suffix(".tmp").replace(path)
        with np.load(path, allow_pickle=False) as archive:
            self.used[name] = float(archive["seconds"])
            return {key: archive[key] for key in archive if key != "seconds"}

    def default_merged(self, seed: int) -> dict[str, np.ndarray]:
        """The encoder and its lexical expert, fine-tuned together on all languages: log-probabilities."""

        def make() -> dict[str, np.ndarray]:
            found = finetune("use-m", self.train, recipe=Recipe(lexical_expert=True), seed=seed)
            joint, encoder = (
                predict(found.model, found.tokenizer, self.judged, lexical=spoken) for spoken in (True, False)
            )
            return {"joint": np.log(joint), "encoder": np.log(encoder)}

        return self.kept(f"default-merged-{seed}", make)

    def default_zero_shot(self, seed: int) -> dict[str, np.ndarray]:
        """The encoder, fine-tuned on English: log-probabilities without and with mean-centring, and of training texts."""

        def make() -> dict[str, np.ndarray]:
            english = select_language(self.train, "en")
            found = finetune("use-m", english, recipe=Recipe(), seed=seed)
            plain = predict(found.model, found.tokenizer, self.judged)
            centred = plain.copy()
            for language in languages_of(self.judged):
                if language != "en":
                    unlabelled = select_language(self.train, language)
                    shift = language_shift(found.model, found.tokenizer, english, unlabelled)
                    rows = select_language(self.judged, language)
                    centred[self.judged_language == language] = predict(found.model, found.tokenizer, rows, shift=shift)
            train = predict(found.model, found.tokenizer, self.train)
            return {"plain": np.log(plain), "centred": np.log(centred), "train": np.log(train)}

        return self.kept(f"default-zero-shot-{seed}", make)

    def ensemble(self, method: str, seed: int) -> dict[str, np.ndarray]:
        """What each expert of the recipe ``best`` says."""

        def make() -> dict[str, np.ndarray]:
            train = self.train if method == "merged" else select_language(self.train, "en")
            found = fit_ensemble("use-m", train, self.train.remove_columns("label"), seed=seed)
            return found.scores(self.judged)

        return self.kept(f"ensemble-{method}-{seed}", make)

    def frozen(self, model: str, plain: bool = True) -> dict[str, np.ndarray]:
        """Centred sentence embeddings of the pretrained model, of unit length on average."""

        def make() -> dict[str, np.ndarray]:
            encoder, tokenizer = load_model(model, "embedding"), load_tokenizer(model)
            found = {}
            for name, rows in (("train", self.train), ("judged", self.judged)):
                texts = [plain_text(text) if plain else text for text in rows["text"]]
                found[name] = embed(encoder, tokenizer, texts).numpy()
            for language in languages_of(self.train):
                mean = found["train"][self.language == language].mean(axis=0)
                found["train"][self.language == language] -= mean
                found["judged"][self.judged_language == language] -= mean
            length = np.linalg.norm(found["train"], axis=1).mean()
            return {name: values / length for name, values in found.items()}

        return self.kept(f"frozen-{model}{'' if plain else '-as-it-is'}", make)

    def balanced(self, train: np.ndarray, judged: np.ndarray) -> Answers:
        """``judged`` with each target language's prior matched on its training texts; both log-probabilities."""
        found = judged.copy()
        for language in languages_of(self.judged):
            if language != "en":
                shift = match_prior(train[self.language == language], np.full(3, 1 / 3))
                found[self.judged_language == language] += shift
        return found

    def probe(self, features: dict[str, np.ndarray], classifier, *, zero_shot: bool) -> Answers:
        """A classifier on frozen embeddings: of English for all with matched priors, or of each language for itself."""
        found = np.zeros((len(self.judged), 3))
        if zero_shot:
            fitted = classifier.fit(features["train"][self.language == "en"], self.labels[self.language == "en"])
            return self.balanced(_scores(fitted, features["train"]), _scores(fitted, features["judged"]))
        for language in languages_of(self.judged):
            own = self.language == language
            fitted = classifier.fit(features["train"][own], self.labels[own])
            places = self.judged_language == language
            found[places] = _scores(fitted, features["judged"][places])
        return found

    def tfidf(self) -> Answers:
        """The course's TF-IDF baseline, in each language for itself."""
        found = np.zeros((len(self.judged), 3))
        for language in languages_of(self.judged):
            train, rows = (select_language(split, language) for split in (self.train, self.judged))
            found[self.judged_language == language] = np.eye(3)[baseline_predictions("tfidf", train, rows)]
        return found

    def macro_f1(self, answers: Answers) -> dict[str, float | None]:
        """Macro-F1 of each language, between 0 and 1; ``None`` where nobody answered."""
        labels, best = np.asarray(self.judged["label"]), answers.argmax(axis=1)
        found: dict[str, float | None] = {}
        for language in languages_of(self.judged):
            chosen = self.judged_language == language
            found[language] = score(labels[chosen], best[chosen], 3).macro_f1 if answers[chosen].any() else None
        return found


def _scores(classifier, features: np.ndarray) -> np.ndarray:
    if hasattr(classifier, "predict_log_proba"):
        return classifier.predict_log_proba(features)
    return np.log(softmax(classifier.decision_function(features), axis=1))


def _probe(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=300)


def _first(race: Race, components: int) -> dict[str, np.ndarray]:
    """The embeddings' first principal components."""
    features = race.frozen("use-m")
    axes = np.linalg.svd(features["train"][::4], full_matrices=False)[2][:components]
    return {name: features[name] @ axes.T for name in ("train", "judged")}


def _sum(experts: dict[str, np.ndarray], *names: str) -> Answers:
    return np.sum([experts[name] for name in names], axis=0)


BY_HAND = """
## Tried by hand before, seed 0, dev macro-F1 without Hindi

| attempt | figure | learned |
| --- | --- | --- |
| merged: n-grams of all languages in one TF-IDF model | 58.9 | 1.3 below one model a language (60.2) |
| merged: TF-IDF strengths 1, 3, 10 | 60.4, 60.2, 60.1 | no matter |
| merged: character 1-6-grams instead of 2-5 | 60.7 | within noise (60.2) |
| merged: log-count ratios, strength 0.1 instead of 1 | 59.8 | 1.9 lower |
| merged: one probe for all languages | 61.5 | 1.7 below one a language |
| merged: probe on sentence and mean token states together | 62.7 | within noise of sentence states alone (62.5 at that strength) |
| merged: encoder's weight 0.3, 0.5, 0.7, 1 beside n-grams and probe | 67.7, 67.1, 66.8, 66.3 | the encoder is too certain of itself |
| merged: encoder's own lexical expert as a fourth | 66.8 for 66.9 | n-grams have said it already (weight 0.5, without the probe) |
| zero-shot: probe on mean token states | 51.0 to 52.0 | sentence states carry over better |
| zero-shot: probe on the fine-tuned encoder | 51.6 to 53.1 | fine-tuning loses what transfers |
| zero-shot: covariances aligned to English, half-way (CORAL) | 54.6 | below the means alone (55.8 at that strength) |
| zero-shot: n-grams learned from the fine-tuned encoder's answers | 54.4 | the better teacher (the probe) makes the better student: 57.7 |
| zero-shot: a second round of co-training | 57.3, after 57.5 | one is enough |
"""
"""These were not worth code that stays."""

M, Z = "merged", "zero-shot"
BEST = ("probe", "n-grams", "encoder", "prior")
ATTEMPTS: dict[str, tuple[Callable[[Race, int], Answers], str]] = {
    "merged: base (compare's default)": (
        lambda r, s: r.default_merged(s)["joint"], "fine-tuned encoder with its lexical expert"),
    "merged: encoder alone": (
        lambda r, s: r.default_merged(s)["encoder"], "what the lexical expert adds shows in the line above"),
    "merged: encoder alone, plain text, without Hindi": (
        lambda r, s: r.ensemble(M, s)["encoder"], "Hindi's labels can go: the others lose nothing that could be told from noise, and it takes an eighth less time"),
    "merged: TF-IDF": (lambda r, s: r.tfidf(), "the course's baseline, each language by itself"),
    "merged: n-grams with log-count ratios": (
        lambda r, s: _sum(r.ensemble(M, s), "n-grams", "prior"), "naive Bayes' weights: 2.5 points over TF-IDF in the seven languages"),
    "merged: probe of each language": (
        lambda r, s: _sum(r.ensemble(M, s), "probe", "prior"), "a linear probe on the frozen encoder is level with fine-tuning, in a second"),
    "merged: probe of each language, texts as they are": (
        lambda r, s: r.probe(r.frozen("use-m", plain=False), _probe(1), zero_shot=False), "plain_text makes no difference that the dev sets could show"),
    "merged: probe of each language, kernel SVM": (
        lambda r, s: r.probe(r.frozen("use-m"), SVC(C=1, gamma=0.5), zero_shot=False), "level with the linear probe; in a sum of log-probabilities its answers drowned the others'"),
    "merged: probe of each language on mini": (
        lambda r, s: r.probe(r.frozen("mini"), _probe(1), zero_shot=False), "the small encoder knows too little; as a fourth expert it lowered the sum by 0.7"),
    "merged: probe + n-grams": (
        lambda r, s: _sum(r.ensemble(M, s), "probe", "n-grams", "prior"), "no fine-tuning at all, and a little above the base"),
    "merged: encoder + n-grams": (
        lambda r, s: _sum(r.ensemble(M, s), "encoder", "n-grams", "prior"), "two experts of different kinds"),
    "merged: best": (
        lambda r, s: _sum(r.ensemble(M, s), *BEST), "above any two of its experts with every seed"),
    "zero-shot: no centring": (lambda r, s: r.default_zero_shot(s)["plain"], "the fine-tuned encoder as it is"),
    "zero-shot: base (compare's default)": (
        lambda r, s: r.default_zero_shot(s)["centred"], "centring shifts a linear head's answers by a constant for each class"),
    "zero-shot: encoder, prior matched": (
        lambda r, s: r.balanced(r.default_zero_shot(s)["train"], r.default_zero_shot(s)["plain"]),
        "so matching the prior does what centring does"),
    **{
        f"zero-shot: probe, strength {c:g}": (
            lambda r, s, c=c: r.probe(r.frozen("use-m"), _probe(c), zero_shot=True),
            "the frozen encoder transfers better than the fine-tuned one, if the probe is simple enough" if c == 0.3 else "too simple" if c < 0.3 else "not simple enough: it fits English and loses the others")
        for c in (0.03, 0.3, 3, 30)
    },
    "zero-shot: probe, texts as they are": (
        lambda r, s: r.probe(r.frozen("use-m", plain=False), _probe(0.3), zero_shot=True), "plain_text makes no difference that the dev sets could show"),
    "zero-shot: probe on 64 principal components": (
        lambda r, s: r.probe(_first(r, 64), _probe(0.3), zero_shot=True), "within noise of all 512"),
    "zero-shot: kernel SVM": (
        lambda r, s: r.probe(r.frozen("use-m"), SVC(C=0.5, gamma=0.3), zero_shot=True), "within noise of the linear probe"),
    "zero-shot: probe on mini": (lambda r, s: r.probe(r.frozen("mini"), _probe(1), zero_shot=True), "far behind"),
    "zero-shot: probe + encoder": (
        lambda r, s: r.probe(r.frozen("use-m"), _probe(0.3), zero_shot=True) * 3
        + 0.3 * r.balanced(r.default_zero_shot(s)["train"], r.default_zero_shot(s)["plain"]),
        "the fine-tuned encoder adds nothing that could be told from noise"),
    "zero-shot: co-trained n-grams alone": (
        lambda r, s: _sum(r.ensemble(Z, s), "n-grams"), "learned from the probe's answers alone, without a label"),
    "zero-shot: best": (
        lambda r, s: _sum(r.ensemble(Z, s), *BEST), "probe and co-trained n-grams err differently; target languages depend on the seed through the folds alone"),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", required=True, type=Path, help="folder with UMSAB's files")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--attempts", nargs="+", choices=list(ATTEMPTS), default=list(ATTEMPTS), metavar="NAME")
    options = parser.parse_args()
    runs = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}
    race = cache(lambda: Race(options.data_dir))
    for seed in range(options.seeds):
        for name in options.attempts:
            key = f"{name} | {seed}"
            if key not in runs:
                race().used.clear()
                answers = ATTEMPTS[name][0](race(), seed)
                used = race().used
                # One expert of an ensemble: what it costs by itself was not measured.
                part = any("ensemble" in model for model in used) and "best" not in name
                runs[key] = {
                    "macro_f1": race().macro_f1(answers),
                    "cpu_seconds": None if part or not used else sum(used.values()),
                    "learned": ATTEMPTS[name][1],
                }
                print(
                    key,
                    {code: value and round(100 * value, 1) for code, value in runs[key]["macro_f1"].items()},
                    flush=True,
                )
                write_whole(STORE, json.dumps(runs, indent=1) + "\n")
                write_whole(HERE / "recipes.md", table(runs))


def table(runs: dict[str, dict[str, Any]]) -> str:
    """recipes.md out of all finished attempts."""
    grouped: dict[str, list[dict[str, float]]] = {}
    seconds: dict[str, list[float]] = {}
    for key, run in runs.items():
        name = key.rpartition(" | ")[0]
        scores = {code: np.nan if value is None else value for code, value in run["macro_f1"].items()}
        grouped.setdefault(name, []).append(scores)
        seconds.setdefault(name, []).append(run["cpu_seconds"] or np.nan)
    lines = [
        "# The recipe race",
        "",
        "`python benchmarks/recipes.py --data-dir path/to/umsab`: macro-F1 in points on UMSAB's dev sets (324 messages a",
        "language). Merged: trained on all eight languages, mean over all eight. Zero-shot: trained on English, mean over the",
        "seven others. Hindi's labels cannot be told from its texts (a classifier that is trained and tested on them is at",
        "chance, 33), so every recipe is about at chance there, and the mean without Hindi tells recipes apart better.",
        "With several seeds, the 95 % bootstrap interval over the seeds alone. CPU seconds are those of one core, for training",
        "and all answers (for frozen embeddings, nearly all of them are the encoder's one pass over the texts); – where it is",
        "one expert of an ensemble.",
        "",
    ]
    codes = list(next(iter(grouped.values()))[0])
    lines += [f"| attempt | seeds | mean | without Hindi | {' | '.join(codes)} | CPU s | learned |"]
    lines += ["| --- " * (6 + len(codes)) + "|"]
    for name in [name for name in ATTEMPTS if name in grouped]:
        rows = grouped[name]
        counted = [code for code in codes if name.startswith(M) or code != "en"]
        means = [
            _cell([float(np.mean([row[code] for code in those])) for row in rows])
            for those in (counted, [code for code in counted if code != NOISY])
        ]
        each = [_number(100 * np.mean([row[code] for row in rows]), 1) for code in codes]
        cost = _number(np.mean(seconds[name]), 0)
        lines += [f"| {' | '.join([name, str(len(rows)), *means, *each, cost, ATTEMPTS[name][1]])} |"]
    return "\n".join(lines) + "\n" + BY_HAND


def _cell(values: list[float]) -> str:
    if len(values) == 1 or np.isnan(values).any():
        return _number(100 * np.mean(values), 1)
    interval = bootstrap_mean(values)
    return f"{100 * interval.estimate:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _number(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
