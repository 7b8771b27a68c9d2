"""Tables of messages in any script: each cell knows its language and its direction."""

import html

import pandas as pd
from IPython.display import HTML, display

from xlft_helpers.data import is_right_to_left


def messages_html(frame: pd.DataFrame, caption: str) -> str:
    """Rows as an HTML table; ``text`` cells carry ``lang`` and ``dir`` of the row's ``language``.

    Args:
        frame: rows with at least ``text`` and ``language``; numbers are shown with two decimals.
        caption: what the table shows.
    """
    head = "".join(f"<th scope='col'>{html.escape(str(column))}</th>" for column in frame.columns)
    body = "".join(
        f"<tr>{''.join(_cell(column, value, str(row['language'])) for column, value in row.items())}</tr>"
        for row in frame.to_dict(orient="records")
    )
    return (
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def show_messages(frame: pd.DataFrame, caption: str) -> None:
    """Display :func:`messages_html`."""
    display(HTML(messages_html(frame, caption)))


def _cell(column: str, value: object, language: str) -> str:
    if column == "text":
        right_to_left = is_right_to_left(language)
        align = "right" if right_to_left else "left"
        direction = "rtl" if right_to_left else "ltr"
        return f"<td lang='{language}' dir='{direction}' style='text-align: {align}'>{html.escape(str(value))}</td>"
    return f"<td>{value:.2f}</td>" if isinstance(value, float) else f"<td>{html.escape(str(value))}</td>"
