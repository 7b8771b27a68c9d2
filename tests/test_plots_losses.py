"""Curves of losses with their second scale, the perplexity."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from xlft_helpers import plots


def test_perplexity_axis_is_the_exponential_of_the_loss_axis():
    losses = pd.Series([6.0, 4.0, 3.0], index=[10, 20, 30])
    figure = plots.plot_losses({"a model": losses}, references={"uniform": np.log(400), "unigram": 5.2})
    axes = figure.axes[0]
    right = axes.child_axes[0]
    figure.canvas.draw()
    np.testing.assert_allclose(right.get_ylim(), np.exp(axes.get_ylim()), rtol=1e-6)
    assert [label.get_text() for label in right.get_yticklabels()] == ["20", "30", "50", "100", "200", "300"]
    heights = [line.get_ydata()[0] for line in axes.lines]
    np.testing.assert_allclose(heights, [6.0, np.log(400), 5.2])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a model", "uniform", "unigram"]
    plt.close(figure)
