"""Retrieval: are the right texts found, and how far up in the list do they stand?"""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from xlft_helpers.errors import DataError


def retrieval_hits(queries: ArrayLike, candidates: ArrayLike) -> NDArray[np.bool_]:
    """For each query, whether the candidate with the highest cosine is its own translation.

    The mean of the hits is precision at 1 (P@1; Artetxe and Schwenk 2019, *Massively Multilingual Sentence
    Embeddings*, TACL 7, section 4.3, report its complement as the error rate on Tatoeba). A guess is right 1 / n of the
    time. The two directions differ: a candidate can be nearest to many queries.

    Args:
        queries: (n, H) vectors of any length but zero.
        candidates: (n, H); row i is the translation of query i.

    Returns:
        (n,) booleans.

    Raises:
        DataError: the shapes differ or are not (n, H), there is no row, or a vector is zero or not finite.
    """
    directions = [unit_rows(values, name) for name, values in (("queries", queries), ("candidates", candidates))]
    if directions[0].shape != directions[1].shape:
        raise DataError(
            f"queries have shape {directions[0].shape} and candidates {directions[1].shape}; row i of both must be the "
            "same text, so the shapes are equal."
        )
    return (directions[0] @ directions[1].T).argmax(axis=1) == np.arange(len(directions[0]))


def unit_rows(values: ArrayLike, name: str) -> NDArray[np.floating]:
    """Vectors scaled to length 1, so that their products are cosines.

    Args:
        values: (n, H), n >= 1; vectors of any length but zero.
        name: what they are, for messages.

    Returns:
        (n, H) of float32, or float64 where the values are.

    Raises:
        DataError: another shape, no row, or a vector that is zero or not finite.
    """
    array = np.asarray(values)
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    if array.ndim != 2 or array.size == 0:
        raise DataError(f"{name} have shape {array.shape}; expected (n, H) with at least one row.")
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    bad = ~(np.isfinite(lengths) & (lengths > 0)).ravel()
    if bad.any():
        raise DataError(f"Row {bad.argmax()} of the {name} is zero or not finite, so it has no direction.")
    return array / lengths


def ranking_metrics(found: ArrayLike, relevant: Sequence[Collection[int]], k: int = 10) -> pd.DataFrame:
    """Four metrics of each query; the mean of a column is the metric, `bootstrap_mean` of it gives the interval.

    With r_i = 1 where the text at rank i is relevant, and R relevant texts in the collection:

    - ``P@1`` is r_1;
    - ``recall@k`` is (r_1 + ... + r_k) / R;
    - ``MRR`` is 1 / (the first i with r_i = 1), and 0 if none was found (Voorhees 1999, *The TREC-8 Question Answering
      Track Report*);
    - ``nDCG@k`` is the sum of r_i / log2(i + 1) over the first k, divided by that sum for a list that starts with the
      relevant texts (Järvelin and Kekäläinen 2002, *Cumulated Gain-Based Evaluation of IR Techniques*, ACM TOIS 20).

    Args:
        found: (n, d) numbers of the texts found, best first, d >= k; -1 where fewer were found.
        relevant: for each query, the numbers of the texts that answer it; at least one.
        k: length of the list that recall and nDCG look at.

    Returns:
        One row a query, each value between 0 and 1.

    Raises:
        DataError: another shape, fewer than k columns, another number of queries, a query without a relevant text, or
            a text that is listed twice.
    """
    lists = np.asarray(found)
    if lists.ndim != 2 or len(lists) != len(relevant) or len(lists) == 0:
        raise DataError(
            f"found has shape {lists.shape}; expected one row for each of the {len(relevant)} queries in `relevant`, "
            "and at least one."
        )
    if not 1 <= k <= lists.shape[1]:
        raise DataError(f"k={k}, but the lists hold {lists.shape[1]} texts. Search deeper or ask for less.")
    discounts = 1 / np.log2(np.arange(2, k + 2))
    rows = []
    for number, (texts, right) in enumerate(zip(lists, relevant, strict=True)):
        if not right:
            raise DataError(f"Query {number} has no relevant text; leave it out, no list can be right for it.")
        listed = texts[texts >= 0]
        if len(np.unique(listed)) < len(listed):
            raise DataError(f"Query {number} lists a text twice, which would count it twice.")
        hits = np.isin(texts, list(right))
        first = hits.argmax()
        ideal = discounts[: len(right)].sum()
        rows.append((hits[0], hits[:k].sum() / len(right), hits[first] / (first + 1), discounts @ hits[:k] / ideal))
    return pd.DataFrame(rows, columns=["P@1", f"recall@{k}", "MRR", f"nDCG@{k}"]).astype(float)
