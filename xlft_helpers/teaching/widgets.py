"""Interactive blocks that read without a kernel too: each shows its starting state once more, as plain output.

Built from ``observe`` with HTML and Image widgets only; ``interact`` and ``Output`` can hang a headless run.
"""

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
from IPython.display import HTML, display
from matplotlib.figure import Figure

from xlft_helpers.plots import figure_png, show

Rendered = str | Figure
"""What a view may be: HTML text or a figure."""


def explore(control: widgets.Widget | Sequence[widgets.Widget], view: Callable[..., Rendered], alt: str) -> None:
    """Show controls above a view that follows their values, and the starting view as static output below.

    Args:
        control: a widget with a ``value``, such as a slider or a dropdown, or several.
        view: turns the value into HTML or a figure; of several controls, it gets the values in their order.
        alt: alternative text of the static starting state, and the label of the live one.
    """
    controls = [control] if isinstance(control, widgets.Widget) else list(control)
    start = view(*(one.value for one in controls))
    live = widgets.Image(value=figure_png(start), format="png") if isinstance(start, Figure) else widgets.HTML(start)

    def follow(_: dict[str, Any]) -> None:
        rendered = view(*(one.value for one in controls))
        live.value = figure_png(rendered) if isinstance(rendered, Figure) else rendered

    for one in controls:
        one.observe(follow, names="value")
    display(widgets.VBox([*controls, live]))
    above = "control" if len(controls) == 1 else "controls"
    if isinstance(start, Figure):
        state = ", ".join(f"{one.description} = {one.value}" for one in controls)
        show(start, alt=alt, caption=f"The starting state of the {above} above ({state}).")
    else:
        names = html.escape(", ".join(one.description for one in controls))
        caption = f"The starting state of the {above} above ({names}):"
        display(HTML(f"<div role='note' aria-label='{html.escape(alt)}'><p><em>{caption}</em></p>{start}</div>"))


def ask(view: Callable[[str], str], start: str, description: str = "Message", button: str = "Read it") -> None:
    """Show a text box with a button above a view of what was typed, and the starting view as static output below.

    Args:
        view: turns a text into HTML.
        start: the text that is there at first.
        description: label of the text box.
        button: label of the button; the Enter key does the same.
    """
    # Without `continuous_update`, the value changes with the Enter key or when the box is left.
    box = widgets.Text(
        value=start, description=description, continuous_update=False, layout=widgets.Layout(width="90%")
    )
    press = widgets.Button(description=button, button_style="primary")
    live = widgets.HTML(view(start))

    def answer(_: Any) -> None:
        live.value = view(box.value)

    press.on_click(answer)
    box.observe(answer, names="value")
    display(widgets.VBox([box, press, live]))
    display(HTML(f"<p><em>The starting state of the box above:</em></p>{view(start)}"))
