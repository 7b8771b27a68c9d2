"""How a figure gets onto the page: style, caption, alternative text."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure

from .colours import PALETTE


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
