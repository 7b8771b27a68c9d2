"""The sentence-level term: its value, its minimum, and that it brings translations together."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xlft_helpers.inference import embed
from xlft_helpers.pretraining import PretrainRecipe, SentenceTargets, pretrain, small_model
from xlft_helpers.pretraining.distillation import TEMPERATURE, sentence_loss


def unit(rows, size, seed=0):
    return F.normalize(torch.randn(rows, size, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_value_by_hand():
    targets = unit(4, 3)
    vectors, rows = unit(3, 3, seed=1) * 5, torch.tensor([2, 0, 2])
    cosines = F.normalize(vectors, dim=-1).double().numpy() @ targets.double().numpy().T
    near = np.mean([1 - cosines[0, 2], 1 - cosines[1, 0], 1 - cosines[2, 2]])
    scores = cosines[:, [0, 2]] / TEMPERATURE  # row 2 stands twice in the batch and is one candidate
    picked = [scores[0, 1], scores[1, 0], scores[2, 1]]
    entropy = np.mean(np.log(np.exp(scores).sum(axis=1)) - picked)
    assert sentence_loss(vectors, rows, SentenceTargets(targets)).item() == pytest.approx(near + entropy, rel=1e-5)


def test_it_is_smallest_at_the_targets():
    targets, rows = unit(20, 16), torch.arange(20)
    at = sentence_loss(targets * 3, rows, SentenceTargets(targets))
    assert at < 0.01
    assert at < sentence_loss(targets + 0.1 * unit(20, 16, seed=2), rows, SentenceTargets(targets))


def test_training_with_it_finds_translations_that_training_without_does_not(tokenizer, many_rows):
    targets = SentenceTargets(unit(len(many_rows), 32))
    found = {}
    for name, term in (("without", None), ("with", targets)):
        torch.manual_seed(0)
        model = small_model(tokenizer, "masked", layers=1, hidden=32, max_length=32)
        recipe = PretrainRecipe(steps=100, batch_tokens=1000, max_length=16, learning_rate=1e-2)
        result = pretrain(model, tokenizer, many_rows, recipe, sentence_targets=term, progress=False)
        distinct = list({row["en"]: row for row in many_rows}.values())[:100]
        en, fr = (
            F.normalize(embed(model, tokenizer, [row[code] for row in distinct]), dim=-1) for code in ("en", "fr")
        )
        found[name] = (en @ fr.T).argmax(1).eq(torch.arange(len(distinct))).float().mean().item()
        assert ("sentence" in set(result.history["objective"])) == (term is not None)
    assert found["with"] > found["without"] + 0.2
