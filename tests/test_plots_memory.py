"""Stacked bars of memory."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from xlft_helpers import plots


def test_parts_are_stacked_and_the_sum_and_the_budget_are_shown():
    parts = pd.DataFrame({"weights": [0.5, 1.0], "gradients": [0.25, 2.0]}, index=["small", "large"])
    figure = plots.plot_memory(parts, budget=2.0, budget_label="Binder")
    axes = figure.axes[0]
    ends = [(bar.get_x(), bar.get_width()) for container in axes.containers for bar in container]
    np.testing.assert_allclose(ends, [(0, 0.5), (0, 1.0), (0.5, 0.25), (1.0, 2.0)])
    assert [text.get_text() for text in axes.texts] == ["0.75", "3.00"]
    assert axes.lines[0].get_xdata()[0] == 2.0
    assert axes.get_xlim()[1] > 3
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"weights", "gradients", "Binder"}
    plt.close(figure)
