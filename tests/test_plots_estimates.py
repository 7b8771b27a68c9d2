"""The figure of estimates: its reference line stands where it should, and is named where it has a name."""

import matplotlib.pyplot as plt
import pandas as pd

from xlft_helpers import plots

ESTIMATES = pd.DataFrame(
    {
        "panel": ["one", "one", "two", "two"],
        "place": ["en", "fr", "en", "fr"],
        "kind": "F1",
        "estimate": [60.0, 50.0, 61.0, 51.0],
        "low": [55.0, 45.0, 56.0, 46.0],
        "high": [65.0, 55.0, 66.0, 56.0],
    }
)


def dashed(axes):
    return [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]


def test_reference_is_drawn_in_every_panel_and_named_once():
    figure = plots.plot_estimates(ESTIMATES, y_label="points", reference=16.7, reference_label="constant answer")
    assert [dashed(axes) for axes in figure.axes] == [[16.7], [16.7]]
    assert [text.get_text() for text in figure.legends[0].get_texts()].count("constant answer") == 1
    plt.close(figure)


def test_without_a_reference_the_line_is_at_no_difference_and_unnamed():
    figure = plots.plot_estimates(ESTIMATES, y_label="points")
    assert [dashed(axes) for axes in figure.axes] == [[0], [0]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["F1"]
    plt.close(figure)
