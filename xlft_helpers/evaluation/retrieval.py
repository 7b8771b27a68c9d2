"""Retrieval across languages: is a text's nearest neighbour in another language its translation?"""

import numpy as np
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
    arrays = []
    for name, values in (("queries", queries), ("candidates", candidates)):
        array = np.asarray(values)
        array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
        if array.ndim != 2 or array.size == 0:
            raise DataError(f"{name} have shape {array.shape}; expected (n, H) with at least one row.")
        lengths = np.linalg.norm(array, axis=1, keepdims=True)
        bad = ~(np.isfinite(lengths) & (lengths > 0)).ravel()
        if bad.any():
            raise DataError(f"Row {bad.argmax()} of the {name} is zero or not finite, so it has no direction.")
        arrays.append(array / lengths)
    if arrays[0].shape != arrays[1].shape:
        raise DataError(
            f"queries have shape {arrays[0].shape} and candidates {arrays[1].shape}; row i of both must be the same "
            "text, so the shapes are equal."
        )
    return (arrays[0] @ arrays[1].T).argmax(axis=1) == np.arange(len(arrays[0]))
