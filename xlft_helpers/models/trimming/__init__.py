"""Vocabulary trimming: a smaller multilingual model that answers the same.

Most of a multilingual model's parameters are rows of its embedding table, and most rows belong to languages that a task
never meets. Trimming keeps the pieces that given texts need and drops the other rows, after Abdaoui, Pradel and Sigel
2020, *Load What You Need: Smaller Versions of Multilingual BERT* (SustaiNLP). On those texts the smaller model splits
into the same pieces and gives bit for bit the same logits; other text may be split finer or become unknown, and
:func:`coverage` counts it.
"""

from .coverage import Coverage, coverage
from .trim import Trimmed, TrimReport, trim_vocabulary

__all__ = ["Coverage", "TrimReport", "Trimmed", "coverage", "trim_vocabulary"]
