"""Figures: colour-blind safe, with a caption and alternative text, and with fonts that have the scripts they show."""

import io
from collections.abc import Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure

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


def plot_scores(summary: pd.DataFrame, *, languages: Sequence[str] | None = None, baselines: Sequence[str] = ("majority", "tf-idf")) -> Figure:
    """Macro-F1 of each method on each test language with its 95 % interval; baselines as grey marks.

    Args:
        summary: ``Comparison.summary``.
        languages: order of the languages; default: as in ``summary``.
        baselines: methods drawn without colour, for reference.
    """
    languages = list(languages or summary["test_language"].unique())
    methods = [m for m in summary["method"].unique() if m not in ("majority", "random", "tf-idf", "tf-idf-zero-shot")]
    shown = [*(b for b in baselines if b in set(summary["method"])), *methods]
    colours = dict(zip(methods, sns.color_palette(PALETTE), strict=False))
    markers = dict(zip(shown, "_x*^osDv", strict=False))
    figure, axes = plt.subplots(figsize=(max(6.0, 0.9 * len(languages) + 2), 3.8))
    for offset, method in zip(np.linspace(-0.27, 0.27, len(shown)), shown, strict=True):
        rows = summary[summary["method"] == method].set_index("test_language").reindex(languages)
        mean = 100 * rows["macro_f1_mean"].to_numpy()
        errors = np.abs(100 * rows[["ci_low", "ci_high"]].to_numpy().T - mean)
        axes.errorbar(
            np.arange(len(languages)) + offset,
            mean,
            yerr=errors,
            fmt=markers[method],
            color=colours.get(method, "0.5"),
            capsize=2,
            label=method,
        )
    axes.set_xticks(range(len(languages)), [f"{language_name(code)}\n({code})" for code in languages])
    axes.set_ylabel("macro-F1 (points)")
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside upper center", ncols=len(shown), frameon=False)
    return figure


def plot_matrix(matrix: pd.DataFrame, *, x_label: str, y_label: str, number_format: str = ".0f", bar_label: str = "macro-F1 (points)") -> Figure:
    """A labelled heatmap, e.g. of a transfer matrix or a confusion matrix.

    Args:
        matrix: values with row and column names; missing values stay blank.
        x_label: what the columns are.
        y_label: what the rows are.
        number_format: how a cell prints its value.
        bar_label: what the colour stands for.
    """
    figure, axes = plt.subplots(figsize=(1.8 + 0.62 * matrix.shape[1], 1.4 + 0.5 * matrix.shape[0]))
    sns.heatmap(matrix, annot=True, fmt=number_format, cmap=SEQUENTIAL, ax=axes, cbar_kws={"label": bar_label}, linewidths=0.5)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.tick_params(axis="y", rotation=0)
    return figure


def plot_reliability(bins: pd.DataFrame) -> Figure:
    """Accuracy against confidence, one mark a bin, with its size; on the diagonal the model is calibrated.

    Args:
        bins: rows with ``confidence``, ``accuracy``, ``count``, and optionally ``group`` for several lines.
    """
    figure, axes = plt.subplots(figsize=(4.6, 4.2))
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="calibrated")
    filled = bins[bins["count"] > 0]
    groups = filled.groupby("group", sort=False) if "group" in filled else [("model", filled)]
    for (name, rows), marker in zip(groups, "osD^vP*X", strict=False):
        axes.plot(rows["confidence"], rows["accuracy"], marker=marker, label=str(name))
    axes.set_xlabel("confidence (mean probability of the predicted class)")
    axes.set_ylabel("accuracy")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.legend(frameon=False)
    return figure
