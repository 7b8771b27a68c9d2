"""Bars and lines of measured quantities."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from xlft_helpers.data import language_name


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


def plot_losses(losses: Mapping[str, pd.Series], *, references: Mapping[str, float]) -> Figure:
    """Losses of language models over steps, in nats on the left axis and as perplexity on the right one.

    Args:
        losses: name of a curve to its losses in nats a piece; the index holds the steps.
        references: name of a baseline to its loss, drawn as a grey line.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.6))
    for (name, values), style in zip(losses.items(), ("-", "--", "-.", ":"), strict=False):
        axes.plot(values.index, values.to_numpy(), style, label=name)
    for (name, value), dashes in zip(references.items(), ("dotted", "dashed", "dashdot"), strict=False):
        axes.axhline(value, color="0.4", linestyle=dashes, linewidth=1.2, label=name)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats a piece)")
    right = axes.secondary_yaxis("right", functions=(np.exp, lambda perplexity: np.log(np.maximum(perplexity, 1e-9))))
    right.set_ylabel("perplexity")
    right.set_yscale("log")
    low, high = np.exp(axes.get_ylim())
    ticks = [tick for tick in (2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000) if low <= tick <= high]
    right.set_yticks(ticks, [str(tick) for tick in ticks])
    right.minorticks_off()
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure
