"""The recipe ``best``: several experts of different kinds answer together.

Which parts it has, and what each is worth, was found on dev sets: ``benchmarks/recipes.md``.
"""

from .ensemble import Ensemble, fit_ensemble
from .lexical import LogCountRatioClassifier
from .priors import match_prior
from .text import plain_text

__all__ = ["Ensemble", "LogCountRatioClassifier", "fit_ensemble", "match_prior", "plain_text"]
