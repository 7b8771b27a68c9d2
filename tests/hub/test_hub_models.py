"""Models of the Hub, through the real client and the real `from_pretrained`, from a server on this machine."""

import pytest

from xlft_helpers.models import HUB_MODELS, load_model, load_tokenizer

LABELS = ["negative", "neutral", "positive"]


@pytest.mark.parametrize("name", ["mbert", "xlmr", "some/id"])
def test_model_and_tokenizer_load_from_the_hub(server, name):
    tokenizer = load_tokenizer(name)
    assert not server.asked("safetensors")  # a tokenizer alone needs no weights
    model = load_model(name, label_names=LABELS)
    encoded = tokenizer(["good", "schlecht"], padding=True, return_tensors="pt")
    assert model(**encoded).logits.shape == (2, 3)
    assert not server.asked("pytorch_model.bin")
