"""The checks of notebook 10 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

from collections import Counter

import torch
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)
from transformers.models.encoder_decoder.modeling_encoder_decoder import shift_tokens_right

from xlft_helpers.tasks.translation.scores import chrf_of_counts, ngram_counts
from xlft_helpers.teaching import check


def ngrams(text, n):
    text = text.replace(" ", "")
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))


def f_score(precision, recall, beta=2):
    total = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / total if total else 0


def ngram_f(translation, reference, n, beta=2):
    ours, theirs = ngrams(translation, n), ngrams(reference, n)
    shared = (ours & theirs).total()
    return f_score(shared / ours.total(), shared / theirs.total(), beta)


def by_the_package(translation, reference, n, beta=2):
    """The counts of one order alone, with the others set to nothing."""
    counts = ngram_counts([translation], [reference])[0]
    counts[[order for order in range(6) if order != n - 1]] = 0
    return chrf_of_counts(counts) / 100


def unclipped(translation, reference, n, beta=2):
    ours, theirs = ngrams(translation, n), ngrams(reference, n)
    shared = sum(count for gram, count in ours.items() if gram in theirs)
    return f_score(shared / ours.total(), shared / theirs.total(), beta)


def of_sets(translation, reference, n, beta=2):
    ours, theirs = set(ngrams(translation, n)), set(ngrams(reference, n))
    return f_score(len(ours & theirs) / len(ours), len(ours & theirs) / len(theirs), beta)


def with_spaces(translation, reference, n, beta=2):
    return ngram_f(translation.replace(" ", "_"), reference.replace(" ", "_"), n, beta)


def precision_only(translation, reference, n, beta=2):
    ours, theirs = ngrams(translation, n), ngrams(reference, n)
    return (ours & theirs).total() / ours.total()


def recall_only(translation, reference, n, beta=2):
    return precision_only(reference, translation, n)


def shifted(labels, start, padding):
    return shift_tokens_right(torch.tensor(labels), padding, start)


def beam(step, width, length):
    beams = [((), 1.0)]
    for _ in range(length):
        grown = [((*prefix, piece), p * q) for prefix, p in beams for piece, q in step(prefix).items()]
        beams = sorted(grown, key=lambda found: -found[1])[:width]
    return beams[0][0]


def greedy(step, width, length):
    return beam(step, 1, length)


def exhaustive(step, width, length):
    return beam(step, 10**6, length)


def by_last_piece(step, width, length):
    """Each prefix is ranked by its last probability only, and only within its own beam."""
    first = max(step(()), key=step(()).get)
    return [first, "y", "q"]


def worst_first(step, width, length):
    return ["c", "x", "q"]


SOLUTIONS = [
    (check.ngram_f_score, ngram_f),
    (check.ngram_f_score, by_the_package),
    (check.decoder_input, shifted),
    (check.decoder_input, lambda labels, s, p: [[s, *(p if i == -100 else i for i in row[:-1])] for row in labels]),
    (check.beam_search, beam),
    (check.beam_search, lambda step, width, length: list(beam(step, width, length))),
]

STUBS = [
    (check.ngram_f_score, lambda translation, reference, n, beta=2: ...),
    (check.decoder_input, lambda labels, start, padding: ...),
    (check.beam_search, lambda step, width, length: ...),
]

WRONG = [
    (check.ngram_f_score, lambda t, r, n, beta=2: 100 * ngram_f(t, r, n, beta), "between 0 and 1"),
    (check.ngram_f_score, lambda t, r, n, beta=2: ngram_f(t, r, n, 1), "β = 1"),
    (check.ngram_f_score, lambda t, r, n, beta=2: ngram_f(r, t, n, beta), "exchanged"),
    (check.ngram_f_score, unclipped, "the smaller count"),
    (check.ngram_f_score, of_sets, "not a set"),
    (check.ngram_f_score, with_spaces, "Spaces do not count"),
    (check.ngram_f_score, precision_only, "precision alone"),
    (check.ngram_f_score, recall_only, "recall alone"),
    (check.ngram_f_score, lambda t, r, n, beta=2: 0.123, "Expected 0."),
    (check.ngram_f_score, lambda t, r, n, beta=2: ngram_f(t, r, n) or 1, "without a common bigram"),
    (check.decoder_input, lambda labels, s, p: labels, "the very piece"),
    (check.decoder_input, lambda labels, s, p: [[s, *row] for row in labels], "one longer"),
    (check.decoder_input, lambda labels, s, p: [[s, *row[:-1]] for row in labels], "sign for the loss"),
    (check.decoder_input, lambda labels, s, p: [[8, 9, 3, 0], [3, 0, 0, 0]], "read the future"),
    (check.decoder_input, lambda labels, s, p: shifted(labels, p, p), "begin with padding"),
    (check.decoder_input, lambda labels, s, p: [[1]], "Expected [["),
    (check.decoder_input, lambda labels, s, p: [2, 7], "a list with a list"),
    (check.beam_search, greedy, "greedy search for every width"),
    (check.beam_search, exhaustive, "whatever the width"),
    (check.beam_search, lambda step, width, length: beam(step, width, 2), "3 pieces long"),
    (check.beam_search, by_last_piece, "product of *all*"),
    (check.beam_search, worst_first, "*least* probable"),
    (check.beam_search, lambda step, width, length: (["a"], 0.5), "without its probability"),
    (check.beam_search, lambda step, width, length: "axp", "list or tuple"),
    (check.beam_search, lambda step, width, length: ["b", "y", "p"], "Expected ['a x p'"),
]
