"""The door `load_model`: what it refuses, and what it says."""

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from xlft_helpers import settings
from xlft_helpers.errors import ModelError
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.memory import check_memory, weight_bytes

LABELS = ["negative", "neutral", "positive"]


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"no model 'use-n'.*'use-m'.*'xlmr'"):
        load_model("use-n", label_names=LABELS)


def test_hub_model_offline_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv("XLFT_PROFILE", raising=False)
    with pytest.raises(ModelError, match=r"model\.safetensors missing.*XLFT_PROFILE=full.*copy its folder models--"):
        load_model("xlmr", label_names=LABELS)
    with pytest.raises(ModelError, match=r"tokenizer\.json .*missing.*XLFT_PROFILE=full"):
        load_tokenizer("mbert")


def test_full_profile_without_a_network_is_a_clear_error(monkeypatch):
    monkeypatch.setenv("XLFT_PROFILE", "full")
    with pytest.raises(ModelError, match=r"owner/none .*HF_HUB_OFFLINE keeps"):
        load_model("owner/none", label_names=LABELS)


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_model(str(tmp_path), label_names=LABELS)


def test_unknown_task_and_missing_labels_are_refused():
    with pytest.raises(ModelError, match="token-classification"):
        load_model("use-m", "sentiment", label_names=LABELS)
    with pytest.raises(ModelError, match="label_names"):
        load_model("use-m")
    with pytest.raises(ModelError, match="two or more"):
        load_model("use-m", label_names=["only"])


def test_checkpoint_with_another_number_of_labels_is_refused(tmp_path):
    load_model("use-m", label_names=LABELS).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"fine-tuned for 3 labels .*2 are asked"):
        load_model(str(tmp_path), label_names=["no", "yes"])


def test_truncated_checkpoint_is_refused(tmp_path):
    load_model("use-m", label_names=LABELS).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match=str(tmp_path)):
        load_model(str(tmp_path), label_names=LABELS)


@pytest.fixture
def small_bert(tmp_path):
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=3
    )
    model = BertForSequenceClassification(config)
    model.save_pretrained(tmp_path)
    return tmp_path, model


def test_folder_of_another_architecture_loads_with_frozen_embeddings(small_bert):
    folder, saved = small_bert
    model = load_model(str(folder), label_names=LABELS)
    torch.testing.assert_close(model.classifier.weight, saved.classifier.weight)
    assert not model.get_input_embeddings().weight.requires_grad
    assert model.config.id2label == dict(enumerate(LABELS))


def test_weight_bytes_are_counted_without_loading(small_bert):
    _, model = small_bert
    expected = sum(t.numel() * t.element_size() for t in [*model.parameters(), *model.buffers()])
    assert weight_bytes(BertForSequenceClassification, model.config) == expected


def test_model_larger_than_the_memory_is_refused_before_loading():
    huge = BertConfig(vocab_size=10_000_000_000, hidden_size=64, num_attention_heads=2, num_hidden_layers=1)
    with pytest.raises(ModelError, match=r"need 2\d{3}\.\d GB of memory"):
        check_memory(BertForSequenceClassification, huge, "huge")


@pytest.mark.parametrize(("bf16", "attention"), [(True, "eager"), (False, "sdpa")])
def test_attention_runs_in_its_parts_where_the_cpu_computes_in_bfloat16(monkeypatch, bf16, attention):
    monkeypatch.setattr(settings, "precision", lambda: settings.Precision(bf16, "said by the test"))
    monkeypatch.setattr(settings, "device", lambda: torch.device("cpu"))
    model = load_model("mini", "embedding")
    assert model.config._attn_implementation == attention
