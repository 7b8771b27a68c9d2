"""Machine translation: a small translator of the course's own, published ones, baselines, scores and faults."""

from .baselines import TranslationMemory, WordDictionary
from .checkpoints import FLORES, HUB_TRANSLATORS
from .faults import FAULTS, fault_counts, find_faults
from .pairs import bare, translation_pairs
from .scores import bootstrap_chrf, chrf, sacrebleu_scores
from .training import TRANSLATION_RECIPE, Translator, train_translator
from .translate import translate

__all__ = [
    "FAULTS",
    "FLORES",
    "HUB_TRANSLATORS",
    "TRANSLATION_RECIPE",
    "TranslationMemory",
    "Translator",
    "WordDictionary",
    "bare",
    "bootstrap_chrf",
    "chrf",
    "fault_counts",
    "find_faults",
    "sacrebleu_scores",
    "train_translator",
    "translate",
    "translation_pairs",
]
