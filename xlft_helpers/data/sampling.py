"""Class priors, and temperature-based language sampling."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict

from .schema import label_names, languages_of


def class_priors(data: Dataset | DatasetDict) -> pd.DataFrame:
    """The share of each label per split and language, with ``n`` rows (one row a split and language)."""
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
        ValueError: no languages, a count below one, or alpha outside [0, 1].
    """
    if not counts or min(counts.values()) < 1:
        raise ValueError(f"counts={dict(counts)}: every language needs at least one example.")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha} is outside [0, 1].")
    powers = {code: float(count) ** alpha for code, count in counts.items()}
    return {code: power / sum(powers.values()) for code, power in powers.items()}


def sample_languages(dataset: Dataset, alpha: float, seed: int) -> Dataset:
    """Resample a merged training set so that language k has a share of p_k ∝ M_k^α; the size stays the same.

    With α = 1 this is the data set itself. Otherwise each language's rows are drawn without replacement as long as
    they last, and then again from the start.

    Args:
        dataset: rows of several languages.
        alpha: see :func:`sampling_probabilities`.
        seed: fixes the draw.
    """
    if alpha == 1:
        return dataset
    languages = np.asarray(dataset["language"])
    counts = {code: int((languages == code).sum()) for code in languages_of(dataset)}
    probabilities = sampling_probabilities(counts, alpha)
    generator = np.random.default_rng(seed)
    drawn = []
    for code, share in probabilities.items():
        rows, wanted = np.flatnonzero(languages == code), round(share * len(dataset))
        rounds = [generator.permutation(rows) for _ in range(-(-wanted // len(rows)))]
        drawn.append(np.concatenate(rounds)[:wanted] if rounds else rows[:0])
    return dataset.select(np.sort(np.concatenate(drawn)))
