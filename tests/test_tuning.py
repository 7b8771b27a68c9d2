"""Every way of tuning trains what it says, leaves the rest alone, and ends with an ordinary model."""

import copy
import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from torch.nn import functional as F
from transformers import AutoModelForSequenceClassification, BertConfig, XLMConfig, XLMRobertaConfig

from tests.test_finetuning import dataset
from xlft_helpers.errors import TrainingError
from xlft_helpers.finetuning import TUNINGS, Recipe, default_recipe, finetune, frozen
from xlft_helpers.finetuning.frozen import hold
from xlft_helpers.finetuning.tuning import apply_tuning, check_tune, trained_parameters
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.trimming import trim_vocabulary

NAMES = ["negative", "positive"]
H, V, L, P = 16, 50, 4, 20  # width, pieces, layers, positions


def bert() -> torch.nn.Module:
    config = BertConfig(
        vocab_size=V, hidden_size=H, num_hidden_layers=L, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=P,
    )  # fmt: skip
    model = AutoModelForSequenceClassification.from_config(config)
    model.get_input_embeddings().requires_grad_(False)
    return model


LAYER = 4 * (H * H + H) + 2 * 2 * H + (H * 32 + 32) + (32 * H + H)
HEAD = (H * H + H) + (H * 2 + 2)  # the pooler and the classifier
LOOKUPS = (P + 2) * H + 2 * H  # positions, token types, layer norm


@pytest.mark.parametrize(
    ("tune", "count"),
    [
        ("frozen-embeddings", LOOKUPS + L * LAYER + HEAD),
        ("freeze-0", L * LAYER + HEAD),
        ("freeze-3", LAYER + HEAD),
        ("top-1", LAYER + HEAD),
        ("top-4", L * LAYER + HEAD),
        ("top-0", HEAD),
        ("head", HEAD),
        ("lora", L * 2 * 8 * (H + H) + HEAD),
        ("ia3", L * (H + H + 32) + HEAD),
    ],
)
def test_the_trained_parameters_are_those_counted_by_hand(tune, count):
    model = bert()
    apply_tuning(model, Recipe(tune=tune))
    assert trained_parameters(model) == count


def test_use_m_has_three_layers_and_lora_in_every_linear_one():
    def tuned(tune):
        model = load_model("use-m", label_names=NAMES)
        apply_tuning(model, Recipe(tune=tune))
        return {name for name, parameter in model.named_parameters() if parameter.requires_grad}

    everything = {name for name, _ in load_model("use-m", label_names=NAMES).named_parameters()}
    dnn = {name for name in everything if name.startswith("encoder.dnn")}
    assert tuned("top-1") == tuned("freeze-2") == dnn | {"classifier.weight", "classifier.bias"}
    assert tuned("freeze-0") == tuned("frozen-embeddings") == everything
    linear = {n[: -len(".weight")] for n in everything if n.endswith(".weight") and n.startswith("encoder.")}
    linear -= {"encoder.branch_norm", "encoder.norm"}
    assert {n.partition(".lora_")[0] for n in tuned("lora") if ".lora_" in n} == linear


@pytest.mark.parametrize("config", [XLMConfig, XLMRobertaConfig])
def test_other_families_have_layers_and_targets(config):
    sizes = {"emb_dim": H, "n_heads": 2, "n_layers": 3, "n_words": V} if config is XLMConfig else {
        "vocab_size": V, "hidden_size": H, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32
    }  # fmt: skip
    for tune in ("head", "lora", "ia3"):
        model = AutoModelForSequenceClassification.from_config(config(**sizes))
        apply_tuning(model, Recipe(tune=tune))
        trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        inside = {name for name in trained if name.startswith(model.base_model_prefix)}
        assert trained > inside
        assert len({name.split("task")[0] for name in inside}) == {"head": 0, "lora": 12, "ia3": 9}[tune]
    model = AutoModelForSequenceClassification.from_config(config(**sizes))
    with pytest.raises(TrainingError, match=r"tune='freeze-99'.* has 3 layers\. Choose freeze-0 to freeze-3"):
        apply_tuning(model, Recipe(tune="freeze-99"))


