"""The lab's settings, and the committed results of ``python tools/cause_lab.py``."""

from importlib.resources import files

import pandas as pd

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import bootstrap_mean

from .languages import Setting

BASE = "base"
GRID = {
    BASE: Setting(),
    "untrained": Setting(steps=0),
    "other text": Setting(text="other"),
    "pairs (TLM)": Setting(text="pairs"),
    "separate positions": Setting(positions="separate"),
    "no positions": Setting(positions="none"),
    "inverted order": Setting(order="inverted"),
    "shuffled order": Setting(order="shuffled"),
    "overlap 20 %": Setting(overlap=0.2),
    "depth 1": Setting(layers=1),
    "depth 4": Setting(layers=4),
    "wide": Setting(hidden=64),
    "wide, separate positions": Setting(hidden=64, positions="separate"),
}
"""Each differs from the base in what its name says."""


def load_grid() -> pd.DataFrame:
    """The committed results: one row a run, with its setting, ``seed``, measures (shares from 0 to 1), the ``loss`` at the
    end of the training (mean of the last 50 steps, in nats a masked piece) and ``cpu_seconds``."""
    return pd.read_csv(files("xlft_helpers.cause_lab").joinpath("grid.csv").open(encoding="utf-8"), comment="#")


def summarize(runs: pd.DataFrame, measure: str = "retrieval") -> pd.DataFrame:
    """Mean of a measure for each setting, and its difference to the base run with the same seed.

    Args:
        runs: of :func:`load_grid`.
        measure: one of its columns.

    Returns:
        One row a setting, in the grid's order: ``n`` (seeds), ``mean``, ``low``, ``high`` (95 % bootstrap interval of the
        mean over the seeds), and ``difference``, ``difference_low``, ``difference_high`` (setting minus base, paired by seed).

    Raises:
        DataError: the measure is unknown, or a setting has fewer than two seeds in common with the base.
    """
    if measure not in runs.columns:
        raise DataError(f"The grid has no column {measure!r}; it has {', '.join(runs.columns)}.")
    table = runs.pivot_table(index="seed", columns="setting", values=measure)
    rows = {}
    for name in [name for name in GRID if name in table.columns]:
        values = table[name].dropna()
        difference = (values - table[BASE]).dropna()
        if len(difference) < 2:
            raise DataError(f"{name!r} has {len(difference)} seed(s) in common with the base; an interval needs two.")
        own, paired = bootstrap_mean(values), bootstrap_mean(difference)
        rows[name] = [len(values), own.estimate, own.low, own.high, paired.estimate, paired.low, paired.high]
    columns = ["n", "mean", "low", "high", "difference", "difference_low", "difference_high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).astype({"n": int}).rename_axis("setting")
