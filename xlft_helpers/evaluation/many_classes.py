"""Reporting when there are many classes: each class by itself, three averages of F1, the first k answers, the mix-ups.

Source of the averages: Y. Yang and X. Liu (1999), A re-examination of text categorization methods, SIGIR, section 2;
they are those of scikit-learn's ``f1_score``.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from xlft_helpers.errors import DataError

from .metrics import confusion_matrix
from .validation import class_indices, probability_rows


def class_report(labels: ArrayLike, predictions: ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """Precision, recall and F1 (0 to 1) of each class, and its support.

    Args:
        labels: (n,) true class indices.
        predictions: (n,) predicted class indices.
        names: the C classes in the order of their indices.

    Returns:
        One row a class, in the order of ``names``: ``precision``, ``recall``, ``f1`` (0 where they are undefined) and
        ``support``, the number of its labels.

    Raises:
        DataError: the input is empty, of different lengths, or holds something else than class indices.
    """
    confusion = confusion_matrix(labels, predictions, len(names))
    hits, predicted, support = confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1)
    columns = {
        "precision": hits / np.maximum(predicted, 1),
        "recall": hits / np.maximum(support, 1),
        "f1": 2 * hits / np.maximum(predicted + support, 1),
        "support": support,
    }
    return pd.DataFrame(columns, index=pd.Index(names, name="class"))


def f1_averages(report: pd.DataFrame) -> dict[str, float]:
    """Macro-, micro- and weighted F1 of a :func:`class_report` in which every text has one label and one answer.

    * ``macro``: the mean over the classes, each counting the same.
    * ``weighted``: the mean weighted by support, so that frequent classes count more.
    * ``micro``: F1 of all decisions pooled. Each wrong answer is one false positive and one false negative, so it is the
      accuracy: the mean recall weighted by support.
    """
    shares = report["support"] / report["support"].sum()
    return {
        "macro": float(report["f1"].mean()),
        "micro": float((shares * report["recall"]).sum()),
        "weighted": float((shares * report["f1"]).sum()),
    }


def top_k_accuracy(labels: ArrayLike, probabilities: ArrayLike, k: int) -> float:
    """The share of texts whose label is among the k most probable classes; of equal ones the smaller index comes first.

    Args:
        labels: (n,) true class indices.
        probabilities: (n, C), rows that sum to one.
        k: how many answers count, from 1 (plain accuracy) to C.

    Raises:
        DataError: k is out of range, lengths differ, or the input is no class indices or no probabilities.
    """
    rows = probability_rows(probabilities)
    true = class_indices(labels, rows.shape[1], "labels")
    if true.shape != (len(rows),):
        raise DataError(f"There are {len(rows)} rows of probabilities, but labels of shape {true.shape}.")
    if not 1 <= k <= rows.shape[1]:
        raise DataError(f"k={k} is outside 1 to {rows.shape[1]}, the number of classes.")
    first = np.argsort(-rows, axis=1, kind="stable")[:, :k]
    return float((first == true[:, None]).any(axis=1).mean())


def confused_pairs(confusion: ArrayLike, names: Sequence[str], top: int = 10) -> pd.DataFrame:
    """The most frequent mix-ups, both directions together.

    Args:
        confusion: (C, C) counts; rows are true labels, columns predictions.
        names: the C classes.
        top: how many pairs, at most.

    Returns:
        ``a``, ``b``, ``a as b`` and ``b as a`` (counts), the most frequent pair first; pairs that never occur are left
        out.
    """
    counts = np.asarray(confusion)
    first, second = np.triu_indices(len(names), k=1)
    pairs = pd.DataFrame(
        {
            "a": np.asarray(names)[first],
            "b": np.asarray(names)[second],
            "a as b": counts[first, second],
            "b as a": counts[second, first],
        }
    )
    total = (pairs["a as b"] + pairs["b as a"]).sort_values(ascending=False, kind="stable")
    return pairs.loc[total[total > 0].index].head(top).reset_index(drop=True)
