"""How much is lost on the way from the training language to the others.

Source of the gap: J. Hu et al. (2020), XTREME: A Massively Multilingual Multi-task Benchmark for Evaluating
Cross-lingual Generalization, ICML, section 5 ("cross-lingual transfer gap").
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from xlft_helpers.errors import DataError

from .uncertainty import Interval, bootstrap_weighted_sum


def gap_weights(languages: Iterable[str], source: str) -> dict[str, float]:
    """The transfer gap as a weighted sum: 1 for the source language and -1/(K - 1) for each of the other K - 1.

    Pass them to :func:`~xlft_helpers.evaluation.bootstrap_weighted_sum` for the gap's interval.

    Raises:
        DataError: ``source`` is not among the languages, or is the only one.
    """
    codes = list(dict.fromkeys(languages))
    if source not in codes:
        raise DataError(f"There is no score for the source language {source!r}, only for {codes}.")
    if len(codes) == 1:
        raise DataError(f"There is a score for the source language {source!r} only: a gap needs a target language.")
    return {code: 1.0 if code == source else -1 / (len(codes) - 1) for code in codes}


def transfer_gap(scores: Mapping[str, float], source: str) -> float:
    """The source language's score minus the mean of the other languages' scores.

    Args:
        scores: language code to score; every language but ``source`` is a target.
        source: the language that was trained on.

    Returns:
        The gap in the unit of the scores. 0 is perfect transfer; a negative gap means that the targets came out better.

    Raises:
        DataError: no score for ``source``, no target language, or a score that is not finite.
    """
    for language, value in scores.items():
        if not np.isfinite(value):
            raise DataError(f"The score of language {language!r} is {value}; a gap needs finite scores.")
    return float(sum(weight * scores[language] for language, weight in gap_weights(scores, source).items()))


def mean_difference(
    labels: Mapping[str, ArrayLike],
    first: Mapping[str, ArrayLike],
    second: Mapping[str, ArrayLike],
    num_labels: int,
    resamples: int = 1000,
) -> Interval:
    """Mean over the languages of the first method's macro-F1 minus the second's, on a parallel test set, paired.

    Items are drawn together for both methods and all languages, and so are runs: run s of both methods must belong
    together (the same draw of the examples, the same seed).

    Args:
        labels: language to (n,) class indices; item i is the same message in every language.
        first: language to (S, n) predictions of the method that is asked about; (n,) for one run.
        second: the same shapes, of the method it is compared with.
        num_labels: number of classes.
        resamples: number of bootstrap resamples.

    Returns:
        The difference with its 95 % interval; where that leaves out 0, the methods are distinguishable.

    Raises:
        DataError: as :func:`~xlft_helpers.evaluation.bootstrap_weighted_sum`.
    """
    keys = [(language, side) for language in labels for side in ("first", "second")]
    return bootstrap_weighted_sum(
        {f"{k} {side}": labels[k] for k, side in keys},
        {f"{k} {side}": (first if side == "first" else second)[k] for k, side in keys},
        {f"{k} {side}": (1 if side == "first" else -1) / len(labels) for k, side in keys},
        num_labels,
        resamples,
        parallel=True,
    )


def transfer_matrix(runs: pd.DataFrame | Iterable[Mapping[str, Any]], metric: str = "macro_f1") -> pd.DataFrame:
    """The mean score for every pair of training language and test language.

    Args:
        runs: one row for a trained model and a test language, with ``train_languages`` (a code, or a list of codes),
            ``test_language`` and the metric. Rows of the same pair, such as seeds, are averaged.
        metric: the column to show.

    Returns:
        Rows ``train_language`` (several languages joined by ``+``), columns ``test_language``, both in the order in
        which they first occur; NaN where a pair was not run.

    Raises:
        DataError: there are no runs, or a column is missing.
    """
    frame = runs if isinstance(runs, pd.DataFrame) else pd.DataFrame(list(runs))
    missing = [column for column in ("train_languages", "test_language", metric) if column not in frame.columns]
    if missing or frame.empty:
        raise DataError(
            f"The runs have {len(frame)} rows and the columns {list(frame.columns)}; "
            f"expected at least one row, missing columns: {missing}."
        )
    trained_on = [codes if isinstance(codes, str) else "+".join(codes) for codes in frame["train_languages"]]
    matrix = frame.assign(train_language=trained_on).pivot_table(
        index="train_language", columns="test_language", values=metric, aggfunc="mean"
    )
    return matrix.reindex(index=list(dict.fromkeys(trained_on)), columns=frame["test_language"].unique())
