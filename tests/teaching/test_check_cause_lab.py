"""The check of the cause lab accepts the solution, knows the untouched stub, and answers typical mistakes with a hint."""

from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.teaching import check


def shift(ids, words, shared):
    return [piece if piece < 3 or piece in shared else piece + words for piece in ids]


def solution(ids, words, shared):
    return [ids[0], *shift(ids[1:-1], words, shared)[::-1], ids[-1]]


def in_a_loop(ids, words, shared):
    twin = []
    for piece in ids[1:-1]:
        twin.insert(0, piece if piece in shared else piece + words)
    return [0, *twin, 1]


MISTAKES = [
    (shift, "English order"),
    (lambda ids, words, shared: shift(ids, words, shared)[::-1], "whole input round"),
    (lambda ids, words, shared: [ids[0], *ids[1:-1][::-1], ids[-1]], "still English"),
    (lambda ids, words, shared: solution(ids, words, set()), "Word 9 is shared"),
    (lambda ids, words, shared: [*solution(ids, words, shared)[:-1], ids[-1] + words], "You shifted [SEP]"),
    (
        lambda ids, words, shared: [ids[0] + words, *solution(ids, words, shared)[1:-1], ids[-1] + words],
        "You shifted [CLS] and [SEP]",
    ),
    (
        lambda ids, words, shared: [piece + words for piece in (ids[0], *ids[1:-1][::-1], ids[-1])],
        "every piece",
    ),
    (lambda ids, words, shared: solution(ids, words + 3, shared), "three special ones too"),
    (lambda ids, words, shared: solution(ids, words, shared)[1:-1], "are missing"),
    (lambda ids, words, shared: sorted(solution(ids, words, shared)), "a wrong order"),
    (lambda ids, words, shared: solution(ids, 7, shared), "Expected [0, 13"),
    (lambda ids, words, shared: solution(ids, 10, {9}), "Use the arguments"),
    (lambda ids, words, shared: " ".join(map(str, ids)), "a list of ids"),
    (lambda ids, words, shared: None, "returned None"),
    (lambda ids, words, shared: ids[99], "raised IndexError"),
    ([0, 13, 22, 9, 15, 1], "your function"),
]


SOLUTIONS = [
    (check.fake_twin, answer) for answer in (solution, in_a_loop, lambda *arguments: tuple(solution(*arguments)))
]
STUBS = [(check.fake_twin, lambda ids, words, shared: ...)]
WRONG = [(check.fake_twin, answer, hint) for answer, hint in MISTAKES]
