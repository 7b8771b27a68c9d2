"""Nearest vectors by the largest product: exact over shards, or approximate by faiss's inverted lists."""

import math
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xlft_helpers import settings
from xlft_helpers.errors import DataError

APPROXIMATE_FROM = 20_000
"""Below this size, comparing with every vector takes a few milliseconds and misses nothing."""
PROBES = 64
"""Lists that a search looks into; benchmarks/retrieval.py measures what that finds."""
QUERIES = 512
"""Queries compared with a shard at a time."""
SAMPLE = 40
"""Vectors a list that its centre is learned from; faiss asks for 39 or more."""


def merge_best(
    queries: NDArray[np.float32], shards: Iterable[NDArray[np.float32]], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k largest products of each query with the vectors of all shards.

    Args:
        queries: (n, H).
        shards: arrays (m_s, H), numbered on from one to the next; held one at a time.
        k: at most the sum of the m_s.

    Returns:
        Numbers (n, k) and products (n, k), largest first.
    """
    best = np.empty((len(queries), 0), dtype=np.float32)
    numbers = np.empty((len(queries), 0), dtype=np.int64)
    first = 0
    for shard in shards:
        found = [_largest(queries[at : at + QUERIES] @ shard.T, k) for at in range(0, len(queries), QUERIES)]
        columns = np.concatenate([columns for columns, _ in found])
        numbers = np.concatenate([numbers, columns + first], axis=1)
        best = np.concatenate([best, np.concatenate([values for _, values in found])], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :k]
        numbers, best = np.take_along_axis(numbers, order, axis=1), np.take_along_axis(best, order, axis=1)
        first += len(shard)
    return numbers, best


def build_lists(shards: Iterable[NDArray[np.float32]], count: int) -> Any:
    """An inverted file of 2 sqrt(n) lists, its vectors in half precision: about 1 KB a vector of 512 numbers.

    The centres are learned by k-means from a random sample of up to ``SAMPLE`` vectors a list.

    Args:
        shards: arrays (m_s, H) of unit vectors; gone through twice, so no iterator.
        count: n, the sum of the m_s.

    Returns:
        A faiss index for :func:`search_lists`.
    """
    faiss = _faiss()
    lists = max(1, min(round(2 * math.sqrt(count)), count // SAMPLE))
    rng, share = np.random.default_rng(settings.SEED), min(1.0, SAMPLE * lists / count)
    parts = []
    for shard in shards:
        chosen = rng.choice(len(shard), size=math.ceil(share * len(shard)), replace=False)
        parts.append(shard[np.sort(chosen)])
    sample = np.concatenate(parts)
    index = faiss.index_factory(sample.shape[1], f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
    faiss.extract_index_ivf(index).cp.spherical = True  # centres of unit length, as the vectors are
    index.train(sample)
    for shard in shards:
        index.add(shard)
    return index


def search_lists(
    index: Any, queries: NDArray[np.float32], k: int, probes: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """As :func:`merge_best`, among the vectors of the lists nearest to a query.

    Args:
        index: made by :func:`build_lists`.
        queries: (n, H).
        k: how many.
        probes: lists to look into. Default ``PROBES``; more find more and take longer.

    Returns:
        Numbers (n, k) and products (n, k), largest first; -1 and -inf where the lists held fewer than k vectors.

    Raises:
        DataError: ``probes`` is below 1.
    """
    if probes is not None and probes < 1:
        raise DataError(f"probes={probes}; a search must look into at least one list.")
    chosen = _faiss().SearchParametersIVF(nprobe=min(probes or PROBES, index.nlist))
    products, numbers = index.search(queries, k, params=chosen)
    return numbers, np.where(numbers >= 0, products, -np.inf).astype(np.float32)


def write_lists(index: Any, path: Path) -> None:
    """Write in faiss's own format."""
    _faiss().write_index(index, str(path))


def read_lists(path: Path) -> Any:
    """Read what :func:`write_lists` wrote.

    Raises:
        DataError: faiss cannot read the file.
    """
    try:
        return _faiss().read_index(str(path))
    except RuntimeError as error:
        raise DataError(f"{path} is damaged; index the texts again and save the index anew.") from error


def _largest(products: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Columns and values of the k largest of each row in any order, or of all if there are fewer."""
    if k < products.shape[1]:
        columns = np.argpartition(-products, k - 1, axis=1)[:, :k]
    else:
        columns = np.broadcast_to(np.arange(products.shape[1]), products.shape)
    return columns, np.take_along_axis(products, columns, axis=1)


@cache
def _faiss() -> Any:
    """The library, imported where lists are first needed: exact search does without it."""
    import faiss

    # It brings an OpenMP of its own beside torch's. On macOS, two of them with several threads each can crash
    # (faiss-wheels, issue 73); elsewhere they would only outnumber the cores.
    faiss.omp_set_num_threads(1 if sys.platform == "darwin" else torch.get_num_threads())
    return faiss
