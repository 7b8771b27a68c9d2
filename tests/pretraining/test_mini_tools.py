"""The script that makes `mini`: what it takes out of the packages, and that nothing held out stands in training."""

import sys
from pathlib import Path

import pytest
import torch

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))

import mini_corpus  # noqa: E402
from mini_evaluation import precision_at_1  # noqa: E402

MAC = '<span hidden="true" id="MACa" class="MAC"><span class="keycode">Command</span></span>'
DEFAULT = '<span hidden="true" id="defaulta"><span class="keycode">Ctrl</span></span>'
PAGE = f"""<p id="par_id1" class="paragraph" dir="auto">Use <span id="x" class="switchinline">{MAC}{DEFAULT}</span>+F &amp;
search.</p><h2 id="hd_id2" dir="auto"><a name="z"></a>Find text</h2><p class="x">no id</p>"""


def test_paragraphs_are_read_by_page_and_id(tmp_path):
    for language in [*mini_corpus.HELD_OUT_LANGUAGES, "hi"]:
        folder = tmp_path / f"help-{language}" / "usr/share/libreoffice/help/xx/text/shared"
        folder.mkdir(parents=True)
        (folder / "find.html").write_text(PAGE, encoding="utf-8")
    rows = mini_corpus.read_help(tmp_path)
    assert rows["shared/find#par_id1"]["fr"] == "Use Ctrl+F & search."
    assert rows["shared/find#hd_id2"]["en"] == "Find text"
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("_Save As...", "Save As..."),
        ("Open ~File", "Open File"),
        ("打开(_O)", "打开"),
        ("Could not reach {host} at %1", "Could not reach at"),
        ("See https://example.org/x for help", "See for help"),
    ],
)
def test_messages_lose_marks_and_placeholders(message, text):
    assert mini_corpus._message(message) == text


def test_what_teaches_nothing_is_left_out():
    rows = [
        ("good", {"en": "Select the cells and copy them.", "fr": "Sélectionnez les cellules et copiez-les."}),
        ("known", {"en": "Select the cells, and copy them!", "fr": "Choisissez les cellules."}),
        ("copy", {"en": "This text was never translated.", "fr": "This text was never translated."}),
        ("latin", {"en": "This text is only half Russian.", "ru": "This text is only half Russian, да."}),
        ("code", {"en": "REM call MsgBox(iCount) 12 + 4;", "fr": "REM appelez MsgBox(iCount) 12 + 4;"}),
        ("short", {"en": "Yes no", "fr": "Oui non"}),
        (
            "mixed",
            {"en": "Delete all the empty columns.", "fr": "Delete all the empty columns.", "zh": "删除所有的空列。"},
        ),
    ]
    assert mini_corpus.filter_rows(rows, shortest=12) == {
        "good": rows[0][1],
        "mixed": {"en": "Delete all the empty columns.", "zh": "删除所有的空列。"},
    }


def test_nothing_near_a_held_out_text_stays_in_any_language():
    held_out = {
        "h": {"en": "Click the button to print the page.", "fr": "Cliquez sur le bouton pour imprimer la page."}
    }
    rows = {
        "h": held_out["h"],
        "near in English": {"en": "Click the button to print the pages.", "fr": "Tout autre chose ici."},
        "near in French": {"en": "Something else here.", "fr": "Cliquez sur le bouton pour imprimer une page."},
        "far": {"en": "The chart has two axes.", "fr": "Le diagramme a deux axes."},
    }
    kept, left_out = mini_corpus.without_held_out(rows, held_out)
    assert list(kept) == ["far"]
    assert left_out == 3


def test_the_committed_list_names_a_thousand_paragraphs():
    names = (TOOLS / "mini_held_out.txt").read_text(encoding="utf-8").split()
    assert len(names) == len(set(names)) == mini_corpus.HELD_OUT_ROWS


def test_precision_at_1_by_hand():
    documents = torch.eye(3)
    queries = torch.tensor([[5.0, 1, 0], [3, 2, 0], [0, 0, 0.1]])
    assert precision_at_1(queries, documents) == pytest.approx(2 / 3)
