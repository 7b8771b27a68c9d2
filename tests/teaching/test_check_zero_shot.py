"""The checks of notebook 05 accept the solution, know the untouched stub, and meet typical mistakes with their hint."""

import numpy as np
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)

from xlft_helpers.evaluation import transfer_gap as reference_gap
from xlft_helpers.teaching import check


def mean(values):
    return sum(values) / len(values)


def others(scores, source):
    return [value for language, value in scores.items() if language != source]


def pieces(tokenizer, texts):
    return sum(len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])


def words(texts):
    return sum(len(text.split()) for text in texts)


def own_ratio(tokenizer, text):
    return pieces(tokenizer, [text]) / len(text.split())


SOLUTIONS = [
    (check.transfer_gap, lambda scores, source: scores[source] - mean(others(scores, source))),
    (check.transfer_gap, reference_gap),
    (check.zero_shot_epoch, lambda history: history.loc[history["dev_macro_f1"].idxmax(), "epoch"]),
    (check.zero_shot_epoch, lambda history: int(history.set_index("epoch")["dev_macro_f1"].idxmax())),
    (check.word_fertility, lambda tokenizer, texts: pieces(tokenizer, texts) / words(texts)),
    (
        check.word_fertility,
        lambda tokenizer, texts: sum(len(tokenizer.tokenize(text)) for text in texts) / words(texts),
    ),
]

WRONG = [
    (check.transfer_gap, lambda s, source: s[source] - mean(list(s.values())), "takes no part in the mean"),
    (check.transfer_gap, lambda s, source: mean(others(s, source)) - s[source], "sign is turned"),
    (check.transfer_gap, lambda s, source: s[source] - sum(others(s, source)), "*sum* of the targets"),
    (check.transfer_gap, lambda s, source: s[source] - min(others(s, source)), "distance to one target"),
    (check.transfer_gap, lambda s, source: s["en"] - mean(others(s, "en")), "not for source 'fr'"),
    (
        check.transfer_gap,
        lambda s, source: next(iter(s.values())) - mean(list(s.values())[1:]),
        "do not rely on the order",
    ),
    (check.transfer_gap, lambda s, source: abs(s[source] - mean(others(s, source))), "absolute value"),
    (check.transfer_gap, lambda s, source: str(s[source]), "got str"),
    (check.transfer_gap, 12, "Expected your function"),
    (check.transfer_gap, lambda s, source: None, "returned None"),
    (check.zero_shot_epoch, lambda h: h.set_index("epoch")["fr_test_macro_f1"].idxmax(), "oracle"),
    (check.zero_shot_epoch, lambda h: h.set_index("epoch")["fr_dev_macro_f1"].idxmax(), "no longer zero-shot"),
    (check.zero_shot_epoch, lambda h: h.set_index("epoch")["train_loss"].idxmin(), "lowest training loss"),
    (check.zero_shot_epoch, lambda h: h["epoch"].max(), "lowest training loss"),
    (check.zero_shot_epoch, lambda h: h["dev_macro_f1"].idxmax(), "row's label"),
    (check.zero_shot_epoch, lambda h: h["dev_macro_f1"].max(), "a score"),
    (check.zero_shot_epoch, lambda h: h["fr_test_macro_f1"].idxmax(), "Which column"),
    (check.zero_shot_epoch, lambda h: np.argmax(h["dev_macro_f1"].to_numpy()) + 1, "rows in another order"),
    (check.word_fertility, lambda t, texts: sum(map(len, t(texts)["input_ids"])) / words(texts), "start and end marks"),
    (
        check.word_fertility,
        lambda t, texts: mean([own_ratio(t, text) for text in texts]),
        "mean of each text's own ratio",
    ),
    (check.word_fertility, lambda t, texts: words(texts) / pieces(t, texts), "words per piece"),
    (check.word_fertility, lambda t, texts: pieces(t, texts) / len(texts), "pieces per *text*"),
    (check.word_fertility, lambda t, texts: pieces(t, texts) / sum(map(len, texts)), "per *character*"),
    (check.word_fertility, lambda t, texts: 1.0, "you returned 1.000"),
]


STUBS = [
    (checker, stub)
    for checker in (check.transfer_gap, check.zero_shot_epoch, check.word_fertility)
    for stub in (..., lambda *arguments: ...)
]
