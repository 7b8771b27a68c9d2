"""Tables of messages in any script: each cell knows its language and its direction."""

import html
from collections.abc import Iterable

import pandas as pd
from IPython.display import HTML, display
from transformers import PreTrainedTokenizerBase

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


def pieces_html(text: str, tokenizer: PreTrainedTokenizerBase, language: str) -> str:
    """A text as the boxes that a tokenizer cuts it into, in the language's direction; unknown pieces are dark.

    Args:
        text: one message.
        tokenizer: its start and end pieces are left out.
        language: ISO 639-1 code, for direction and fonts.
    """
    boxes = []
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    for number, piece in zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True):
        colours = (
            "background: #333; color: #fff" if number == tokenizer.unk_token_id else "background: #fff; color: #000"
        )
        style = f"display: inline-block; border: 1px solid #888; padding: 0 3px; margin: 1px; {colours}"
        boxes.append(f"<span style='{style}'>{html.escape(piece)}</span>")
    direction = "rtl" if is_right_to_left(language) else "ltr"
    return f"<p lang='{language}' dir='{direction}'>{' '.join(boxes)} ({len(ids)})</p>"


def slots_html(text: str, spans: Iterable[tuple[str, int, int]], language: str) -> str:
    """A text with its slots framed, and the name of each slot behind its words, in the language's direction.

    Args:
        text: one command.
        spans: slot name, first character and end of each slot, in order and without overlaps.
        language: ISO 639-1 code, for direction and fonts.
    """
    parts, end = [], 0
    for name, start, stop in spans:
        words = f"<bdi>{html.escape(text[start:stop])}</bdi> <small lang='en'><bdi>{html.escape(name)}</bdi></small>"
        style = "border: 1px solid #666; border-radius: 3px; padding: 0 3px; background: #fff3c4; color: #000"
        parts += [html.escape(text[end:start]), f"<mark style='{style}'>{words}</mark>"]
        end = stop
    direction = "rtl" if is_right_to_left(language) else "ltr"
    return f"<p lang='{language}' dir='{direction}'>{''.join(parts)}{html.escape(text[end:])}</p>"


def _cell(column: str, value: object, language: str) -> str:
    if column == "text":
        right_to_left = is_right_to_left(language)
        align = "right" if right_to_left else "left"
        direction = "rtl" if right_to_left else "ltr"
        return f"<td lang='{language}' dir='{direction}' style='text-align: {align}'>{html.escape(str(value))}</td>"
    return f"<td>{value:.2f}</td>" if isinstance(value, float) else f"<td>{html.escape(str(value))}</td>"
