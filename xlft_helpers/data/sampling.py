"""Class priors, and language sampling with a temperature."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict

from xlft_helpers.errors import DataError

from .schema import label_names, languages_of


def class_priors(data: Dataset | DatasetDict) -> pd.DataFrame:
    """How the classes are distributed.

    Returns:
        One row a split and language: ``split`` (``all`` for a single data set), ``language``, ``n`` (number of rows),
        and for each label its share p(y), between 0 and 1.
    """
    parts = data if isinstance(data, DatasetDict) else {"all": data}
    rows = []
    for split, part in parts.items():
        names = label_names(part)
        languages, labels = np.asarray(part["language"]), np.asarray(part["label"])
        for code in languages_of(part):
            chosen = labels[languages == code]
            shares = np.bincount(chosen, minlength=len(names)) / len(chosen)
            rows.append({"split": split, "language": code, "n": len(chosen), **dict(zip(names, shares, strict=True))})
    return pd.DataFrame(rows)


def sampling_probabilities(counts: Mapping[str, int], alpha: float) -> dict[str, float]:
    """p_k = M_k^α / Σ_j M_j^α (Conneau & Lample 2019, section 3.1).

    Args:
        counts: language to its number of examples M_k, all positive.
        alpha: 1 keeps the languages' shares, 0 makes them equal.

    Raises:
        DataError: no languages, a count below one, or alpha outside [0, 1].
    """
    if not counts or min(counts.values()) < 1:
        raise DataError(f"counts={dict(counts)}: every language needs at least one example. Leave out the empty ones.")
    if not 0 <= alpha <= 1:
        raise DataError(f"alpha={alpha} is outside [0, 1]: 1 keeps the languages' shares, 0 makes them equal.")
    powers = {code: float(count) ** alpha for code, count in counts.items()}
    total = sum(powers.values())
    return {code: power / total for code, power in powers.items()}


def sample_languages(dataset: Dataset, alpha: float, seed: int) -> Dataset:
    """Draw a training set of the same size in which language k has the share p_k ∝ M_k^α.

    Each language's rows are drawn without replacement as long as they last, and then from the start again, so with
    α = 1 the result is the data set itself.

    Args:
        dataset: rows of several languages.
        alpha: see :func:`sampling_probabilities`.
        seed: fixes the draw.

    Returns:
        As many rows as ``dataset`` has, in its order.

    Raises:
        DataError: alpha is outside [0, 1], or there are no rows.
    """
    languages = np.asarray(dataset["language"])
    counts = {code: int((languages == code).sum()) for code in languages_of(dataset)}
    wanted = _whole_numbers(sampling_probabilities(counts, alpha), len(dataset))
    generator = np.random.default_rng(seed)
    drawn = []
    for code, number in wanted.items():
        rows = np.flatnonzero(languages == code)
        rounds = [generator.permutation(rows) for _ in range(math.ceil(number / len(rows)))]
        drawn.append(np.concatenate([rows[:0], *rounds])[:number])
    return dataset.select(np.sort(np.concatenate(drawn)))


def _whole_numbers(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Round ``share * total`` so that the sum is ``total``: what rounding down leaves goes to the largest fractions."""
    exact = {code: share * total for code, share in shares.items()}
    numbers = {code: int(value) for code, value in exact.items()}
    by_remainder = sorted(exact, key=lambda code: numbers[code] - exact[code])
    for code in by_remainder[: total - sum(numbers.values())]:
        numbers[code] += 1
    return numbers
