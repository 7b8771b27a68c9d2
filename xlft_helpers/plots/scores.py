"""Scores of methods and of numbers of examples, with their intervals."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlft_helpers.data import language_name

from .colours import PALETTE

MARKERS = {
    "majority": "_", "random": "+", "tf-idf": "x", "tf-idf-zero-shot": "*",
    "zero-shot": "o", "per-language": "s", "merged": "D",
}  # fmt: skip
"""A method looks the same in every figure."""

NAME_SIDES = ((11, 7), (11, -7), (-11, 7), (-11, -7))
"""Where the middle of a point's name may stand, in points; not above or below, where the interval is."""


def plot_scores(
    summary: pd.DataFrame, *, languages: Sequence[str] | None = None, baselines: Sequence[str] = ("majority", "tf-idf")
) -> Figure:
    """Macro-F1 of each method on each test language with its 95 % interval; baselines as grey marks.

    Args:
        summary: ``Comparison.summary``.
        languages: order of the languages; default: as in ``summary``.
        baselines: methods drawn without colour, for reference.
    """
    languages = list(languages or summary["test_language"].unique())
    methods = [m for m in summary["method"].unique() if m not in ("majority", "random", "tf-idf", "tf-idf-zero-shot")]
    shown = [*(b for b in baselines if b in set(summary["method"])), *methods]
    colours = dict(zip(("zero-shot", "per-language", "merged"), sns.color_palette(PALETTE), strict=False))
    figure, axes = plt.subplots(figsize=(max(7.6, 0.9 * len(languages) + 2), 3.8))
    for offset, method in zip(np.linspace(-0.27, 0.27, len(shown)), shown, strict=True):
        rows = summary[summary["method"] == method].set_index("test_language").reindex(languages)
        mean = 100 * rows["macro_f1_mean"].to_numpy()
        errors = np.abs(100 * rows[["ci_low", "ci_high"]].to_numpy().T - mean)
        axes.errorbar(
            np.arange(len(languages)) + offset,
            mean,
            yerr=errors,
            fmt=MARKERS[method],
            color=colours.get(method, "0.5"),
            capsize=2,
            label=method,
        )
    axes.set_xticks(range(len(languages)), [f"{language_name(code)}\n({code})" for code in languages])
    axes.set_ylabel("macro-F1 (points)")
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside upper center", ncols=len(shown), frameon=False)
    return figure


