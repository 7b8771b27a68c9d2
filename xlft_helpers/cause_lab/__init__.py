"""The cause lab: what makes a model multilingual, asked with English and a copy of it that shares no piece."""

from .grid import GRID, load_grid, summarize
from .languages import Corpus, Setting, build_corpus, fake_english, reorder
from .measures import Measures, measure
from .text import lab_sentences
from .training import LabRun, build_model, run_setting

__all__ = [
    "GRID",
    "Corpus",
    "LabRun",
    "Measures",
    "Setting",
    "build_corpus",
    "build_model",
    "fake_english",
    "lab_sentences",
    "load_grid",
    "measure",
    "reorder",
    "run_setting",
    "summarize",
]
