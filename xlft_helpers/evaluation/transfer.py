"""How much is lost on the way from the training language to the others.

Source of the gap: J. Hu et al. (2020), XTREME: A Massively Multilingual Multi-task Benchmark for Evaluating
Cross-lingual Generalization, ICML, section 5 ("cross-lingual transfer gap").
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from xlft_helpers.errors import DataError


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
