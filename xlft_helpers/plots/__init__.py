"""Figures: colour-blind safe, with a caption and alternative text, and with fonts that have the scripts they show."""

from .calibration import plot_reliability
from .display import figure_png, set_style, show
from .matrices import plot_confusions, plot_dense_matrix, plot_matrices, plot_matrix
from .memory import plot_memory
from .quantities import plot_bar_panels, plot_lines, plot_losses, plot_shares
from .scores import plot_curves, plot_estimates, plot_intervals, plot_labelled_points, plot_named_estimates, plot_scores
from .space import plot_map

__all__ = [
    "figure_png",
    "plot_bar_panels",
    "plot_confusions",
    "plot_curves",
    "plot_dense_matrix",
    "plot_estimates",
    "plot_intervals",
    "plot_labelled_points",
    "plot_lines",
    "plot_losses",
    "plot_map",
    "plot_matrices",
    "plot_matrix",
    "plot_memory",
    "plot_named_estimates",
    "plot_reliability",
    "plot_scores",
    "plot_shares",
    "set_style",
    "show",
]
