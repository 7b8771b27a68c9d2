"""Checks of notebook 05."""

from typing import Any

import numpy as np
import pandas as pd

from xlft_helpers.models import load_tokenizer

from .report import Wrong, call, exercise, number


@exercise
def transfer_gap(answer: Any) -> str:
    """The source's score minus the mean of the other languages' scores."""
    scores = {"en": 70.0, "fr": 64.0, "ar": 52.0}
    got = number(call(answer, dict(scores), "en"), "a number")
    case = f"For {scores} and source 'en' you returned {got:g}. "
    if _near(got, 12 - 4):
        raise Wrong(case + "That is 70 minus the mean of *all three* scores. The source takes no part in the mean.")
    if _near(got, -12):
        raise Wrong(case + "The sign is turned: the gap is the source's score minus the targets' mean.")
    if _near(got, 70 - 64 - 52):
        raise Wrong(case + "That subtracts the *sum* of the targets. Divide it by their number.")
    if _near(got, 70 - 52) or _near(got, 70 - 64):
        raise Wrong(case + "That is the distance to one target. The gap takes the mean over all targets.")
    if not _near(got, 12):
        raise Wrong(case + "Expected 70 - (64 + 52) / 2 = 12.")
    if not _near(number(call(answer, {"en": 50.0, "fr": 60.0}, "fr"), "a number"), 10):
        raise Wrong(
            "Right for source 'en', but not for source 'fr'. Use the argument `source`, and do not rely on the order."
        )
    if not _near(number(call(answer, {"en": 50.0, "de": 55.0, "fr": 53.0}, "en"), "a number"), -4):
        raise Wrong("If the targets come out better, the gap is negative (here -4). Do not take the absolute value.")
    return "Right: 70 - (64 + 52) / 2 = 12 points, for any source, and negative where the targets come out better."


@exercise
def zero_shot_epoch(answer: Any) -> str:
    """The epoch that a zero-shot run may keep: the best one on the source language's dev set."""
    got = call(answer, _history())
    if isinstance(got, bool) or not isinstance(got, (int, np.integer, float, np.floating)):
        raise Wrong(f"Expected the number of an epoch, 1 to 8, got {type(got).__name__}.")
    if 0 < got < 1:
        raise Wrong(f"You returned {got}, a score or a loss. Return the epoch that has it.")
    reasons = {
        4: "Epoch 4 is best on the target's dev set. That needs labelled target messages: no longer zero-shot.",
        6: "Epoch 6 is best on the target's *test* set. Then the test labels made the choice: an oracle, not a result.",
        8: "Epoch 8 has the lowest training loss, which says how well old messages are fitted, not new ones read.",
        1: "1 is the row's label, counted from 0. Return what stands in that row's column `epoch`.",
    }
    if got in reasons:
        raise Wrong(reasons[int(got)])
    if got != 2:
        raise Wrong(f"You returned {got}. Which column needs no target label, and no message that was trained on?")
    if call(answer, _history().sample(frac=1, random_state=1)) != 2:
        raise Wrong("With the rows in another order you chose another epoch. Look the epoch up in its column.")
    return "Right: epoch 2 is best on the source's dev set, and no target label took part in the choice."


@exercise
def word_fertility(answer: Any) -> str:
    """Pieces per word over all texts together, without the tokenizer's start and end marks."""
    tokenizer = load_tokenizer("use-m")
    texts = ["good morning", "unbelievably uncomfortable rollercoaster seats again and again, wow", "ok"]
    pieces = [len(tokenizer.tokenize(text)) for text in texts]
    words = [len(text.split()) for text in texts]
    got = number(call(answer, tokenizer, list(texts)), "a number")
    expected = sum(pieces) / sum(words)
    if _near(got, (sum(pieces) + 2 * len(texts)) / sum(words)):
        raise Wrong("You count the start and end marks, two a text. Ask the tokenizer for `add_special_tokens=False`.")
    if _near(got, float(np.mean(np.divide(pieces, words)))):
        raise Wrong(
            "That is the mean of each text's own ratio: one word weighs as much as a long text. Divide the totals."
        )
    if _near(got, 1 / expected):
        raise Wrong("That is words per piece. Fertility is pieces per word.")
    if _near(got, sum(pieces) / len(texts)):
        raise Wrong("That is pieces per *text*. Divide by the number of words.")
    if _near(got, sum(pieces) / sum(map(len, texts))):
        raise Wrong("That is pieces per *character*. Split the texts at white space and count words.")
    if not _near(got, expected):
        raise Wrong(
            f"On three English texts with {sum(words)} words you returned {got:.3f}; they have {sum(pieces)} pieces."
        )
    return f"Right: {sum(pieces)} pieces for {sum(words)} words, {expected:.2f} pieces a word."


def _history() -> pd.DataFrame:
    """Eight epochs in which every rule chooses another one, and never one that is another rule's row label."""
    return pd.DataFrame(
        {
            "epoch": [1, 2, 3, 4, 5, 6, 7, 8],
            "train_loss": [1.01, 0.71, 0.44, 0.27, 0.18, 0.12, 0.09, 0.07],
            "dev_macro_f1": [0.61, 0.72, 0.70, 0.69, 0.70, 0.68, 0.69, 0.68],
            "fr_dev_macro_f1": [0.50, 0.57, 0.61, 0.66, 0.63, 0.62, 0.62, 0.61],
            "fr_test_macro_f1": [0.49, 0.58, 0.60, 0.61, 0.62, 0.65, 0.63, 0.61],
        }
    )


def _near(value: float, expected: float) -> bool:
    return abs(value - expected) < 1e-6
