"""Models behind one door: ordinary `transformers` objects for every name."""

from .loading import HUB_MODELS, TASKS, load_config, load_model, load_tokenizer, weights_fingerprint
from .recommendation import CANDIDATES, Recommendation, recommend

__all__ = [
    "CANDIDATES",
    "HUB_MODELS",
    "TASKS",
    "Recommendation",
    "load_config",
    "load_model",
    "load_tokenizer",
    "recommend",
    "weights_fingerprint",
]
