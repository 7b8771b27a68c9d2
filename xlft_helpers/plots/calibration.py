"""Reliability diagrams."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure


def plot_reliability(bins: pd.DataFrame) -> Figure:
    """Accuracy against confidence, one mark a bin, with its size; on the diagonal the model is calibrated.

    Args:
        bins: rows with ``confidence``, ``accuracy``, ``count``, and optionally ``group`` for several lines.
    """
    figure, axes = plt.subplots(figsize=(5.2, 4.6))
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="calibrated")
    filled = bins[bins["count"] > 0]
    groups = filled.groupby("group", sort=False) if "group" in filled else [("model", filled)]
    for (name, rows), marker in zip(groups, "osD^vP*X", strict=False):
        axes.plot(rows["confidence"], rows["accuracy"], marker=marker, label=str(name))
    axes.set_xlabel("confidence (mean in the bin)")
    axes.set_ylabel("accuracy")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
