"""Heatmaps: transfer matrices and confusions."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from .colours import SEQUENTIAL


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


def plot_dense_matrix(matrix: pd.DataFrame, *, x_label: str, y_label: str, bar_label: str) -> Figure:
    """A heatmap of many small cells without numbers in them, for shares from 0 to 100; missing values are hatched.

    Args:
        matrix: values with row and column names.
        x_label: what the columns are.
        y_label: what the rows are.
        bar_label: what the colour stands for.
    """
    figure, axes = plt.subplots(figsize=(3.4 + 0.27 * matrix.shape[1], 1.2 + 0.21 * matrix.shape[0]))
    axes.patch.set(hatch="////", edgecolor="0.8")
    sns.heatmap(
        matrix, cmap=SEQUENTIAL, vmin=0, vmax=100, ax=axes, cbar_kws={"label": bar_label, "shrink": 0.6}, linewidths=0.3,
        xticklabels=True, yticklabels=True,
    )  # fmt: skip
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.tick_params(axis="y", rotation=0)
    axes.tick_params(axis="x", rotation=0)
    return figure
