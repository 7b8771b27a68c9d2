"""What makes the notebooks teach: exercise checks, quizzes, interactive blocks, tables of messages, the glossary."""

from . import check
from .glossary import GLOSSARY, define
from .quiz import quiz
from .tables import messages_html, pieces_html, show_messages, slots_html
from .widgets import ask, explore

__all__ = [
    "GLOSSARY",
    "ask",
    "check",
    "define",
    "explore",
    "messages_html",
    "pieces_html",
    "quiz",
    "show_messages",
    "slots_html",
]
