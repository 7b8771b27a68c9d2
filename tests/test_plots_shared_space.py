"""Heatmaps that share a colour scale, and maps of named points."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from xlft_helpers import plots


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_matrices_share_one_colour_scale_and_print_their_values():
    low, high = (
        pd.DataFrame([[a, a + 1], [np.nan, a + 3]], index=["en", "fr"], columns=["en", "fr"]) for a in (10, 70)
    )
    figure = plots.plot_matrices({"A": low, "B": high}, x_label="tested on", y_label="trained on", bar_label="points")
    panels = figure.axes[:2]
    assert [axes.get_title() for axes in panels] == ["A", "B"]
    assert [axes.collections[0].get_clim() for axes in panels] == [(10, 73), (10, 73)]
    assert [text.get_text() for text in panels[0].texts] == ["10", "11", "13"]


def test_map_writes_each_name_where_its_point_is_in_its_group_colour():
    rows = pd.DataFrame({"x": [0.0, 1, 5], "y": [0.0, 2, 3], "group": ["a", "b", "a"], "name": ["en", "fr", "hi"]})
    axes = plots.plot_map({"one": rows, "two": rows}).axes[1]
    assert [(text.get_text(), *text.get_position()) for text in axes.texts] == [
        ("en", 0, 0),
        ("fr", 1, 2),
        ("hi", 5, 3),
    ]
    colours = [text.get_color() for text in axes.texts]
    assert colours[0] == colours[2] != colours[1]
    assert axes.get_xlim()[0] < 0 < 5 < axes.get_xlim()[1]