@pytest.mark.parametrize("tune", ["adapter", "top", "freeze-x", "top--1", "LoRA", ""])
def test_an_unknown_word_lists_the_choices(tune):
    with pytest.raises(TrainingError, match="unknown; choose one of ") as caught:
        finetune("mini", dataset(), tune=tune)
    assert all(repr(name) in str(caught.value) for name in TUNINGS)


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(TrainingError, match="choose one of them"):
        check_tune(Recipe(tune="lora", trainable=("classifier",)))
    with pytest.raises(TrainingError, match="needs tune='lora'"):
        check_tune(Recipe(lora_targets="query"))


def test_a_lora_target_that_fits_nothing_lists_the_layers():
    with pytest.raises(TrainingError, match=r"'q_lin' fits no linear layer.*layer\.N\.attention\.self\.query"):
        apply_tuning(bert(), Recipe(tune="lora", lora_targets="q_lin"))


def test_lora_goes_where_its_pattern_says():
    model = bert()
    apply_tuning(model, Recipe(tune="lora", lora_targets=r"layer\.[23]\..*(query|key)", lora_rank=4))
    assert trained_parameters(model) == 2 * 2 * 4 * (H + H) + HEAD


@pytest.mark.parametrize("name", ["mini", "use-m"])
@pytest.mark.parametrize("tune", ["lora", "ia3"])
def test_merging_changes_no_answer_and_leaves_an_ordinary_model(name, tune):
    torch.manual_seed(0)
    model = load_model(name, label_names=NAMES)
    kind, keys = type(model), set(model.state_dict())
    tuner = apply_tuning(model, Recipe(tune=tune))
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.05) if tune == "lora" else parameter.data.mul_(1.1)
    batch = load_tokenizer(name)(["a short one", "and another one"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        before = model.eval()(**batch).logits.clone()
        merged = tuner.merge_and_unload()
        torch.testing.assert_close(merged(**batch).logits, before, atol=1e-4, rtol=1e-4)
    assert type(merged) is kind
    assert set(merged.state_dict()) == keys


def test_lora_starts_from_the_pretrained_model_and_is_the_formula_of_the_paper():
    model = bert().eval()
    layer = model.bert.encoder.layer[0].attention.self.query
    weight = layer.weight.detach().clone()
    tuner = apply_tuning(model, Recipe(tune="lora", lora_rank=2, lora_alpha=6))
    adapted = model.bert.encoder.layer[0].attention.self.query
    x = torch.randn(3, H)
    torch.testing.assert_close(adapted(x), F.linear(x, weight, layer.bias))
    up, down = adapted.lora_B["task"].weight, adapted.lora_A["task"].weight
    torch.nn.init.normal_(up)
    expected = weight.double() + 6 / 2 * up.detach().double() @ down.detach().double()
    merged = tuner.merge_and_unload().bert.encoder.layer[0].attention.self.query.weight
    torch.testing.assert_close(merged.double(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tune", ["lora", "top-1"])
def test_frozen_parameters_are_bit_equal_and_checkpoints_do_not_hold_them(tune, tmp_path):
    pretrained = load_model("use-m", label_names=NAMES).state_dict()
    recipe = Recipe(tune=tune, epochs=2, lora_targets="dnn" if tune == "lora" else None)
    result = finetune("use-m", dataset(), dataset(), recipe=recipe, output_dir=tmp_path / "run", progress=False)
    changed = {n for n, value in result.model.state_dict().items() if not torch.equal(value, pretrained[n])}
    dnn = {name for name in pretrained if name.startswith("encoder.dnn")}
    assert changed == dnn | {"classifier.weight", "classifier.bias"}
    (checkpoint,) = (tmp_path / "run").glob("checkpoint-*/model.safetensors")
    with safe_open(checkpoint, "pt") as file:
        names = set(file.keys())
    assert len(names) == {"lora": 2 * len(dnn), "top-1": len(dnn)}[tune] + 2
    assert not any("embeddings" in name or "branch" in name for name in names)
    again = finetune("use-m", dataset(), dataset(), recipe=recipe, output_dir=tmp_path / "run", progress=False)
    for name, value in result.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name
    result.model.save_pretrained(tmp_path / "model")
    restored = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").state_dict()
    assert all(torch.equal(restored[name], value) for name, value in result.model.state_dict().items())


@pytest.fixture(scope="module")
def trimmed_mini(tmp_path_factory):
    """mini with the pieces of the data set only: most of its weights are matrices."""
    folder, tokenizer = tmp_path_factory.mktemp("trimmed"), load_tokenizer("mini")
    trimmed = trim_vocabulary(load_model("mini", label_names=NAMES), tokenizer, list(dataset()["text"]))
    trimmed.model.save_pretrained(folder)
    trimmed.tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mini", {"tune": "lora"}),
        ("mini", {"tune": "ia3"}),
        ("mini", {"tune": "head"}),
        # The pooler is frozen, and no checkpoint has weights for it: it must stay what the head was trained on.
        ("mini", {"tune": "full", "trainable": ("classifier",)}),
        ("use-m", {"tune": "lora"}),
        ("use-m", {"tune": "head"}),
    ],
)
def test_frozen_layers_held_in_bfloat16_change_not_a_bit(name, changes, trimmed_mini, monkeypatch):
    monkeypatch.setattr("xlft_helpers.settings.precision", lambda: SimpleNamespace(bf16=True))
    name = trimmed_mini if name == "mini" else name
    recipe = replace(default_recipe(name), epochs=2, batch_size=16, learning_rate=1e-3, **changes)
    held = []

    def remembering(model, layers):
        hold(model, layers)
        held.extend(layers)
        assert {layer.weight.dtype for layer in layers} == {torch.bfloat16}

    monkeypatch.setattr(frozen, "hold", remembering)
    rows = dataset()
    found = finetune(name, rows, rows, recipe=recipe, progress=False)
    assert held
    assert found.model.config.dtype != torch.bfloat16
    monkeypatch.setattr(frozen, "layers_to_hold", lambda *_: [])
    expected = finetune(name, rows, rows, recipe=recipe, progress=False)
    assert found.history.equals(expected.history)
    wanted = expected.model.state_dict()
    for key, value in found.model.state_dict().items():
        assert value.dtype == wanted[key].dtype
        torch.testing.assert_close(value, wanted[key], rtol=0, atol=0)


def test_held_layers_come_back_where_the_model_is(tmp_path):
    model = bert().requires_grad_(False)
    with frozen.frozen_in_bfloat16(model, tmp_path / "held"):
        model.to("meta")  # as a Trainer moves it to the GPU
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert list((tmp_path / "held").iterdir()) == []


def test_nothing_is_held_where_most_weights_are_pieces():
    model = load_model("mini", label_names=NAMES)
    apply_tuning(model, Recipe(tune="head"))
    assert frozen.layers_to_hold(model) == []


def test_tune_is_the_recipe_of_that_name_and_goes_through_json():
    recipe = default_recipe("use-m", "lora")
    assert Recipe(**json.loads(json.dumps(asdict(recipe)))) == recipe
    assert recipe.learning_rate > default_recipe("use-m").learning_rate
    one = replace(recipe, epochs=1)
    named = finetune("use-m", dataset(), recipe=replace(one, tune="frozen-embeddings"), tune="lora", progress=False)
    given = finetune("use-m", dataset(), recipe=one, progress=False)
    state = copy.deepcopy(given.model.state_dict())
    assert all(torch.equal(state[name], value) for name, value in named.model.state_dict().items())
    assert named.trained_parameters == given.trained_parameters < 200_000
