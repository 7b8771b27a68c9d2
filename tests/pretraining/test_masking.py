"""Masking: how much, by what, never where it must not be, and the same again with the same generator."""

import numpy as np
import pytest
import torch

from xlft_helpers.errors import DataError
from xlft_helpers.pretraining import mask_tokens, translation_pair

VOCABULARY, MASK = 1000, 4


def masked(ids, maskable=None, seed=0, **options):
    maskable = torch.ones_like(ids, dtype=torch.bool) if maskable is None else maskable
    generator = torch.Generator().manual_seed(seed)
    return mask_tokens(ids, maskable, mask_id=MASK, vocabulary=VOCABULARY, generator=generator, **options)


@pytest.fixture(scope="module")
def ids():
    return torch.randint(5, VOCABULARY, (200, 100), generator=torch.Generator().manual_seed(1))


def test_shares_are_those_of_the_paper(ids):
    found = masked(ids)
    chosen = found.labels != -100
    n = int(chosen.sum())
    assert chosen.float().mean().item() == pytest.approx(0.15, abs=4 * np.sqrt(0.15 * 0.85 / ids.numel()))
    hidden = (found.input_ids == MASK)[chosen].float().mean().item()
    kept = (found.input_ids == ids)[chosen].float().mean().item()
    assert hidden == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / n))
    assert kept == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / n) + 1 / VOCABULARY)


def test_labels_are_the_originals_and_the_rest_is_untouched(ids):
    found = masked(ids)
    chosen = found.labels != -100
    assert torch.equal(found.labels[chosen], ids[chosen])
    assert torch.equal(found.input_ids[~chosen], ids[~chosen])


def test_special_pieces_and_padding_are_never_chosen(ids):
    maskable = torch.rand(ids.shape) < 0.5
    found = masked(ids, maskable, rate=1.0)
    assert torch.equal(found.labels != -100, maskable)


def test_the_generator_decides(ids):
    assert torch.equal(masked(ids, seed=3).input_ids, masked(ids, seed=3).input_ids)
    assert not torch.equal(masked(ids, seed=3).input_ids, masked(ids, seed=4).input_ids)


def test_something_is_always_predicted():
    for seed in range(20):
        found = masked(torch.tensor([[2, 50, 60, 3]]), torch.tensor([[False, True, True, False]]), seed, rate=0.01)
        assert (found.labels != -100).sum() == 1


def test_whole_words_are_chosen_together(ids):
    words = torch.arange(100).expand(200, 100) // 4
    chosen = masked(ids, word_ids=words).labels != -100
    by_word = chosen.view(200, 25, 4)
    assert torch.equal(by_word.all(-1), by_word.any(-1))
    assert chosen.float().mean().item() == pytest.approx(0.15, abs=0.02)


@pytest.mark.parametrize("rate", [0, -0.1, 1.5])
def test_an_impossible_rate_is_refused(ids, rate):
    with pytest.raises(DataError, match="outside"):
        masked(ids, rate=rate)


def test_nothing_to_mask_is_refused():
    ids = torch.tensor([[2, 3]])
    with pytest.raises(DataError, match="nothing to mask"):
        masked(ids, torch.zeros_like(ids, dtype=torch.bool))


def test_a_pair_is_the_tokenizers_with_positions_reset(tokenizer):
    found = translation_pair(tokenizer, "en1 en2 en3", "fr1 fr2")
    expected = tokenizer("en1 en2 en3", "fr1 fr2")
    assert found["input_ids"][0].tolist() == expected["input_ids"]
    assert found["token_type_ids"][0].tolist() == expected["token_type_ids"]
    assert found["position_ids"][0].tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    with pytest.raises(DataError, match="empty"):
        translation_pair(tokenizer, "en1", " ")
