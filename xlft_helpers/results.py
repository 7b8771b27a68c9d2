"""What a comparison found: runs, summary, gap, matrix and which differences are distinguishable."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xlft_helpers.evaluation import (
    Interval,
    PairedTest,
    bootstrap_macro_f1,
    bootstrap_weighted_sum,
    expected_calibration_error,
    gap_weights,
    paired_test,
    score,
    transfer_matrix,
)
from xlft_helpers.files import write_whole

SMALL_TEST_SET = 100
"""Below this many messages, a macro-F1 of 60 points has an interval of about ±10."""

BASELINES = ("majority", "random", "tf-idf", "tf-idf-zero-shot")


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answers of one trained model on one test set.

    Attributes:
        method: ``zero-shot``, ``per-language``, ``merged`` or a baseline's name.
        seed: of the training run.
        train_languages: ISO 639-1 codes.
        test_language: ISO 639-1 code.
        probabilities: (n, num_labels), in the order of the test rows.
        train_seconds: wall time of training.
    """

    method: str
    seed: int
    train_languages: tuple[str, ...]
    test_language: str
    probabilities: np.ndarray
    train_seconds: float

    @property
    def is_own_use(self) -> bool:
        """Whether the method would be used so: a per-language model counts on its own language only."""
        return self.method != "per-language" or self.train_languages == (self.test_language,)