def plot_curves(points: pd.DataFrame, *, x: str, x_label: str, baseline: float, baseline_label: str) -> Figure:
    """Macro-F1 against a number of examples: one line a curve, with intervals, single runs and a baseline.

    Args:
        points: rows with ``curve`` (its name), ``macro_f1``, ``low``, ``high`` (points) and ``runs`` (a list).
        x: the column with the number of examples; the values are spaced equally.
        x_label: what the numbers are.
        baseline: a score drawn as a dotted line.
        baseline_label: its name.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    places = {value: place for place, value in enumerate(sorted(points[x].unique()))}
    groups = points.groupby("curve", sort=False)
    for offset, (name, rows), marker in zip(np.linspace(-0.06, 0.06, len(groups)), groups, "osD^", strict=False):
        at, mean = rows[x].map(places) + offset, rows["macro_f1"]
        errors = np.abs(rows[["low", "high"]].to_numpy().T - mean.to_numpy())
        line = axes.errorbar(at, mean, yerr=errors, marker=marker, capsize=3, label=str(name))
        for place, runs in zip(at, rows["runs"], strict=True):
            axes.plot([place + 0.09] * len(runs), runs, marker, color=line[0].get_color(), alpha=0.6, markersize=3.5)
    axes.axhline(baseline, color="0.5", linestyle=":", label=baseline_label)
    axes.set_xticks(list(places.values()), [str(value) for value in places])
    axes.set_xlabel(x_label)
    axes.set_ylabel("macro-F1 (points)")
    axes.grid(axis="x", visible=False)
    # Above the axes, where it covers no line.
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2 if len(groups) < 3 else 4)
    return figure


def plot_estimates(
    estimates: pd.DataFrame, *, y_label: str, reference: float = 0.0, reference_label: str | None = None
) -> Figure:
    """Estimates with their intervals, side by side for each place on the x axis; one panel a condition.

    Args:
        estimates: rows with ``panel``, ``place`` (on the x axis), ``kind`` (colour and mark), ``estimate``, ``low``
            and ``high``; the order of the first appearance is kept.
        y_label: what the estimates are, with their unit.
        reference: the value drawn as a dashed line. Default 0, which says *no difference*.
        reference_label: its name in the legend. Default: none.
    """
    panels, places, kinds = (list(estimates[column].unique()) for column in ("panel", "place", "kind"))
    figure, grid = plt.subplots(1, len(panels), figsize=(0.8 + 3.6 * len(panels), 3.6), sharey=True, squeeze=False)
    offsets = np.linspace(-0.25, 0.25, len(kinds)) if len(kinds) > 1 else [0.0]
    for axes, panel in zip(grid.flat, panels, strict=True):
        for offset, kind, marker in zip(offsets, kinds, "osD^v", strict=False):
            chosen = estimates[(estimates["panel"] == panel) & (estimates["kind"] == kind)].set_index("place")
            rows = chosen.reindex(places)
            errors = np.abs(rows[["low", "high"]].to_numpy().T - rows["estimate"].to_numpy())
            label = str(kind) if panel == panels[0] else None
            at = np.arange(len(places)) + offset
            axes.errorbar(at, rows["estimate"], yerr=errors, fmt=marker, capsize=2, label=label)
        line = reference_label if panel == panels[0] else None
        axes.axhline(reference, color="0.4", linestyle="--", linewidth=0.8, label=line)
        axes.set_xticks(range(len(places)), places)
        axes.set_title(panel)
        axes.grid(axis="x", visible=False)
    grid[0, 0].set_ylabel(y_label)
    names = [*map(str, kinds), *([reference_label] if reference_label else [])]
    fits = sum(map(len, names)) < (50 if len(panels) > 1 else 35)  # in one row
    figure.legend(loc="outside upper center", ncols=len(names) if fits else min(3, len(panels) + 1), frameon=False)
    return figure


def plot_intervals(intervals: pd.DataFrame, *, reference: float, x_label: str) -> Figure:
    """Intervals one above the other beside a reference value; those that miss it are drawn in another colour and mark.

    Args:
        intervals: rows with ``estimate``, ``low`` and ``high``.
        reference: the value drawn as a line.
        x_label: what the values are, with their unit.
    """
    figure, axes = plt.subplots(figsize=(6.4, 0.7 + 0.075 * max(len(intervals), 20)))
    height = np.arange(len(intervals))
    holds = ((intervals["low"] <= reference) & (reference <= intervals["high"])).to_numpy()
    colours = sns.color_palette(PALETTE)
    for chosen, colour, marker, label in ((holds, colours[0], "o", "holds it"), (~holds, colours[1], "X", "misses it")):
        rows = intervals[chosen]
        axes.hlines(height[chosen], rows["low"], rows["high"], color=colour, linewidth=1.2)
        axes.plot(rows["estimate"], height[chosen], marker, color=colour, markersize=4, label=f"{label}: {len(rows)}")
    axes.axvline(reference, color="0.3", linestyle="--")
    axes.set_yticks([])
    axes.set_xlabel(x_label)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def plot_labelled_points(points: pd.DataFrame, *, x_label: str, y_label: str, zoom: Sequence[str] = ()) -> Figure:
    """A scatter plot with the name of each point beside it and its interval as a vertical bar.

    Args:
        points: one row a point, named by the index, with ``x``, ``y``, ``low`` and ``high`` (of ``y``).
        x_label: what x is, with its unit.
        y_label: what y is, with its unit.
        zoom: names of points that lie too close together; they have another colour, and their names in a second panel
            that shows only them.
    """
    panels = [points, points.loc[list(zoom)]] if len(zoom) else [points]
    figure, all_axes = plt.subplots(ncols=len(panels), figsize=(1.4 + 4.0 * len(panels), 3.8), squeeze=False)
    colours = sns.color_palette(PALETTE)
    for axes, rows in zip(all_axes[0], panels, strict=True):
        zoomed = rows.index.isin(list(zoom))
        for part, colour in ((rows[zoomed], colours[1]), (rows[~zoomed], colours[0])):
            errors = np.abs(part[["low", "high"]].to_numpy().T - part["y"].to_numpy())
            axes.errorbar(part["x"], part["y"], yerr=errors, fmt="o", color=colour, capsize=2, elinewidth=0.8)
        axes.margins(x=0.12)
        axes.axhline(0, color="0.6", linestyle="--", linewidth=0.8)
    figure.supxlabel(x_label, fontsize="medium")
    figure.supylabel(y_label, fontsize="medium")
    figure.draw_without_rendering()  # now the axes know where on the page a point lies
    for axes, rows in zip(all_axes[0], panels, strict=True):
        _name_points(axes, rows if rows is panels[-1] else rows.drop(index=list(zoom)), rows)
    return figure


def _name_points(axes: Axes, named: pd.DataFrame, points: pd.DataFrame) -> None:
    """Write names beside their points, each on the side that is farthest from other points and the names before it."""
    taken = axes.transData.transform(points[["x", "y"]].to_numpy())
    for name, place in named[["x", "y"]].sort_values("x").iterrows():
        own = axes.transData.transform(place.to_numpy())
        sides = own + np.array(NAME_SIDES) * axes.figure.dpi / 72
        others = taken[np.linalg.norm(taken - own, axis=1) > 0]
        distances = np.linalg.norm(sides[:, None] - others[None], axis=2).min(axis=1, initial=np.inf)
        best = int(distances.argmax())
        axes.annotate(
            str(name), tuple(place), xytext=NAME_SIDES[best], textcoords="offset points", ha="center", va="center"
        )
        taken = np.vstack([taken, sides[best]])


def plot_named_estimates(estimates: pd.DataFrame, *, reference: str, x_label: str) -> Figure:
    """Estimates one below the other with their names, intervals and single runs, beside the one they are compared with.

    Args:
        estimates: one row a name (the index), drawn from top to bottom, with ``estimate``, ``low``, ``high`` and ``runs``
            (a list of values).
        reference: the name whose estimate is drawn as a dashed line.
        x_label: what the estimates are, with their unit.
    """
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.3 * len(estimates)))
    height = np.arange(len(estimates))
    colours = sns.color_palette(PALETTE)
    errors = np.abs(estimates[["low", "high"]].to_numpy().T - estimates["estimate"].to_numpy())
    axes.axvline(estimates.loc[reference, "estimate"], color="0.5", linestyle="--", linewidth=0.9)
    axes.errorbar(estimates["estimate"], height, xerr=errors, fmt="o", color=colours[0], capsize=3)
    for place, runs in zip(height, estimates["runs"], strict=True):
        axes.plot(runs, [place + 0.28] * len(runs), "D", color=colours[1], alpha=0.7, markersize=3)
    axes.set_yticks(height, [str(name) for name in estimates.index])
    axes.invert_yaxis()
    axes.set_xlabel(x_label)
    axes.grid(axis="y", visible=False)
    return figure
