"""Memory as stacked bars."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

HATCHES = ("", "//", "..", "xx")


def plot_memory(parts: pd.DataFrame, *, budget: float, budget_label: str) -> Figure:
    """What memory goes into, one stacked bar a row, its sum behind it, and a line at what there is.

    Args:
        parts: gigabytes; the index names the bars, drawn from top to bottom, and the columns what they are made of.
        budget: gigabytes that there are.
        budget_label: what the line stands for.
    """
    figure, axes = plt.subplots(figsize=(7.2, 1.4 + 0.36 * len(parts)))
    start = pd.Series(0.0, index=parts.index)
    for (name, values), hatch in zip(parts.items(), HATCHES, strict=False):
        axes.barh([str(row) for row in parts.index], values, left=start, label=name, hatch=hatch, edgecolor="white")
        start = start + values
    for height, total in enumerate(start):
        axes.annotate(f"{total:.2f}", (total, height), xytext=(4, 0), textcoords="offset points", va="center")
    axes.axvline(budget, color="0.2", linestyle="--", label=budget_label)
    axes.set_xlim(0, 1.12 * max(budget, start.max()))
    axes.set_xlabel("gigabytes")
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure
