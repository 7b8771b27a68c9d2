"""Self-check quizzes: widgets in a live notebook, a folded Markdown twin everywhere else.

The questions live in ``quizzes/NAME.json``: a list of ``{"question": ..., "choices": [{"text": ..., "correct": true,
"explanation": ...}, ...]}`` with exactly one correct choice and an explanation for every choice.
"""

import html
import json
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from xlft_helpers.errors import DataError


@dataclass(frozen=True)
class Choice:
    """One answer to choose and what to say when it is chosen."""

    text: str
    correct: bool
    explanation: str


@dataclass(frozen=True)
class Question:
    """A question with its choices, one of them correct."""

    question: str
    choices: tuple[Choice, ...]


def load_quiz(name: str) -> list[Question]:
    """Read the questions of a notebook.

    Args:
        name: the notebook's name without suffix, e.g. ``"05_zero_shot"``.

    Raises:
        DataError: there is no such quiz, or a question has not exactly one correct choice.
    """
    path = files("xlft_helpers.teaching").joinpath("quizzes", f"{name}.json")
    if not path.is_file():
        raise DataError(f"There is no quiz {name!r}: expected the file quizzes/{name}.json beside quiz.py.")
    questions = [
        Question(
            entry["question"],
            tuple(Choice(c["text"], c.get("correct", False), c["explanation"]) for c in entry["choices"]),
        )
        for entry in json.loads(path.read_text(encoding="utf-8"))
    ]
    for number, question in enumerate(questions, 1):
        if sum(choice.correct for choice in question.choices) != 1:
            raise DataError(f"quizzes/{name}.json, question {number}: exactly one choice must be correct.")
    return questions


def quiz(name: str) -> None:
    """Show the quiz of a notebook as widgets; arrow keys choose, Tab moves on, and every choice is explained."""
    display(widgets.VBox([_question_box(number, question) for number, question in enumerate(load_quiz(name), 1)]))


def quiz_markdown(name: str) -> str:
    """The same quiz as Markdown, each answer folded away; it reads without a kernel."""
    parts = []
    for number, question in enumerate(load_quiz(name), 1):
        choices = "\n".join(f"- {choice.text}" for choice in question.choices)
        answers = "\n".join(
            f"- {'**Right.**' if choice.correct else 'Not this one:'} *{choice.text}* {choice.explanation}"
            for choice in question.choices
        )
        parts.append(
            f"**{number}. {question.question}**\n\n{choices}\n\n<details><summary>Answer {number}</summary>\n\n{answers}\n\n</details>"
        )
    return "\n\n".join(parts)


def _question_box(number: int, question: Question) -> widgets.Widget:
    title = widgets.HTML(f"<b>{number}. {html.escape(question.question)}</b>")
    options = widgets.RadioButtons(
        options=[choice.text for choice in question.choices],
        index=None,
        layout=widgets.Layout(width="auto"),
    )
    answer = widgets.HTML()
    options.observe(partial(_explain, question, answer), names="index")
    return widgets.VBox([title, options, answer])


def _explain(question: Question, answer: widgets.HTML, change: dict[str, Any]) -> None:
    if change["new"] is None:
        answer.value = ""
        return
    choice = question.choices[change["new"]]
    mark = "✓ Right." if choice.correct else "✗ Not this one."
    answer.value = f"<b>{mark}</b> {html.escape(choice.explanation)}"
