"""Pretraining of small language models: causal, masked and translation language modelling on streamed text."""

from .corpus import JsonLines, check_corpus
from .distillation import SentenceTargets
from .engine import OBJECTIVES, PretrainRecipe, PretrainResult, pretrain
from .evaluation import evaluate_masked
from .masking import Masked, mask_tokens, translation_pair
from .models import small_model

__all__ = [
    "OBJECTIVES",
    "JsonLines",
    "Masked",
    "PretrainRecipe",
    "PretrainResult",
    "SentenceTargets",
    "check_corpus",
    "evaluate_masked",
    "mask_tokens",
    "pretrain",
    "small_model",
    "translation_pair",
]
