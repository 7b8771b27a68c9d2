"""Lexical search by BM25, for every script: the baseline that knows words and no meanings."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import bm25s
import numpy as np
from numpy.typing import NDArray

from xlft_helpers.errors import DataError

_SPACELESS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f"
"""Kana, Chinese characters and Thai: scripts that write no spaces between words."""
_TOKEN = re.compile(rf"[{_SPACELESS}]+|(?:(?![{_SPACELESS}])[\w\u0300-\u036f\u0900-\u097f])+")
_RUN = re.compile(rf"[{_SPACELESS}]")


def lexical_tokens(text: str) -> list[str]:
    """Lower-case words; where the script writes no spaces, overlapping pairs of characters stand for words.

    Pairs of characters are the usual way out for Chinese and Japanese without a dictionary (Nie, Gao, Zhang and Zhou
    2000, *On the Use of Words and N-grams for Chinese Information Retrieval*, IRAL). Numbers count as words,
    punctuation and emoji do not.
    """
    tokens: list[str] = []
    for run in _TOKEN.findall(unicodedata.normalize("NFKC", text).lower()):
        pairs = _RUN.match(run) and len(run) > 1
        tokens += [run[i : i + 2] for i in range(len(run) - 1)] if pairs else [run]
    return tokens


class LexicalIndex:
    """BM25 over a collection (Robertson and Zaragoza 2009, *The Probabilistic Relevance Framework: BM25 and Beyond*).

    The scores are those of the library bm25s with its default k1 = 1.5, b = 0.75 and Lucene's variant of the formula.

    Args:
        texts: the collection; text i is named i.

    Raises:
        DataError: there is no text, or none has a word.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        tokens = [lexical_tokens(text) for text in texts]
        if not any(tokens):
            raise DataError(f"None of the {len(tokens)} texts holds a word, so there is nothing to search in.")
        self._size = len(tokens)
        self._bm25 = bm25s.BM25()
        self._bm25.index(tokens, show_progress=False)

    def __len__(self) -> int:
        return self._size

    def rank(self, queries: Sequence[str], k: int = 10) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k best texts of each query.

        Returns:
            Numbers (n, k) and scores (n, k), best first, of equal scores the lower number. Where fewer than k texts
            share a word with the query, -1 and 0: a text without a common word is no result.

        Raises:
            DataError: k is not between 1 and the number of texts.
        """
        if not 1 <= k <= len(self):
            raise DataError(f"k={k}, but the collection has {len(self)} texts.")
        numbers = np.full((len(queries), k), -1, dtype=np.int64)
        best = np.zeros((len(queries), k), dtype=np.float32)
        for row, query in enumerate(queries):
            ids = self._bm25.get_tokens_ids(lexical_tokens(query))
            if not ids:
                continue
            scores = self._bm25.get_scores_from_ids(ids)
            order = np.argsort(-scores, kind="stable")[:k]
            order = order[scores[order] > 0]
            numbers[row, : len(order)], best[row, : len(order)] = order, scores[order]
        return numbers, best
