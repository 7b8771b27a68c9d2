"""Fresh small models: the spread of their weights, and in which precision they are computed."""

import pytest
import torch

from xlft_helpers import settings
from xlft_helpers.pretraining import small_model
from xlft_helpers.pretraining.models import uses_bf16


@pytest.mark.parametrize("kind", ["masked", "causal"])
@pytest.mark.parametrize("spread", [0.02, 0.1])
def test_first_weights_have_the_spread_that_was_asked_for(tokenizer, kind, spread):
    torch.manual_seed(0)
    model = small_model(tokenizer, kind, spread=spread)
    table = model.get_input_embeddings().weight[1:]  # row 0, the padding, is zero in BERT
    assert table.std().item() == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize(("hidden", "units", "expected"), [(64, True, False), (256, True, True), (256, False, False)])
def test_narrow_models_stay_in_float32(tokenizer, monkeypatch, hidden, units, expected):
    monkeypatch.setattr(settings, "precision", lambda: settings.Precision(units, "as the test wants it"))
    assert uses_bf16(small_model(tokenizer, "causal", layers=1, hidden=hidden)) is expected
