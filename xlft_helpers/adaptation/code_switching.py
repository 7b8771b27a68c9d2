"""Augmentation by code-switching: words of a source message are replaced by words of other languages.

Source: Qin, Ni, Zhang and Che (2020), *CoSDA-ML: Multi-Lingual Code-Switching Data Augmentation for Zero-Shot
Cross-Lingual NLP*, IJCAI, section 3. The dictionary there is a given one (MUSE). Here it is found in an encoder's shared
space: two words are a pair if each is the other's nearest neighbour, as in bilingual lexicon induction.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers.errors import DataError
from xlft_helpers.inference import embed


def word_dictionary(
    encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, source: Sequence[str], target: Sequence[str]
) -> dict[str, str]:
    """Pairs of words that are each other's nearest neighbour by cosine, after each language's mean is taken off.

    Args:
        encoder: with a shared space, such as USE-M.
        tokenizer: its tokenizer.
        source: different words of the source language.
        target: different words of the target language.

    Returns:
        Source word to target word, without words that stand for themselves (names, numbers).

    Raises:
        DataError: one of the lists is empty.
    """
    if not source or not target:
        raise DataError(f"{len(source)} source and {len(target)} target words: both lists need words.")
    vectors = [embed(encoder, tokenizer, list(words), max_length=16) for words in (source, target)]
    one, other = (torch.nn.functional.normalize(v - v.mean(dim=0), dim=1) for v in vectors)
    similarity = one @ other.T
    forward, back = similarity.argmax(dim=1).tolist(), similarity.argmax(dim=0).tolist()
    pairs = ((word, target[forward[row]]) for row, word in enumerate(source) if back[forward[row]] == row)
    return {word: twin for word, twin in pairs if word != twin}


def code_switch(text: str, dictionaries: Sequence[Mapping[str, str]], share: float, random: np.random.Generator) -> str:
    """Replace each word with probability ``share`` by its pair in one of the dictionaries, drawn anew for every word.

    Words are what stands between spaces, looked up in lower case; a word without a pair in the drawn dictionary stays.

    Raises:
        DataError: ``share`` is outside [0, 1], or there is no dictionary.
    """
    if not 0 <= share <= 1 or not dictionaries:
        raise DataError(f"share={share} must lie in [0, 1], and {len(dictionaries)} dictionaries be at least one.")
    words = text.split()
    for place, word in enumerate(words):
        if random.random() < share:
            words[place] = dictionaries[int(random.integers(len(dictionaries)))].get(word.lower(), word)
    return " ".join(words)
