"""Checks report and never raise, quizzes explain every choice, tables carry direction, widgets follow their control."""

import json
from pathlib import Path

import ipywidgets as widgets
import pytest

from xlft_helpers.errors import DataError
from xlft_helpers.teaching import messages_html, quiz
from xlft_helpers.teaching import widgets as blocks
from xlft_helpers.teaching.check.report import ExerciseError, NotAttempted, Wrong, call, exercise, judge
from xlft_helpers.teaching.glossary import GLOSSARY, define
from xlft_helpers.teaching.quiz import _question_box, load_quiz, quiz_markdown

QUIZZES = sorted(path.stem for path in (Path(blocks.__file__).parent / "quizzes").glob("*.json"))


@exercise
def answer_to_everything(answer):
    """A check for the tests."""
    if call(answer) != 42:
        raise Wrong("Try a larger number.")
    return "Right."


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda: 42, "right"),
        (lambda: 41, "wrong"),
        (lambda: ..., "not attempted"),
        (..., "not attempted"),
        (lambda: None, "wrong"),
        (42, "wrong"),
        (lambda: 1 / 0, "wrong"),
    ],
)
def test_a_check_reports_and_does_not_raise(answer, status, monkeypatch, capsys):
    monkeypatch.delenv("XLFT_STRICT", raising=False)
    assert judge(answer_to_everything, answer).status == status
    answer_to_everything(answer)
    assert capsys.readouterr().out[0] in "✓✗…"


def test_strict_mode_raises_unless_right(monkeypatch):
    monkeypatch.setenv("XLFT_STRICT", "1")
    answer_to_everything(lambda: 42)
    for answer in (lambda: 41, ...):
        with pytest.raises(ExerciseError):
            answer_to_everything(answer)


def test_exceptions_of_the_learner_are_named():
    with pytest.raises(Wrong, match="ZeroDivisionError"):
        call(lambda: 1 / 0)
    with pytest.raises(NotAttempted):
        call(lambda: ...)


@pytest.mark.parametrize("name", QUIZZES)
def test_every_quiz_has_five_questions_and_explains_every_choice(name):
    questions = load_quiz(name)
    assert len(questions) >= 5
    for question in questions:
        assert len(question.choices) >= 3
        assert len({choice.text for choice in question.choices}) == len(question.choices)
        assert all(len(choice.explanation.split()) >= 4 for choice in question.choices)
    # A learner who always picks the same place should not pass.
    places = [next(i for i, choice in enumerate(q.choices) if choice.correct) for q in questions]
    assert len(set(places)) > 1
    folded = quiz_markdown(name)
    assert folded.count("<details>") == folded.count("</details>") == len(questions)


def test_choosing_an_answer_explains_it():
    question = load_quiz("00_start_here")[0]
    box = _question_box(1, question)
    _, options, answer = box.children
    for index, choice in enumerate(question.choices):
        options.index = index
        assert choice.explanation in answer.value
        assert ("Right" in answer.value) == choice.correct


def test_quiz_with_two_correct_choices_is_refused(tmp_path, monkeypatch):
    choice = {"text": "a", "correct": True, "explanation": "because"}
    (tmp_path / "quizzes").mkdir()
    (tmp_path / "quizzes" / "x.json").write_text(json.dumps([{"question": "?", "choices": [choice, choice]}]))
    # The package exports the function of the same name, so the module is reached through `load_quiz`.
    monkeypatch.setitem(load_quiz.__globals__, "files", lambda _: tmp_path)
    with pytest.raises(DataError, match="exactly one choice"):
        load_quiz("x")
    with pytest.raises(DataError, match="no quiz 'y'"):
        quiz("y")


def test_text_in_tables_is_escaped_and_has_its_direction():
    import pandas as pd

    frame = pd.DataFrame({"language": ["ar", "fr"], "text": ["مرحبا <b>", "salut & co"], "confidence": [0.5, 0.25]})
    html = messages_html(frame, "Two greetings")
    assert "<td lang='ar' dir='rtl' style='text-align: right'>مرحبا &lt;b&gt;</td>" in html
    assert "<td lang='fr' dir='ltr' style='text-align: left'>salut &amp; co</td>" in html
    assert "<td>0.25</td>" in html


def test_explore_follows_its_control_and_shows_the_start_twice(monkeypatch):
    shown = []
    monkeypatch.setattr(blocks, "display", shown.append)
    slider = widgets.IntSlider(value=2, max=9, description="n")
    blocks.explore(slider, lambda value: f"<p>{value} squared is {value**2}</p>", alt="A square")
    live = shown[0].children[1]
    assert "2 squared is 4" in live.value
    assert "2 squared is 4" in shown[1].data
    slider.value = 3
    assert live.value == "<p>3 squared is 9</p>"


def test_explore_follows_each_of_several_controls(monkeypatch):
    shown = []
    monkeypatch.setattr(blocks, "display", shown.append)
    first, second = widgets.IntSlider(value=2, description="a"), widgets.Dropdown(options=[5, 7], description="b")
    blocks.explore([first, second], lambda a, b: f"<p>{a} times {b} is {a * b}</p>", alt="A product")
    live = shown[0].children[2]
    assert "2 times 5 is 10" in live.value
    assert "controls above (a, b)" in shown[1].data
    first.value = 3
    second.value = 7
    assert live.value == "<p>3 times 7 is 21</p>"


def test_ask_answers_the_button(monkeypatch):
    shown = []
    monkeypatch.setattr(blocks, "display", shown.append)
    blocks.ask(lambda text: text.upper(), start="hello")
    box, button, live = shown[0].children
    box.value = "bonjour"
    assert live.value == "BONJOUR"
    live.value = ""
    button.click()
    assert live.value == "BONJOUR"
    assert "starting state" in shown[1].data
    assert shown[1].data.endswith("HELLO")


def test_glossary_defines_or_lists():
    assert "labelled" in define("zero-shot")
    with pytest.raises(DataError, match="macro-F1"):
        define("macro-f2")
    assert all(text.endswith(".") for text in GLOSSARY.values())
