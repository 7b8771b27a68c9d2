"""Make a model fit a language with few labels, or with none: selection, self-training, pieces, augmentation, two tasks."""

from .code_switching import code_switch, word_dictionary
from .features import Features, answers, fit_head, frozen_features
from .multi_task import SharedLayer, train_shared_layer
from .selection import STRATEGIES, label_in_rounds, margins, most_spread, most_uncertain
from .self_training import SelfTraining, self_train
from .vocabulary import extend_embeddings, extend_tokenizer

__all__ = [
    "STRATEGIES",
    "Features",
    "SelfTraining",
    "SharedLayer",
    "answers",
    "code_switch",
    "extend_embeddings",
    "extend_tokenizer",
    "fit_head",
    "frozen_features",
    "label_in_rounds",
    "margins",
    "most_spread",
    "most_uncertain",
    "self_train",
    "train_shared_layer",
    "word_dictionary",
]