@dataclass(frozen=True, eq=False)
class Comparison:
    """All predictions of a comparison and the figures computed from them.

    Attributes:
        settings: what was compared, and how.
        labels: (n,) class indices of each test language.
        predictions: see :class:`Prediction`.
    """

    settings: dict[str, Any]
    labels: dict[str, np.ndarray]
    predictions: list[Prediction]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a trained model and test language: scores between 0 and 1, seconds, calibration error."""
        rows = []
        for prediction in self.predictions:
            if not prediction.is_own_use:
                continue
            labels = self.labels[prediction.test_language]
            scores = score(labels, prediction.probabilities.argmax(axis=1), self._num_labels)
            rows.append(
                {
                    "method": prediction.method,
                    "seed": prediction.seed,
                    "train_languages": list(prediction.train_languages),
                    "test_language": prediction.test_language,
                    "n": scores.n,
                    "accuracy": scores.accuracy,
                    "macro_precision": scores.macro_precision,
                    "macro_recall": scores.macro_recall,
                    "macro_f1": scores.macro_f1,
                    "expected_calibration_error": (
                        None
                        if prediction.method in BASELINES
                        else expected_calibration_error(prediction.probabilities, labels)
                    ),
                    "train_seconds": prediction.train_seconds,
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row a method and test language: mean macro-F1 over seeds with a 95 % interval over seeds and messages."""
        rows = []
        for method in self.methods:
            for language, labels in self.labels.items():
                answers = self.answers(method, language)
                if answers is None:
                    continue
                interval = bootstrap_macro_f1(labels, answers, self._num_labels)
                rows.append(
                    {
                        "method": method,
                        "test_language": language,
                        "n": len(labels),
                        "seeds": len(answers),
                        "macro_f1_mean": interval.estimate,
                        "ci_low": interval.low,
                        "ci_high": interval.high,
                    }
                )
        return pd.DataFrame(rows)

    @property
    def methods(self) -> list[str]:
        """Methods and baselines, in the order they were asked for."""
        return list(dict.fromkeys(prediction.method for prediction in self.predictions))

    @property
    def targets(self) -> list[str]:
        """The tested languages but for the source."""
        return [language for language in self.labels if language != self.settings["source"]]

    def answers(self, method: str, language: str) -> np.ndarray | None:
        """Predicted class indices (seeds, n) of a method on a test language; ``None`` if it was not run there."""
        found = [p for p in self.predictions if (p.method, p.test_language) == (method, language) and p.is_own_use]
        return np.stack([p.probabilities.argmax(axis=1) for p in found]) if found else None

    def transfer_gap(self, method: str = "zero-shot") -> Interval | None:
        """Source macro-F1 minus the mean of the targets', with its interval; ``None`` without the method or a target."""
        source = self.settings["source"]
        if not self.targets or source not in self.labels or self.answers(method, source) is None:
            return None
        return self._weighted(method, gap_weights(list(self.labels), source))

    def mean_of_targets(self, method: str) -> Interval | None:
        """Mean macro-F1 over the target languages, with its interval; ``None`` where the method misses one of them."""
        if not self.targets or any(self.answers(method, language) is None for language in self.targets):
            return None
        return self._weighted(method, {language: 1 / len(self.targets) for language in self.targets})

    def _weighted(self, method: str, weights: Mapping[str, float]) -> Interval:
        found = {language: self.answers(method, language) for language in weights}
        answers = {language: rows for language, rows in found.items() if rows is not None}
        return bootstrap_weighted_sum(
            self.labels, answers, weights, self._num_labels, parallel=self.settings["parallel_test"]
        )

    def transfer_matrix(self) -> pd.DataFrame:
        """Mean macro-F1 over seeds of every single-language model on every test language (rows: train language).

        A pair that was not run is NaN; ``compare(..., matrix=True)`` runs them all.
        """
        single = [p for p in self.predictions if p.method in ("zero-shot", "per-language")]
        rows = [
            {
                "train_languages": train,
                "test_language": test,
                "macro_f1": score(self.labels[test], p.probabilities.argmax(axis=1), self._num_labels).macro_f1,
            }
            # The zero-shot model of the source language is also its per-language model: it counts once.
            for (train, _, test), p in {(p.train_languages[0], p.seed, p.test_language): p for p in single}.items()
        ]
        return transfer_matrix(pd.DataFrame(rows))

    def difference(self, first: str, second: str, language: str) -> PairedTest | None:
        """Paired test of ``first`` minus ``second`` in macro-F1 on the same test messages; ``None`` if one was not run."""
        one, other = self.answers(first, language), self.answers(second, language)
        if one is None or other is None:
            return None
        # A baseline without randomness has one run; it stands against every seed of the other.
        seeds = max(len(one), len(other))
        one, other = (np.repeat(rows, seeds, axis=0) if len(rows) == 1 else rows for rows in (one, other))
        return paired_test(self.labels[language], one, other, self._num_labels)

    def differences(self) -> pd.DataFrame:
        """Every pair of methods (and the TF-IDF baseline) on every language, with interval, p-value and verdict.

        On the source language, zero-shot and per-language are one and the same model, so there is nothing to test.
        """
        contenders = [method for method in self.methods if method not in ("majority", "random", "tf-idf-zero-shot")]
        rows = []
        for first, second in combinations(contenders, 2):
            for language in self.labels:
                one_model = {first, second} == {"zero-shot", "per-language"} and language == self.settings["source"]
                test = None if one_model else self.difference(first, second, language)
                if test is not None:
                    rows.append(
                        {
                            "first": first,
                            "second": second,
                            "test_language": language,
                            "difference": test.difference,
                            "ci_low": test.low,
                            "ci_high": test.high,
                            "p_value": test.p_value,
                            "distinguishable": test.distinguishable,
                        }
                    )
        return pd.DataFrame(rows)

    def table(self) -> pd.DataFrame:
        """Methods x languages, each cell ``mean [low, high]`` in points of macro-F1, with the mean over the targets."""
        points = self.summary.assign(
            cell=[
                _points(Interval(mean, low, high, 0.95))
                for mean, low, high in self.summary[["macro_f1_mean", "ci_low", "ci_high"]].to_numpy()
            ]
        )
        table = points.pivot_table(index="method", columns="test_language", values="cell", aggfunc="first")
        table = table.reindex(index=self.methods, columns=list(self.labels)).fillna("–")
        means = {method: self.mean_of_targets(method) for method in self.methods}
        table["mean of targets"] = ["–" if mean is None else _points(mean) for mean in means.values()]
        return table

    def report(self) -> str:
        """What ``xlft compare`` prints: the table, the gap and which differences are distinguishable."""
        seeds = self.settings["seeds"]
        sizes = ", ".join(f"{language} {len(labels)}" for language, labels in self.labels.items())
        lines = [
            f"macro-F1 in points, mean over {seeds} seed{'s' if seeds > 1 else ''} with 95 % bootstrap interval; "
            f"test messages: {sizes}",
            self.table().to_string(),
        ]
        untested = [language for language in self.settings["train_languages"] if language not in self.labels]
        if untested:
            lines.append(f"Without test rows, so trained on only: {', '.join(untested)}.")
        gap = self.transfer_gap()
        if gap is not None:
            lines.append(f"Transfer gap of zero-shot ({self.settings['source']} minus mean of targets): {_points(gap)}")
        if self.settings["centred"] and "zero-shot" in self.methods:
            lines.append(
                "Zero-shot used no target label; target languages were mean-centred on their unlabelled training texts, "
                "those that have any."
            )
        if self.settings["recipe"]["lexical_expert"]:
            lines.append("A lexical expert answered beside the encoder in the languages that a model was trained on.")
        if self.settings["recipe"]["ensemble"]:
            lines.append(
                "The recipe best: encoder, probe and n-grams answered together; every language's classes were taken to be as "
                "frequent as in the training rows."
            )
        small = [
            f"{language} ({len(labels)})" for language, labels in self.labels.items() if len(labels) < SMALL_TEST_SET
        ]
        if small:
            lines.append(f"Few test messages, so that only large differences can show: {', '.join(small)}.")
        if seeds == 1:
            lines.append("One seed: the intervals leave out how much another seed would change. Use --seeds 3 or more.")
        differences = self.differences()
        if len(differences):
            lines.append(
                f"Paired tests at the 5 % level; of {len(differences)}, about {0.05 * len(differences):.1f} would call a "
                "difference distinguishable by chance alone if there were none:"
            )
        for row in differences.itertuples():
            verdict = "distinguishable" if row.distinguishable else "not distinguishable"
            lines.append(
                f"{row.test_language}: {row.first} minus {row.second} = {100 * row.difference:+.1f} "
                f"[{100 * row.ci_low:+.1f}, {100 * row.ci_high:+.1f}], p = {row.p_value:.3f}: {verdict}"
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values, as ``xlft compare --json`` writes it; scores between 0 and 1."""
        gap = self.transfer_gap()
        single = any(p.method in ("zero-shot", "per-language") for p in self.predictions)
        return {
            "settings": self.settings,
            "runs": json.loads(self.runs.to_json(orient="records")),
            "summary": json.loads(self.summary.to_json(orient="records")),
            "transfer_gap": gap and gap.estimate,
            "transfer_gap_interval": gap and [gap.low, gap.high],
            "differences": json.loads(self.differences().to_json(orient="records")),
            "transfer_matrix": json.loads(self.transfer_matrix().to_json(orient="index")) if single else None,
        }

    def to_json(self, path: Path | str) -> None:
        """Write :meth:`to_dict` to ``path``; an existing file is replaced only once the new one is complete."""
        write_whole(Path(path), json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")

    @property
    def _num_labels(self) -> int:
        return len(self.settings["labels"])


def _points(interval: Interval) -> str:
    return f"{100 * interval.estimate:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
