"""How multilingual a model of the lab is: does it find a sentence, or a word, in the other language?"""

from dataclasses import dataclass

import numpy as np
import torch
from transformers import BertForMaskedLM

from xlft_helpers.evaluation import retrieval_hits

from .inputs import first_position, sentence_inputs
from .languages import SPECIAL, Corpus, Sentences, Setting


@dataclass(frozen=True)
class Measures:
    """Shares between 0 and 1; a guess is right once in 500 sentences, and once in as many words as are not shared.

    All vectors are mean-centred language by language, which takes off the constant by which the languages lie apart,
    except for ``retrieval_raw``. Retrieval is the mean of both directions.

    Attributes:
        retrieval: P@1 of held-out sentences, by the mean of their pieces' states at the layer halfway up (layer 1 of 1
            or 2, layer 2 of 4; chosen before the grid was run).
        to_fake: the same, English sentences looking for Fake-English ones only.
        to_english: the other direction only.
        retrieval_raw: ``retrieval`` without centring.
        words: P@1 of words by their input embeddings (Dufter & Schütze's word translation), both directions, over the
            words that are not one piece in both languages.
    """

    retrieval: float
    to_fake: float
    to_english: float
    retrieval_raw: float
    words: float


def measure(model: BertForMaskedLM, corpus: Corpus, setting: Setting) -> Measures:
    """Measure a model on the held-out sentences and on the vocabulary."""
    english = sentence_states(model, corpus.held_out_english, first_position(setting, fake=False))
    fake = sentence_states(model, corpus.held_out_fake, first_position(setting, fake=True))
    to_fake, to_english = _both_directions(_centred(english), _centred(fake))
    table = model.state_dict()["bert.embeddings.word_embeddings.weight"].numpy()
    count = len(corpus.words)
    own = ~corpus.shared
    english_words, fake_words = (table[first:][:count][own] for first in (len(SPECIAL), len(SPECIAL) + count))
    return Measures(
        retrieval=(to_fake + to_english) / 2,
        to_fake=to_fake,
        to_english=to_english,
        retrieval_raw=float(np.mean(_both_directions(english, fake))),
        words=float(np.mean(_both_directions(_centred(english_words), _centred(fake_words)))),
    )


@torch.inference_mode()
def sentence_states(model: BertForMaskedLM, sentences: Sentences, first: int) -> np.ndarray:
    """The mean of each sentence's states, without start and end, at the layer halfway up: (N, H).

    Args:
        model: of the lab.
        sentences: N sentences as piece ids.
        first: number of the language's position 0.
    """
    layer = (model.config.num_hidden_layers + 1) // 2
    found = np.empty((len(sentences), model.config.hidden_size), dtype=np.float32)
    for inputs in sentence_inputs(sentences, first):
        output = model.bert(input_ids=inputs.ids, position_ids=inputs.positions, output_hidden_states=True)
        found[inputs.rows.numpy()] = output.hidden_states[layer][:, 1:-1].mean(dim=1).numpy()
    return found


def _centred(vectors: np.ndarray) -> np.ndarray:
    return vectors - vectors.mean(axis=0)


def _both_directions(english: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
    return float(retrieval_hits(english, fake).mean()), float(retrieval_hits(fake, english).mean())
