"""Fine-tuning, thin on top of `transformers.Trainer`: recipes, what is trained, and the run itself."""

from .engine import FinetuneResult, Head, finetune
from .language_adapters import LanguageAdapter, swap_language, train_language_adapter
from .memory import MemoryEstimate, estimate_memory
from .recipes import MINI_RECIPE, TRANSFORMER_RECIPE, Recipe, default_recipe
from .tuning import TUNINGS

__all__ = [
    "MINI_RECIPE",
    "TRANSFORMER_RECIPE",
    "TUNINGS",
    "FinetuneResult",
    "Head",
    "LanguageAdapter",
    "MemoryEstimate",
    "Recipe",
    "default_recipe",
    "estimate_memory",
    "finetune",
    "swap_language",
    "train_language_adapter",
]
