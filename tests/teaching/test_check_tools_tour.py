"""The checks of notebook 13 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

import re

import numpy as np
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.tasks.endpoint import Endpoint, estimate
from xlft_helpers.tasks.prompting import STYLES, calibrate, parse_label
from xlft_helpers.teaching import check


def whole_words(reply, words):
    said = re.findall(r"\w+", reply.lower())
    found = [index for index, word in enumerate(words) if word.lower() in said]
    return found[0] if len(found) == 1 else -1


def exact(reply, words):
    return words.index(reply) if reply in words else -1


def substring(reply, words):
    found = [i for i, word in enumerate(words) if word in reply.lower()]
    return found[0] if len(found) == 1 else -1


def first_found(reply, words):
    return next((i for i, word in enumerate(words) if word in re.findall(r"\w+", reply.lower())), -1)


def english_only(reply, words):
    return whole_words(reply, ["negative", "neutral", "positive"])


def begins_with(reply, words):
    return next((i for i, word in enumerate(words) if reply.lower().startswith(word)), -1)


def count_mentions(reply, words):
    found = [w for w in re.findall(r"\w+", reply.lower()) if w in [word.lower() for word in words]]
    return words.index(found[0]) if len(found) == 1 else -1


def by_mean(p, free):
    return int(np.argmax(np.array(p) / np.mean(free, axis=0)))


def batches(lengths, size):
    return [lengths[i : i + size] for i in range(0, len(lengths), size)]


def waste(lengths, size):
    return 1 - sum(lengths) / sum(len(b) * max(b) for b in batches(lengths, size))


def used(lengths, size):
    return 1 - waste(lengths, size)


def to_longest(lengths, size):
    return 1 - sum(lengths) / (len(lengths) * max(lengths))


def full_batches(lengths, size):
    return 1 - sum(lengths) / sum(size * max(b) for b in batches(lengths, size))


def last_dropped(lengths, size):
    whole = [b for b in batches(lengths, size) if len(b) == size]
    return 1 - sum(map(sum, whole)) / sum(len(b) * max(b) for b in whole)


def mean_of_shares(lengths, size):
    return float(np.mean([1 - sum(b) / (len(b) * max(b)) for b in batches(lengths, size)]))


def of_real_tokens(lengths, size):
    return sum(len(b) * max(b) for b in batches(lengths, size)) / sum(lengths) - 1


def padding_tokens(lengths, size):
    return sum(len(b) * max(b) for b in batches(lengths, size)) - sum(lengths)


SOLUTIONS = [
    (check.reply_label, whole_words),
    (check.calibrated_label, by_mean),
    (check.calibrated_label, lambda p, free: int(calibrate([p], free)[0].argmax())),
    (check.experiment_cost, 0.6912),
    (check.experiment_cost, 0.69),
    (check.padding_waste, waste),
]

WRONG = [
    (check.reply_label, exact, "Compare in small letters"),
    (check.reply_label, substring, "part of a word"),
    (check.reply_label, first_found, "taking the first would be a guess"),
    (check.reply_label, english_only, "Use `words`"),
    (check.reply_label, count_mentions, "still one label"),
    (check.reply_label, begins_with, "anywhere in the reply"),
    (check.reply_label, lambda reply, words: reply, "not the word"),
    (check.reply_label, lambda reply, words: None, "returned None"),
    (check.calibrated_label, lambda p, free: int(np.argmax(p)), "before calibration"),
    (check.calibrated_label, lambda p, free: int(np.argmin(np.array(p) / np.mean(free, axis=0))), "before calibration"),
    (check.calibrated_label, lambda p, free: int(np.argmax(np.array(p) / free[0])), "Average the rows"),
    (check.calibrated_label, lambda p, free: int(np.argmax((np.array(p) / np.array(free)).mean(axis=0))), "Average the rows"),
    (check.calibrated_label, lambda p, free: int(np.argmax(np.array(p) - np.mean(free, axis=0))), "Did you subtract"),
    (check.calibrated_label, lambda p, free: np.array(p), "label index"),
    (check.experiment_cost, 0.6912 / 6, "one order"),
    (check.experiment_cost, 691200, "*million*"),
    (check.experiment_cost, 691.2, "not a thousand"),
    (check.experiment_cost, 0.675, "replies are missing"),
    (check.experiment_cost, 5400 * (250 * 1.5 + 2 * 0.5) / 1e6, "swapped"),
    (check.experiment_cost, 2.7216, "Do not add the prices"),
    (check.experiment_cost, 12, "requests * (tokens in"),
    (check.experiment_cost, "0.69", "Expected a number"),
    (check.padding_waste, used, "share that is *used*"),
    (check.padding_waste, to_longest, "its own longest"),
    (check.padding_waste, full_batches, "one text, not two"),
    (check.padding_waste, last_dropped, "last text is missing"),
    (check.padding_waste, mean_of_shares, "averaged the batches"),
    (check.padding_waste, of_real_tokens, "divided by the real tokens"),
    (check.padding_waste, padding_tokens, "number of padding tokens"),
    (check.padding_waste, lambda lengths, size: waste(lengths, 2), "batches of 3"),
    (check.padding_waste, lambda lengths, size: 0.5, "[10, 10]"),
]  # fmt: skip


STUBS = [
    (check.reply_label, lambda reply, words: ...),
    (check.calibrated_label, lambda p, content_free: ...),
    (check.experiment_cost, ...),
    (check.padding_waste, lambda lengths, batch_size: ...),
]
