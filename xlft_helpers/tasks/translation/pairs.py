"""Sentence pairs to learn translation from, and held-out ones whose source was never seen."""

import re

import pandas as pd

from xlft_helpers.data.parallel import load_parallel
from xlft_helpers.errors import DataError
from xlft_helpers.models import load_tokenizer

MAX_PIECES = 16
"""Longest source sentence in pieces of ``mini``; the target may have half as many again."""


def translation_pairs(target: str, max_pieces: int = MAX_PIECES) -> pd.DataFrame:
    """English messages of JupyterLab's interface with their translation, in three splits.

    Left out are pairs with a long source (in every split), pairs with a long translation (in training only: a test set
    must not be chosen by the answer), and dev and test pairs whose source stands in training too, up to case, spaces and
    punctuation. :func:`~xlft_helpers.data.parallel.load_parallel` has put near duplicates into one split already.

    Args:
        target: a language that has a pack, such as ``"fr"`` or ``"zh"``.
        max_pieces: longest source, in pieces of ``mini`` without the special ones.

    Returns:
        Rows with ``split``, ``source`` and ``target``. ``attrs["left_out"]`` counts what was left out, by reason.

    Raises:
        DataError: no pack for the language, or ``max_pieces`` leaves no pairs to train or test on.
    """
    messages = load_parallel([target]).rename(columns={"en": "source", target: "target"})
    tokenizer = load_tokenizer("mini")
    lengths = {
        side: pd.Series(
            [len(ids) for ids in tokenizer(list(messages[side]), add_special_tokens=False)["input_ids"]],
            index=messages.index,
        )
        for side in ("source", "target")
    }
    train = messages["split"] == "train"
    seen = set(messages["source"][train].map(bare))
    reasons = {
        "long source": lengths["source"] > max_pieces,
        "long translation, in training": train & (lengths["target"] > 1.5 * max_pieces),
        "source known from training": ~train & messages["source"].map(bare).isin(seen),
    }
    keep, left_out = pd.Series(True, index=messages.index), {}
    for reason, chosen in reasons.items():
        left_out[reason] = int((keep & chosen).sum())
        keep &= ~chosen
    pairs = messages.loc[keep, ["split", "source", "target"]].reset_index(drop=True)
    if missing := {"train", "dev", "test"} - set(pairs["split"]):
        raise DataError(f"max_pieces={max_pieces} leaves no pairs in {sorted(missing)}; use {MAX_PIECES} or more.")
    pairs.attrs["left_out"] = left_out
    return pairs


def bare(text: str) -> str:
    """A text without case, punctuation and runs of spaces: what decides whether two sources are the same."""
    return re.sub(r"[\W_]+", " ", text.lower()).strip()
