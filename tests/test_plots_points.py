"""Named points keep their names apart, and those of the second panel have a colour of their own."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from xlft_helpers.plots import plot_labelled_points

CLOSE = pd.DataFrame({"x": [0.16, 0.167, 0.173, 0.18], "y": [25.0, 12.0, 14.0, 17.0]}, index=["it", "pt", "es", "de"])
FAR = pd.DataFrame({"x": [0.8, 0.9], "y": [80.0, 78.0]}, index=["ne", "ml"])


@pytest.fixture
def figure():
    points = pd.concat([CLOSE, FAR]).assign(low=lambda rows: rows["y"] - 5, high=lambda rows: rows["y"] + 5)
    drawn = plot_labelled_points(points, x_label="distance", y_label="gap", zoom=list(CLOSE.index))
    drawn.draw_without_rendering()
    yield drawn
    plt.close(drawn)


def test_every_point_is_named_once_in_the_panel_that_has_room(figure):
    everywhere, zoomed = ({text.get_text() for text in axes.texts} for axes in figure.axes)
    assert everywhere == set(FAR.index)
    assert zoomed == set(CLOSE.index)


def test_names_of_neighbours_do_not_overlap(figure):
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        pairs = [(one, other) for place, one in enumerate(boxes) for other in boxes[:place]]
        assert pairs
        assert not any(one.overlaps(other) for one, other in pairs)


def test_points_of_the_second_panel_have_their_own_colour(figure):
    def colours(axes):
        return {to_hex(line.get_color()) for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())}

    everywhere, zoomed = map(colours, figure.axes)
    assert len(zoomed) == 1
    assert zoomed < everywhere


def test_one_point_alone_is_named():
    alone = FAR.iloc[:1].assign(low=70.0, high=90.0)
    figure = plot_labelled_points(alone, x_label="distance", y_label="gap")
    assert [text.get_text() for text in figure.axes[0].texts] == ["ne"]
    plt.close(figure)
