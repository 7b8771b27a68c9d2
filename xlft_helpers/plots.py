"""Figures: colour-blind safe, with a caption and alternative text, and with fonts that have the scripts they show."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from xlft_helpers.data import language_name

PALETTE = "colorblind"
SEQUENTIAL = "cividis"


def set_style() -> None:
    """The course's look: seaborn's colour-blind palette, light grid, readable sizes."""
    sns.set_theme(style="whitegrid", palette=PALETTE, font_scale=0.95)
    mpl.rcParams.update({"figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True})


def figure_png(figure: Figure) -> bytes:
    """The figure as PNG; it is closed, so that the notebook does not draw it a second time."""
    buffer = io.BytesIO()
    # No software version in the file: the same figure gives the same bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def show(figure: Figure, *, alt: str, caption: str) -> None:
    """Display a figure with alternative text, and its caption below.

    Args:
        figure: a matplotlib figure.
        alt: what the figure shows, for readers who cannot see it; one or two sentences, unique in the notebook.
        caption: what to look at.
    """
    display(Image(data=figure_png(figure), format="png", alt=alt), metadata={"image/png": {"alt": alt}})
    display(Markdown(f"*{caption}*"))


MARKERS = {
    "majority": "_", "random": "+", "tf-idf": "x", "tf-idf-zero-shot": "*",
    "zero-shot": "o", "per-language": "s", "merged": "D",
}  # fmt: skip
"""A method looks the same in every figure."""


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


def plot_matrix(
    matrix: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    number_format: str = ".0f",
    bar_label: str = "macro-F1 (points)",
) -> Figure:
    """A labelled heatmap, e.g. of a transfer matrix or a confusion matrix.

    Args:
        matrix: values with row and column names; missing values stay blank.
        x_label: what the columns are.
        y_label: what the rows are.
        number_format: how a cell prints its value.
        bar_label: what the colour stands for.
    """
    cell = max(0.62, 0.11 * max(len(str(name)) for name in matrix.columns))
    figure, axes = plt.subplots(figsize=(2.2 + cell * matrix.shape[1], 1.4 + 0.5 * matrix.shape[0]))
    sns.heatmap(
        matrix, annot=True, fmt=number_format, cmap=SEQUENTIAL, ax=axes, cbar_kws={"label": bar_label}, linewidths=0.5
    )
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.tick_params(axis="y", rotation=0)
    return figure


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


def plot_confusions(confusions: Mapping[str, ArrayLike], names: Sequence[str], columns: int = 5) -> Figure:
    """One small confusion matrix a language: shares of each true label, so that every row adds up to 100.

    Args:
        confusions: title to (C, C) counts; rows are true labels, columns predictions.
        names: the labels.
        columns: how many stand side by side.
    """
    columns = min(columns, len(confusions))
    rows = -(-len(confusions) // columns)
    size = (1.9 * columns + 1.2, 1.9 * rows + 0.9)
    figure, grid = plt.subplots(rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(confusions) :]:
        axes.set_visible(False)
    for axes, (title, counts) in zip(grid.flat, confusions.items(), strict=False):
        matrix = np.asarray(counts, dtype=float)
        shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        frame = pd.DataFrame(shares, index=list(names), columns=list(names))
        style = {"cmap": SEQUENTIAL, "vmin": 0, "vmax": 100, "cbar": False, "square": True, "linewidths": 0.5}
        sns.heatmap(frame, annot=True, fmt=".0f", ax=axes, **style)
        axes.set_title(title, fontsize="medium")
        axes.tick_params(axis="y", rotation=0)
        axes.tick_params(axis="x", rotation=45)
    figure.supxlabel("predicted label")
    figure.supylabel("true label")
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
        zoom: names of points that lie too close together; they are named in a second panel instead, drawn larger.
    """
    panels = [points, points.loc[list(zoom)]] if len(zoom) else [points]
    figure, all_axes = plt.subplots(ncols=len(panels), figsize=(1.4 + 4.0 * len(panels), 3.8), squeeze=False)
    for axes, rows in zip(all_axes[0], panels, strict=True):
        errors = np.abs(rows[["low", "high"]].to_numpy().T - rows["y"].to_numpy())
        axes.errorbar(rows["x"], rows["y"], yerr=errors, fmt="o", capsize=2, elinewidth=0.8)
        named = rows if rows is panels[-1] else rows.drop(index=list(zoom))
        # Neighbours along x get their names on different sides of the points, so that they do not overprint.
        for number, (name, point) in enumerate(named.sort_values("x").iterrows()):
            offset = (5, 4) if number % 2 == 0 else (-16, -12)
            axes.annotate(str(name), (point["x"], point["y"]), xytext=offset, textcoords="offset points")
        axes.margins(x=0.12)
        axes.axhline(0, color="0.6", linestyle="--", linewidth=0.8)
    figure.supxlabel(x_label, fontsize="medium")
    figure.supylabel(y_label, fontsize="medium")
    return figure


