"""Models behind one door: ordinary `transformers` objects for every name."""

from .loading import HUB_MODELS, TASKS, load_config, load_model, load_tokenizer

__all__ = ["HUB_MODELS", "TASKS", "load_config", "load_model", "load_tokenizer"]
