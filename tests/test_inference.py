"""Sentence embeddings come from the encoder itself and from a classifier's encoder alike."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import BertConfig, BertModel

from xlft_helpers import inference
from xlft_helpers.errors import ModelError
from xlft_helpers.models import load_model, load_tokenizer

TEXTS = ["The train is late.", "", "Der Zug kommt zu spät, und niemand sagt etwas.", "火车晚点了"]


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("use-m")


def test_encoder_and_classifier_give_the_same_embeddings_in_the_order_of_the_input(tokenizer):
    encoder = load_model("use-m", "embedding")
    classifier = load_model("use-m", label_names=["no", "yes"])
    of_encoder = inference.embed(encoder, tokenizer, TEXTS)
    assert of_encoder.shape == (4, 512)
    torch.testing.assert_close(of_encoder, inference.embed(classifier, tokenizer, TEXTS))
    one_by_one = torch.cat([inference.embed(encoder, tokenizer, [text]) for text in TEXTS])
    np.testing.assert_allclose(of_encoder, one_by_one, atol=0.02)  # batches may round differently in bfloat16


def test_windows_keep_each_texts_shift_and_pieces(tokenizer, monkeypatch):
    classifier, texts = load_model("use-m", label_names=["no", "yes"]), TEXTS * 3
    shift = torch.randn(len(texts), 512, generator=torch.Generator().manual_seed(0)) / 20
    tagger = load_model("use-m", "token-classification", ["O", "B-x"])
    whole = inference.predict(classifier, tokenizer, texts, shift=shift)
    assert np.abs(whole[:4] - whole[4:8]).max() > 0.05  # the shift matters
    lengths = [len(pieces) for pieces in inference.predict_pieces(tagger, tokenizer, texts)]
    monkeypatch.setattr(inference, "WINDOW", 5)
    np.testing.assert_allclose(inference.predict(classifier, tokenizer, texts, shift=shift), whole, atol=0.02)
    assert [len(pieces) for pieces in inference.predict_pieces(tagger, tokenizer, texts)] == lengths


@pytest.mark.parametrize("as_rows", [True, False])
def test_windows_change_neither_answers_nor_order(tokenizer, monkeypatch, as_rows):
    encoder = load_model("use-m", "embedding")
    texts = TEXTS * 3
    rows = Dataset.from_dict({"text": texts, "language": ["en"] * len(texts)}) if as_rows else texts
    whole = inference.embed(encoder, tokenizer, rows)
    monkeypatch.setattr(inference, "WINDOW", 5)
    np.testing.assert_allclose(inference.embed(encoder, tokenizer, rows), whole, atol=0.02)


def test_a_shift_needs_a_model_that_classifies_sentence_embeddings(tokenizer):
    bert = BertModel(BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1))
    with pytest.raises(ModelError, match="BertModel has no sentence embeddings"):
        inference.predict(bert, tokenizer, TEXTS, shift=torch.zeros(8))