def plot_shares(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """Grouped bars of the languages' shares under several settings, with a line at equal shares.

    Args:
        shares: name of a setting to {language: share between 0 and 1}; all settings name the same languages.
    """
    codes = list(next(iter(shares.values())))
    figure, axes = plt.subplots(figsize=(max(5.0, 1.1 * len(codes) + 1), 3.2))
    width = 0.8 / len(shares)
    for number, ((name, values), hatch) in enumerate(zip(shares.items(), ("", "//", "..", "xx"), strict=False)):
        places = np.arange(len(codes)) + (number - (len(shares) - 1) / 2) * width
        bars = axes.bar(
            places, [100 * values[code] for code in codes], width, label=name, hatch=hatch, edgecolor="white"
        )
        labels = axes.bar_label(bars, fmt="%.0f", fontsize="small", padding=2)
        plt.setp(labels, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    axes.axhline(100 / len(codes), color="0.3", linestyle="--", linewidth=1, label="equal shares")
    axes.set_xticks(range(len(codes)), [f"{language_name(code)}\n({code})" for code in codes])
    axes.set_ylabel("share of the draws (%)")
    axes.set_ylim(0, 100)
    axes.grid(axis="x", visible=False)
    axes.legend(frameon=False)
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
    axes.legend(frameon=False)
    return figure


def plot_bar_panels(panels: Mapping[str, pd.Series]) -> Figure:
    """Horizontal bars a language, one panel a quantity, each with its own axis from zero.

    Args:
        panels: what a quantity is, with its unit, to its values; the index holds language codes.
    """
    tallest = max(map(len, panels.values()))
    figure, grid = plt.subplots(1, len(panels), figsize=(4.7 * len(panels), 1.0 + 0.28 * tallest), squeeze=False)
    for axes, (label, values) in zip(grid.flat, panels.items(), strict=True):
        bars = axes.barh([f"{language_name(str(code))} ({code})" for code in values.index], values.to_numpy())
        axes.bar_label(bars, fmt="%.1f", padding=2)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        axes.set_xlim(0, 1.2 * values.max())
        axes.grid(axis="y", visible=False)
    return figure


def plot_lines(
    lines: Mapping[str, pd.DataFrame],
    *,
    x_label: str,
    y_label: str,
    reference: float | None = None,
    reference_label: str = "",
    log_x: bool = False,
) -> Figure:
    """Lines over steps, each with its interval as a band where it has one, and a reference value.

    Args:
        lines: name to a frame with ``value``, and optionally ``low`` and ``high``; the index is x.
        x_label: what x is.
        y_label: what the values are, with their unit.
        reference: a value drawn as a dotted line.
        reference_label: its name.
        log_x: space x logarithmically.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for (name, rows), style in zip(lines.items(), ("-", "--", "-.", ":"), strict=False):
        (line,) = axes.plot(rows.index, rows["value"], style, label=name)
        if "low" in rows:
            axes.fill_between(rows.index, rows["low"], rows["high"], color=line.get_color(), alpha=0.2, linewidth=0)
    if reference is not None:
        axes.axhline(reference, color="0.4", linestyle=":", label=reference_label)
    if log_x:
        axes.set_xscale("log")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def plot_estimates(estimates: pd.DataFrame, *, y_label: str) -> Figure:
    """Estimates with their intervals, side by side for each place on the x axis; one panel a condition.

    Args:
        estimates: rows with ``panel``, ``place`` (on the x axis), ``kind`` (colour and mark), ``estimate``, ``low``
            and ``high``; the order of the first appearance is kept.
        y_label: what the estimates are, with their unit.
    """
    panels, places, kinds = (list(estimates[column].unique()) for column in ("panel", "place", "kind"))
    figure, grid = plt.subplots(1, len(panels), figsize=(0.8 + 3.6 * len(panels), 3.6), sharey=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=True):
        for offset, kind, marker in zip(np.linspace(-0.25, 0.25, len(kinds)), kinds, "osD^v", strict=False):
            chosen = estimates[(estimates["panel"] == panel) & (estimates["kind"] == kind)].set_index("place")
            rows = chosen.reindex(places)
            errors = np.abs(rows[["low", "high"]].to_numpy().T - rows["estimate"].to_numpy())
            label = str(kind) if panel == panels[0] else None
            at = np.arange(len(places)) + offset
            axes.errorbar(at, rows["estimate"], yerr=errors, fmt=marker, capsize=2, label=label)
        axes.axhline(0, color="0.4", linestyle="--", linewidth=0.8)
        axes.set_xticks(range(len(places)), places)
        axes.set_title(panel)
        axes.grid(axis="x", visible=False)
    grid[0, 0].set_ylabel(y_label)
    figure.legend(loc="outside upper center", ncols=len(kinds), frameon=False)
    return figure


def plot_matrices(matrices: Mapping[str, pd.DataFrame], *, x_label: str, y_label: str, bar_label: str) -> Figure:
    """Heatmaps side by side on one colour scale, so that equal colours mean equal values.

    Args:
        matrices: title to values, all with the same row and column names.
        x_label: what the columns are.
        y_label: what the rows are.
        bar_label: what the colour stands for.
    """
    first = next(iter(matrices.values()))
    limits = [
        np.nanmin([m.to_numpy() for m in matrices.values()]),
        np.nanmax([m.to_numpy() for m in matrices.values()]),
    ]
    size = (1.6 + 0.52 * first.shape[1] * len(matrices), 1.3 + 0.46 * first.shape[0])
    figure, grid = plt.subplots(1, len(matrices), figsize=size, sharey=True, squeeze=False)
    for axes, (title, matrix) in zip(grid.flat, matrices.items(), strict=True):
        style = {"cmap": SEQUENTIAL, "vmin": limits[0], "vmax": limits[1], "linewidths": 0.5, "cbar": False}
        sns.heatmap(matrix, annot=True, fmt=".0f", ax=axes, **style)
        axes.set_title(title, fontsize="medium")
        axes.tick_params(axis="y", rotation=0)
    figure.colorbar(grid.flat[-1].collections[0], ax=grid, label=bar_label, pad=0.01)
    figure.supxlabel(x_label, fontsize="medium")
    figure.supylabel(y_label, fontsize="medium")
    return figure


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
