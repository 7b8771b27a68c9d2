"""What `benchmarks/translation.py` measured: the translations of the test sentences by every run, to score and to read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parent / "measured.json"


@dataclass(frozen=True)
class Measured:
    """The benchmark of one direction, from English.

    Attributes:
        sources: n test sentences.
        references: n translations by people.
        systems: system to the translations of each of its runs, a list of n texts a run. ``initialized`` and ``scratch``
            have a run a seed, the baselines one.
        losses: ``initialized`` and ``scratch`` to the training loss after each epoch, a list a run.
        tweets_in_english: the test messages of ``tweets`` in the target language, translated to English by a model of the same
            kind that was trained in reverse; in their order. French only.
        settings: the recipe and the machine, as words.
    """

    sources: list[str]
    references: list[str]
    systems: dict[str, list[list[str]]]
    losses: dict[str, list[list[float]]]
    tweets_in_english: list[str]
    settings: dict[str, Any]


def load_measured() -> dict[str, Measured]:
    """The results by target language, such as ``"fr"``: the directions that were measured."""
    found = json.loads(MEASURED.read_text(encoding="utf-8"))
    return {target: Measured(**values) for target, values in found.items()}
