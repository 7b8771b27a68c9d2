"""A toy world for pretraining: a hundred words in three languages, word by word the same."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
INPUTS = ["input_ids", "token_type_ids", "attention_mask"]
LANGUAGES = ("en", "fr", "de")
WORDS = {language: [f"{language}{number}" for number in range(40)] for language in LANGUAGES}


def make_rows(count: int, languages=LANGUAGES, seed: int = 0) -> list[dict[str, str]]:
    """Sentences in which the next word follows from the last (n, n + 1, ...), in every language alike."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        first, length = generator.integers(20), generator.integers(3, 15)
        rows.append({code: " ".join(WORDS[code][first + i] for i in range(length)) for code in languages})
    return rows


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    pieces = SPECIAL + [word for words in WORDS.values() for word in words]
    tokenizer = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_input_names=INPUTS, **dict(zip(names, SPECIAL, strict=True))
    )


@pytest.fixture(scope="session")
def rows():
    return make_rows(60)


@pytest.fixture(scope="session")
def many_rows():
    return make_rows(300, seed=1)
