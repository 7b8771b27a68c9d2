"""How well spans are found: F1 by seqeval, and how far to believe it.

Strict: a span counts if its slot and both its ends are right (the CoNLL-2003 measure; Tjong Kim Sang and De Meulder
2003, section 2). Partial: it counts if it has the slot right and shares at least one character with a true span of
that slot, each span with one other at most ("type" in SemEval-2013 task 9, Segura-Bedmar et al., section 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from seqeval.metrics import classification_report

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import Interval, PairedTest
from xlft_helpers.evaluation.uncertainty import draw_runs

from .tags import Span, character_tags

Spans = Sequence[Sequence[Span]]
"""The spans of n texts."""


@dataclass(frozen=True)
class SpanCounts:
    """What F1 is made of, text by text.

    Attributes:
        hits: (S, n), the found spans that are right, in S runs over n texts.
        found: (S, n), all spans that were found.
        true: (n,), the spans that there are.
    """

    hits: NDArray[np.int64]
    found: NDArray[np.int64]
    true: NDArray[np.int64]

    def f1(self) -> NDArray[np.float64]:
        """Micro-averaged F1 of each run, (S,); 0 where nothing is right."""
        return _f1(self.hits.sum(axis=1), self.found.sum(axis=1), self.true.sum())


def count_spans(true: Spans, runs: Sequence[Spans], *, partial: bool = False) -> SpanCounts:
    """Count hits text by text.

    Args:
        true: the spans of n texts.
        runs: the spans that each of S runs found in the same texts.
        partial: count overlaps of the same slot too.

    Raises:
        DataError: there are no texts, no runs, no true spans, or a run answered another number of texts.
    """
    if not runs or any(len(found) != len(true) for found in runs):
        raise DataError(f"{len(true)} texts and runs over {[len(found) for found in runs]}: they must be equal.")
    if not any(true):
        raise DataError("No text has a true span, so F1 says nothing. Is this a language without slots?")
    hits = partial_hits if partial else strict_hits
    return SpanCounts(
        np.array([[hits(t, f) for t, f in zip(true, found, strict=True)] for found in runs]),
        np.array([[len(spans) for spans in found] for found in runs]),
        np.array([len(spans) for spans in true]),
    )


def strict_hits(true: Sequence[Span], found: Sequence[Span]) -> int:
    """Number of spans that are equal."""
    return len(set(true) & set(found))


def partial_hits(true: Sequence[Span], found: Sequence[Span]) -> int:
    """Number of pairs with the same slot and a character in common, each span in one pair at most.

    Spans of one list do not overlap each other, so pairing from left to right gives the largest number.
    """
    hits, left = 0, sorted(found, key=lambda span: span.start)
    for span in sorted(true, key=lambda span: span.start):
        for other in left:
            if other.name == span.name and other.start < span.end and span.start < other.end:
                hits += 1
                left.remove(other)
                break
    return hits


def slot_report(texts: Sequence[str], true: Spans, found: Spans) -> pd.DataFrame:
    """seqeval's report on the tags of characters: ``precision``, ``recall``, ``f1-score`` and ``support`` a slot.

    The row ``micro avg`` is the strict F1 of :class:`SpanCounts`.

    Raises:
        DataError: as in :func:`count_spans`.
    """
    count_spans(true, [found])
    tags = [[character_tags(text, s) for text, s in zip(texts, spans, strict=True)] for spans in (true, found)]
    report = pd.DataFrame(classification_report(*tags, output_dict=True, zero_division=0)).T
    return report.astype({"support": int})


def bootstrap_f1(counts: SpanCounts, resamples: int = 1000, seed: int = 0) -> Interval:
    """95 % percentile bootstrap interval of F1 over texts and runs, as :func:`~xlft_helpers.evaluation.bootstrap_macro_f1`.

    Texts are drawn, not spans, since the spans of one text are right or wrong together.

    Raises:
        DataError: fewer than two texts.
    """
    rng = np.random.default_rng(seed)
    draws = (_resampled(counts, weights) for weights in _text_weights(counts, resamples, rng))
    means = np.concatenate([_mean_of_drawn_runs(scores, rng) for scores in draws])
    low, high = np.quantile(means, [0.025, 0.975]).clip(0, 1)  # widened, a mean may leave the range of F1
    return Interval(float(counts.f1().mean()), float(low), float(high), level=0.95)


def paired_f1_test(a: SpanCounts, b: SpanCounts, resamples: int = 1000, seed: int = 0) -> PairedTest:
    """Is A better than B on the same texts, by more than chance? As :func:`~xlft_helpers.evaluation.paired_test`.

    A and B may have different numbers of runs. The shuffles of the randomization test swap the mean counts of a text.

    Raises:
        DataError: the true spans of A and B differ, or there are fewer than two texts.
    """
    if not np.array_equal(a.true, b.true):
        raise DataError("A and B were counted on different texts; a paired test needs the same ones in the same order.")
    rng = np.random.default_rng(seed)
    difference = float(a.f1().mean() - b.f1().mean())
    draws, shuffled = [], []
    for weights in _text_weights(a, resamples, rng):
        means = [_mean_of_drawn_runs(_resampled(counts, weights), rng) for counts in (a, b)]
        draws.append(means[0] - means[1])
        swap = rng.integers(2, size=weights.shape)
        first, second = (_shuffled(x, y, swap) for x, y in ((a, b), (b, a)))
        shuffled.append(first - second)
    low, high = np.quantile(np.concatenate(draws), [0.025, 0.975])
    observed = abs(_shuffled(a, b, np.zeros((1, len(a.true)))) - _shuffled(b, a, np.zeros((1, len(a.true)))))
    p_value = float((1 + (np.abs(np.concatenate(shuffled)) >= observed - 1e-12).sum()) / (1 + resamples))
    distinguishable = bool((low > 0 or high < 0) and p_value < 0.05)
    return PairedTest(difference, float(low), float(high), p_value, distinguishable)


def _f1(hits: NDArray, found: NDArray, true: NDArray) -> NDArray[np.float64]:
    return np.asarray(2 * hits / np.maximum(found + true, 1), dtype=np.float64)


def _text_weights(counts: SpanCounts, resamples: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """How often each text is drawn, in chunks of (100, n)."""
    n = len(counts.true)
    if n < 2:
        raise DataError("One text says nothing about how much texts vary: pass at least two.")
    sizes = [min(100, resamples - start) for start in range(0, resamples, 100)]
    return [rng.multinomial(n, np.full(n, 1 / n), size=size) for size in sizes]


def _resampled(counts: SpanCounts, weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each resample and run, (R, S)."""
    return _f1(weights @ counts.hits.T, weights @ counts.found.T, (weights @ counts.true)[:, None])


def _mean_of_drawn_runs(scores: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The mean over runs drawn with replacement, their deviations widened (Hesterberg 2015); (R, S) to (R,)."""
    return (scores * draw_runs(scores.shape[1], len(scores), rng)).sum(axis=1)


def _shuffled(a: SpanCounts, b: SpanCounts, swap: NDArray) -> NDArray[np.float64]:
    """F1 of A's mean counts when B's take their place in the texts where ``swap`` is 1, (R,)."""
    hits, found = (
        (1 - swap) @ x.mean(axis=0) + swap @ y.mean(axis=0) for x, y in ((a.hits, b.hits), (a.found, b.found))
    )
    return _f1(hits, found, a.true.sum())
