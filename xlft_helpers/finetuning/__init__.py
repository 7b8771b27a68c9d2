"""Fine-tuning, thin on top of `transformers.Trainer`: recipes, what is trained, and the run itself."""

from .engine import FinetuneResult, Head, ProgressBar, finetune
from .language_adapters import LanguageAdapter, swap_language, train_language_adapter
from .memory import MemoryEstimate, estimate_memory
from .recipes import MINI_RECIPE, TRANSFORMER_RECIPE, Recipe, best_recipe, default_recipe, model_family
from .tuning import TUNINGS

__all__ = [
    "MINI_RECIPE",
    "TRANSFORMER_RECIPE",
    "TUNINGS",
    "FinetuneResult",
    "Head",
    "LanguageAdapter",
    "MemoryEstimate",
    "ProgressBar",
    "Recipe",
    "best_recipe",
    "default_recipe",
    "estimate_memory",
    "finetune",
    "model_family",
    "swap_language",
    "train_language_adapter",
]
