"""Maps of the shared space."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .colours import PALETTE


def plot_map(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """Named points in a plane, coloured by group, one panel a projection; the axes have no unit.

    Args:
        panels: title to rows with ``x``, ``y``, ``group`` and ``name`` (short, it is written in place of a mark); every
            panel has the same groups.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(1.2 + 4.6 * len(panels), 4.6), squeeze=False)
    groups = list(next(iter(panels.values()))["group"].unique())
    colours = dict(zip(groups, sns.color_palette(PALETTE, len(groups)), strict=True))
    for axes, (title, rows) in zip(grid.flat, panels.items(), strict=True):
        axes.scatter(rows["x"], rows["y"], s=0)  # sets the limits of the axes
        for name, group, x, y in zip(rows["name"], rows["group"], rows["x"], rows["y"], strict=True):
            style = {"fontsize": 9, "fontweight": "bold", "ha": "center", "va": "center"}
            axes.text(x, y, str(name), color=colours[group], **style)
        axes.set_title(title, fontsize="medium")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.margins(0.08)
    handles = [Patch(color=colour, label=str(group)) for group, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(8, len(groups)), frameon=False)
    return figure
