"""Extraction: from commands in any language to a table of facts.

* ``tags``: slots as spans of characters, and the BIO tags of pieces that say the same;
* ``tagging``: train a tagger with :func:`xlft_helpers.finetuning.finetune`, and let it answer with spans;
* ``gazetteer``: the baseline that looks words up;
* ``scoring``: strict and partial F1, intervals and a paired test;
* ``panx``: the benchmark for names, as rows for a tagger;
* ``knowledge``: from spans to facts with values that do not depend on the language.
"""

from .gazetteer import Gazetteer
from .knowledge import (
    UNITS,
    Lexicon,
    count_facts,
    fact_table,
    find_facts,
    name_code,
    number_words,
    parse_number,
    true_facts,
)
from .panx import load_panx
from .scoring import (
    SpanCounts,
    bootstrap_f1,
    count_spans,
    paired_f1_test,
    partial_hits,
    slot_report,
    strict_hits,
)
from .tagging import find_spans, tagging_head, tagging_recipe
from .tags import (
    Span,
    bio_labels,
    character_tags,
    piece_places,
    piece_tags,
    spans_from_tags,
    spans_of,
    spans_of_words,
)

__all__ = [
    "UNITS",
    "Gazetteer",
    "Lexicon",
    "Span",
    "SpanCounts",
    "bio_labels",
    "bootstrap_f1",
    "character_tags",
    "count_facts",
    "count_spans",
    "fact_table",
    "find_facts",
    "find_spans",
    "load_panx",
    "name_code",
    "number_words",
    "paired_f1_test",
    "parse_number",
    "partial_hits",
    "piece_places",
    "piece_tags",
    "slot_report",
    "spans_from_tags",
    "spans_of",
    "spans_of_words",
    "strict_hits",
    "tagging_head",
    "tagging_recipe",
    "true_facts",
]
