"""Train one setting of the lab.

The loop is the lab's own: it works on piece ids instead of text, each language can have positions of its own, and
sentences of exactly one length share a batch, so that nothing is padded. Masking and schedule are the course's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm
from transformers import BertConfig, BertForMaskedLM

from xlft_helpers import settings
from xlft_helpers.objectives import IGNORED
from xlft_helpers.pretraining import PretrainRecipe, mask_tokens
from xlft_helpers.pretraining.engine import LARGEST_GRADIENT

from .inputs import POSITIONS, Inputs, training_inputs
from .languages import MASK, SPECIAL, Corpus, Setting, build_corpus
from .measures import Measures, measure

RECIPE = PretrainRecipe(batch_tokens=2048, learning_rate=5e-3, mask_rate=0.3)
"""Of every setting. Twice BERT's share of masked pieces: twice as much to learn from in a step that costs the same."""

INITIAL_SCALE = 0.01
"""Standard deviation of the first weights, where BERT has 0.02 for vectors 24 times as long: a piece and its twin start from
almost the same vector, so that less has to be unlearned on this small budget."""


@dataclass(frozen=True)
class LabRun:
    """A trained model of the lab.

    Attributes:
        setting: what was asked.
        seed: of first weights, order and masks.
        model: in evaluation mode.
        corpus: its two languages.
        measures: on the held-out sentences.
        history: ``step`` and ``loss``, the mean over the steps since the row before (nats a masked piece).
    """

    setting: Setting
    seed: int
    model: BertForMaskedLM
    corpus: Corpus
    measures: Measures
    history: pd.DataFrame


def build_model(setting: Setting, seed: int = settings.SEED) -> BertForMaskedLM:
    """A BERT with random weights for a setting: one head for each 16 dimensions, no dropout.

    With separate positions, the second half of the position embeddings belongs to Fake-English. Without positions, the
    embeddings are zero and stay so: the model sees a bag of words.
    """
    torch.manual_seed(seed)
    corpus = build_corpus(setting)
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=corpus.vocabulary,
            hidden_size=setting.hidden,
            num_hidden_layers=setting.layers,
            num_attention_heads=setting.hidden // 16,
            intermediate_size=4 * setting.hidden,
            max_position_embeddings=2 * POSITIONS,
            type_vocab_size=1,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=INITIAL_SCALE,
            pad_token_id=None,
        )
    )
    if setting.positions == "none":
        model.bert.embeddings.position_embeddings.weight.requires_grad_(False).zero_()
    return model.eval()


def run_setting(setting: Setting, seed: int = settings.SEED, *, log_every: int = 50, progress: bool = True) -> LabRun:
    """Build the languages and the model of a setting, train it, and measure it.

    Args:
        setting: see :class:`~xlft_helpers.cause_lab.Setting`.
        seed: fixes first weights, order and masks; the languages are the same with every seed.
        log_every: steps between rows of the history.
        progress: show a bar.
    """
    corpus, model = build_corpus(setting), build_model(setting, seed)
    history = _train(model, corpus, setting, seed, log_every, progress) if setting.steps else []
    measures = measure(model, corpus, setting)
    settings.release_memory()
    return LabRun(setting, seed, model, corpus, measures, pd.DataFrame(history, columns=["step", "loss"]))


def _train(
    model: BertForMaskedLM, corpus: Corpus, setting: Setting, seed: int, log_every: int, progress: bool
) -> list[tuple[int, float]]:
    recipe = replace(RECIPE, steps=setting.steps)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, betas=(0.9, 0.98), eps=1e-6, weight_decay=recipe.weight_decay, fused=True)
    generator = torch.Generator().manual_seed(seed)
    stream = _batches(training_inputs(corpus, setting), recipe.batch_tokens, np.random.default_rng(seed))
    history, losses = [], []
    model.train()
    for step in tqdm(range(setting.steps), desc="lab", disable=not progress, leave=False):
        ids, positions = next(stream)
        masked = mask_tokens(
            ids,
            ids >= len(SPECIAL),
            mask_id=MASK,
            vocabulary=corpus.vocabulary,  # a random piece may be of the other language
            generator=generator,
            rate=recipe.mask_rate,
        )
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * recipe.factor(step)
        states = model.bert(input_ids=masked.input_ids, position_ids=positions).last_hidden_state
        chosen = masked.labels != IGNORED
        loss = F.cross_entropy(model.cls(states[chosen]), masked.labels[chosen])
        loss.backward()
        nn.utils.clip_grad_norm_(learned, LARGEST_GRADIENT)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if (step + 1) % log_every == 0 or step + 1 == setting.steps:
            history.append((step + 1, float(np.mean(losses))))
            losses.clear()
    model.eval()
    return history


def _batches(
    groups: list[Inputs], batch_tokens: int, generator: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pass after pass over all inputs, in batches of one length and one language (or pairs), in random order."""
    while True:
        batches = []
        for inputs in groups:
            count, length = inputs.ids.shape
            order = torch.from_numpy(generator.permutation(count))
            batches += [(inputs, chosen) for chosen in order.split(max(1, batch_tokens // length))]
        for number in generator.permutation(len(batches)):
            inputs, chosen = batches[number]
            yield inputs.ids[chosen], inputs.positions[chosen]
