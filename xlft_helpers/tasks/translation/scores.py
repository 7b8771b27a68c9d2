"""chrF with what its uncertainty needs: the counts of each sentence, which add up to those of any resample.

chrF is the F-score of character n-grams (Popović 2015, *chrF: character n-gram F-score for automatic MT evaluation*,
WMT), here with sacrebleu's settings: n from 1 to 6, spaces left out, recall counting twice as much as precision (β = 2).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU, CHRF

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation.uncertainty import Interval, draw_runs

ORDER, BETA = 6, 2


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """chrF of a corpus, 0 to 100: the counts of all sentences are added up before the F-score is taken.

    Raises:
        DataError: no sentence, or unequal numbers of them.
    """
    return float(chrf_of_counts(ngram_counts(translations, references).sum(axis=0)))


def sacrebleu_scores(translations: Sequence[str], references: Sequence[str], target: str) -> dict[str, float | str]:
    """chrF and BLEU by sacrebleu, with the signatures to report beside them.

    Args:
        translations: n texts.
        references: n texts.
        target: language of the references. Chinese is cut into characters for BLEU, whose n-grams are of words.

    Raises:
        DataError: no sentence, or unequal numbers of them.
    """
    _check(translations, references)
    found: dict[str, float | str] = {}
    for name, metric in (("chrF", CHRF()), ("BLEU", BLEU(tokenize="zh" if target == "zh" else "13a"))):
        found[name] = metric.corpus_score(list(translations), [list(references)]).score
        found[f"{name} signature"] = str(metric.get_signature())
    return found


def ngram_counts(translations: Sequence[str], references: Sequence[str]) -> NDArray[np.int64]:
    """Character n-grams of each sentence.

    Returns:
        (n, 6, 3): for each order those of the translation, those of the reference, and those they share; none of an order
        that the reference is too short for.

    Raises:
        DataError: no sentence, or unequal numbers of them.
    """
    _check(translations, references)
    counts = np.zeros((len(references), ORDER, 3), dtype=np.int64)
    for row, pair in enumerate(zip(translations, references, strict=True)):
        characters = ["".join(text.split()) for text in pair]
        for n in range(1, ORDER + 1):
            hypothesis, reference = (Counter(t[i : i + n] for i in range(len(t) - n + 1)) for t in characters)
            # As in sacrebleu, a sentence takes part in the orders that its reference is long enough for.
            made = hypothesis.total() if reference else 0
            counts[row, n - 1] = made, reference.total(), (hypothesis & reference).total()
    return counts


def chrf_of_counts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """chrF (...), 0 to 100, of counts (..., 6, 3); orders that one side is too short for do not take part."""
    hypothesis, reference, shared = (counts[..., k].astype(np.float64) for k in range(3))
    used = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(used.sum(axis=-1), 1)
    precision = np.where(used, shared / np.maximum(hypothesis, 1), 0).sum(axis=-1) / orders
    recall = np.where(used, shared / np.maximum(reference, 1), 0).sum(axis=-1) / orders
    total = BETA**2 * precision + recall
    return 100 * np.where(total > 0, (1 + BETA**2) * precision * recall / np.where(total > 0, total, 1), 0)


def bootstrap_chrf(
    runs: Sequence[Sequence[str]],
    references: Sequence[str],
    against: Sequence[Sequence[str]] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """95 % bootstrap interval of a system's chrF, or of its lead over another system on the same sentences.

    Each resample draws sentences with replacement, the same ones for all runs (a paired bootstrap; Koehn 2004,
    *Statistical Significance Tests for Machine Translation Evaluation*, EMNLP), and runs too, as
    :func:`xlft_helpers.evaluation.bootstrap_macro_f1` does. With one run it knows nothing of the spread between seeds.

    Args:
        runs: the translations of each run of the system.
        references: n texts.
        against: the translations of each run of the other system; its runs are drawn on their own. Default: none.
        resamples: number of resamples.
        seed: of the resampling.

    Raises:
        DataError: no run, no sentence, or unequal numbers of sentences.
    """
    if not runs or (against is not None and not against):
        raise DataError("There is no run to score; give at least one list of translations.")
    rng = np.random.default_rng(seed)
    n = len(references)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=resamples) if n else np.empty((resamples, 0))
    weights = np.concatenate([np.ones((1, n)), drawn])  # the first row is the test set itself
    mean = np.zeros(1 + resamples)
    for sign, system in ((1, runs), (-1, against or [])):
        if not system:
            continue
        counts = [ngram_counts(translations, references) for translations in system]
        values = np.stack([chrf_of_counts(np.tensordot(weights, c, axes=1)) for c in counts], axis=1)
        shares = np.concatenate([np.full((1, len(system)), 1 / len(system)), draw_runs(len(system), resamples, rng)])
        mean += sign * (values * shares).sum(axis=1)
    low, high = np.quantile(mean[1:], [0.025, 0.975])
    return Interval(float(mean[0]), float(low), float(high), 0.95)


def _check(translations: Sequence[str], references: Sequence[str]) -> None:
    if len(translations) != len(references) or not references:
        raise DataError(
            f"There are {len(translations)} translations and {len(references)} references; translation i belongs to "
            "reference i, and there must be at least one."
        )
