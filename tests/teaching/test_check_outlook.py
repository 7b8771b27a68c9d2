"""The checks of notebook 14 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

import numpy as np
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.adaptation import most_uncertain
from xlft_helpers.teaching import check


def by_hand(probabilities, languages, k, most):
    gaps = [sorted(row)[-1] - sorted(row)[-2] for row in probabilities.tolist()]
    chosen = []
    for row in sorted(range(len(gaps)), key=lambda row: gaps[row]):
        if [languages[i] for i in chosen].count(languages[row]) < most:
            chosen.append(row)
    return chosen[:k]


def by_package(probabilities, languages, k, most):
    return fill(most_uncertain(probabilities, len(probabilities)), languages, k, most)


def fill(order, languages, k, most):
    """The first k rows of an order, with at most ``most`` of a language."""
    order = [int(row) for row in order]
    places = [[languages[i] for i in order[:place]].count(languages[row]) for place, row in enumerate(order)]
    return [row for row, place in zip(order, places, strict=True) if place < most][:k]


def by_margin(P):
    ordered = np.sort(P, axis=1)
    return np.argsort(ordered[:, -1] - ordered[:, -2])


def sure(P, t):
    return np.where(P.max(axis=1) >= t, P.argmax(axis=1), -1)


def start(table, ids, unknown):
    return None if unknown in ids or not ids else table[ids].mean(axis=0)


def careless(table, ids, unknown):
    return table[ids].mean(axis=0) if ids else None


def of_nothing(table, ids, unknown):
    return None if unknown in ids else table[ids].sum(axis=0) / max(1, len(ids)) if ids else np.zeros(2)


SOLUTIONS = [
    (check.messages_to_label, by_package),
    (check.messages_to_label, by_hand),
    (check.pseudo_labels, sure),
    (check.pseudo_labels, lambda P, t: [int(row.argmax()) if row.max() >= t else -1 for row in P]),
    (check.piece_start, start),
    (check.piece_start, lambda table, ids, unknown: start(table, ids, unknown) if ids else None),
]

STUBS = [
    (check.messages_to_label, lambda probabilities, languages, k, most: ...),
    (check.pseudo_labels, lambda probabilities, threshold: ...),
    (check.piece_start, lambda table, ids, unknown: ...),
]

WRONG = [
    (check.messages_to_label, lambda P, L, k, m: fill(by_margin(P)[::-1], L, k, m), "*largest* margins"),
    (check.messages_to_label, lambda P, L, k, m: by_margin(P)[-k:], "*largest* margins"),
    (check.messages_to_label, lambda P, L, k, m: fill(np.argsort(P.max(axis=1)), L, k, m), "lowest *confidence*"),
    (check.messages_to_label, lambda P, L, k, m: by_margin(P)[:k], "all three are French"),
    (check.messages_to_label, lambda P, L, k, m: fill(by_margin(P)[:k], L, k, m), "then dropped one"),
    (check.messages_to_label, lambda P, L, k, m: by_hand(P, L, k, 1), "one of each language"),
    (check.messages_to_label, lambda P, L, k, m: np.sort(by_hand(P, L, k, m)), "smallest margin comes first"),
    (check.messages_to_label, lambda P, L, k, m: by_hand(P, L, len(P), m), "as soon as k"),
    (check.messages_to_label, lambda P, L, k, m: by_hand(P, L, 3, m), "k or most written into it"),
    (check.messages_to_label, lambda P, L, k, m: by_hand(P, L, k, 2), "k or most written into it"),
    (check.messages_to_label, lambda P, L, k, m: list(range(k)), "the first rows"),
    (check.messages_to_label, lambda P, L, k, m: P.max(axis=1), "row numbers in one list"),
    (check.messages_to_label, lambda P, L, k, m: None, "returned None"),
    (check.messages_to_label, lambda P, L, k, m: P[99], "raised IndexError"),
    (check.pseudo_labels, lambda P, t: np.where(P.max(axis=1) > t, P.argmax(axis=1), -1), "use >="),
    (check.pseudo_labels, lambda P, t: P.argmax(axis=1), "below the threshold"),
    (check.pseudo_labels, lambda P, t: np.where(P.max(axis=1) < t, P.argmax(axis=1), -1), "*below* the threshold"),
    (check.pseudo_labels, lambda P, t: P.argmax(axis=1)[P.max(axis=1) >= t], "one number a row"),
    (check.pseudo_labels, lambda P, t: P.argmax(axis=1) * (P.max(axis=1) >= t), "0 is a class"),
    (check.pseudo_labels, lambda P, t: P.max(axis=1) >= t, "*whether*"),
    (check.pseudo_labels, lambda P, t: sure(P, 0.8), "threshold written"),
    (check.pseudo_labels, lambda P, t: None, "returned None"),
    (check.piece_start, lambda table, ids, unknown: table[ids].mean(), "axis 0"),
    (check.piece_start, lambda table, ids, unknown: table[ids].sum(axis=0), "*sum*"),
    (check.piece_start, lambda table, ids, unknown: table[ids].mean(axis=1), "axis 0"),
    (check.piece_start, lambda table, ids, unknown: table[ids[0]], "first piece"),
    (check.piece_start, careless, "the unknown piece, 1"),
    (check.piece_start, of_nothing, "there are no ids"),
    (check.piece_start, lambda table, ids, unknown: None, "the mean of their rows is expected"),
    (check.piece_start, lambda table, ids, unknown: table[99], "raised IndexError"),
    (check.piece_start, 3, "Expected your function"),
]
