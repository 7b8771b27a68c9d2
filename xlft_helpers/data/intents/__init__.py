"""Voice commands with their intent and slots in 22 languages and 8 scripts (see DATA_CARD.md).

The sentences are drawn, offline and deterministically, from the templates of ``home-assistant-intents``:

* ``reading``: the package's templates, and the course's own words for rooms, devices, ... in every language;
* ``drawing``: one sentence from a template, with the place of each slot;
* ``splitting``: templates and sentences for train, dev and test.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from datasets import DatasetDict, Value

from xlft_helpers.errors import DataError

from ..languages import language_name
from ..schema import build_dataset
from . import reading
from .reading import read_grammar, versions

INTENTS = (
    "CancelAllTimers", "CancelTimer", "DecreaseTimer", "IncreaseTimer", "PauseTimer", "StartTimer", "TimerStatus",
    "UnpauseTimer", "ClimateGetTemperature", "ClimateSetFanMode", "ClimateSetTemperature", "FanSetSpeed",
    "GetCurrentDate", "GetState", "GetWeather", "LawnMowerDock", "LightSet", "ListAddItem", "ListCompleteItem",
    "ListRemoveItem", "ShoppingListAddItem", "ShoppingListCompleteItem", "MediaNext", "MediaPause", "MediaPlayerMute",
    "MediaPlayerUnmute", "MediaPrevious", "MediaSearchAndPlay", "MediaUnpause", "SetPosition", "SetVolume",
    "SetVolumeRelative", "TurnOff", "TurnOn", "VacuumCleanArea",
)  # fmt: skip
"""The labels: the intents for which English, the source language of the course, has enough templates."""
MIN_INTENTS = 10
"""A language with fewer of them is refused."""
_FEATURES = {
    "slots": [{"name": Value("string"), "start": Value("int32"), "end": Value("int32"), "value": Value("string")}]
}

__all__ = ["INTENTS", "load_intents", "read_grammar", "versions"]


def load_intents(
    languages: Sequence[str] | None = None, *, per_intent: int = 12, seed: int = 0, shared: bool = False
) -> DatasetDict:
    """Draw commands in the course's schema, and with each its template and its slots.

    Args:
        languages: ISO 639-1 codes; default: all 22, English first.
        per_intent: training sentences an intent and language; dev and test get half as many each. An intent for which
            a language cannot give half of that is left out of the language.
        seed: fixes which templates go to which split, and every sentence.
        shared: leave out the intents that one of the languages lacks, so that all have the same labels.

    Returns:
        train, dev and test with the columns of the schema (``label`` is one of ``INTENTS``) and

        * ``template``: the pattern that the sentence was drawn from, in hassil's notation; none stands in two splits of a
          language. ``#2`` after it: the pattern with the second alternative of its widest choice.
        * ``slots``: a list of ``{"name", "start", "end", "value"}``, in order, without overlaps:
          ``text[start:end]`` are the words, and ``value`` is the same in every language (``kitchen``, ``red``, ``20``).

    Raises:
        DataError: a package is missing, a language has no templates, no slot values or too few intents, or per_intent is
            below 2.
    """
    versions()
    if per_intent < 2:
        raise DataError(f"per_intent={per_intent}: at least 2 are needed, so that dev and test get one each.")
    rows = [row for language in languages or reading.languages() for row in _rows(language, per_intent, seed)]
    frame = pd.DataFrame(rows)
    if shared:
        offered = frame.groupby("label")["language"].transform("nunique") == frame["language"].nunique()
        frame = frame[offered]
    intents = [intent for intent in INTENTS if not shared or intent in set(frame["label"])]
    return build_dataset(frame, intents, "intents", features=_FEATURES, partial_labels=True)


def _rows(language: str, per_intent: int, seed: int) -> Iterator[dict[str, Any]]:
    from .splitting import draw_splits  # needs hassil, which may be missing

    sizes = {"train": per_intent, "dev": per_intent // 2, "test": per_intent // 2}
    drawn = draw_splits(read_grammar(language), INTENTS, sizes, seed)
    found = len({intent for intent, _ in drawn})
    if found < MIN_INTENTS:
        raise DataError(
            f"{language_name(language)} ({language!r}) has templates for {found} of {len(INTENTS)} intents with "
            f"per_intent={per_intent}; at least {MIN_INTENTS} are needed. Lower per_intent, or leave the language out."
        )
    for (intent, split), sentences in drawn.items():
        for number, sentence in enumerate(sentences, 1):
            yield {
                "text": sentence.text,
                "label": intent,
                "language": language,
                "split": split,
                "id": f"{language}-{split}-{intent}-{number}",
                "template": sentence.template.text,
                "slots": sentence.slot_rows(),
            }
