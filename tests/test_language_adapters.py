"""Language adapters: swapped they change the answers, trained upon they stay as they are, and they survive the disk."""

import pytest
import torch
from peft import LoraConfig, LoraModel

from tests.test_finetuning import dataset
from xlft_helpers.errors import ModelError, TrainingError
from xlft_helpers.finetuning import (
    LanguageAdapter,
    Recipe,
    finetune,
    swap_language,
    train_language_adapter,
)
from xlft_helpers.finetuning.language_adapters import put_in
from xlft_helpers.inference import predict
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.pretraining import PretrainRecipe

FEW = PretrainRecipe(steps=4, batch_tokens=128, learning_rate=1e-2)
ENGLISH = ["The window is open.", "Save the file before you close it.", "Choose a colour for the line."] * 4
FRENCH = ["La fenêtre est ouverte.", "Enregistrez le fichier.", "Choisissez une couleur pour la ligne."] * 4


@pytest.fixture(scope="module")
def adapters():
    return [
        train_language_adapter("mini", texts, language, recipe=FEW, progress=False)
        for texts, language in ((ENGLISH, "en"), (FRENCH, "fr"))
    ]


def test_an_adapter_holds_what_was_learned(adapters):
    for adapter in adapters:
        assert len(adapter.additions) == 8  # queries and values of four layers
        assert all((up @ down).abs().max() > 0 for up, down in adapter.additions.values())


def test_the_task_is_learned_on_top_of_a_frozen_language_adapter(adapters):
    english, french = adapters
    recipe = Recipe(learning_rate=1e-3, epochs=1, tune="head")
    result = finetune("mini", dataset(), recipe=recipe, language_adapter=english, progress=False)
    pretrained, state = load_model("mini", label_names=["a", "b"]).state_dict(), result.model.state_dict()
    for name in (name for name in state if name.startswith("bert.encoder")):
        expected, layer = pretrained[name].double(), name.removesuffix(".weight")
        if layer in english.additions:
            up, down = english.additions[layer]
            expected = expected + up.double() @ down.double()
        torch.testing.assert_close(state[name].double(), expected, atol=1e-6, rtol=1e-6)
    texts = ["What a lovely window", "an awful file"]
    swapped = swap_language(result.model, english, french)
    assert abs(predict(swapped, result.tokenizer, texts) - predict(result.model, result.tokenizer, texts)).max() > 1e-5
    back = swap_language(swapped, french, english).state_dict()
    assert all(torch.allclose(back[name], value, atol=1e-6) for name, value in state.items())


def test_the_stack_is_what_peft_computes_with_two_active_adapters(adapters):
    french, names = adapters[1], list(adapters[1].additions)
    torch.manual_seed(0)
    task = {name: (torch.randn(256, 8) / 50, torch.randn(8, 256) / 50) for name in names}

    def with_adapters(model, weights):
        config = LoraConfig(r=8, lora_alpha=8, target_modules=names)
        first, *others = weights
        tuner = LoraModel(model, config, first)
        for name in others:
            tuner.peft_config[name] = config
            tuner.inject_adapter(tuner.model, name)
        for adapter, additions in weights.items():
            for name, (up, down) in additions.items():
                layer = tuner.model.get_submodule(name)
                layer.lora_B[adapter].weight.data.copy_(up)
                layer.lora_A[adapter].weight.data.copy_(down)
        tuner.set_adapter(list(weights))
        return tuner.model.eval()

    torch.manual_seed(0)
    both = with_adapters(load_model("mini", label_names=["a", "b"]), {"fr": french.additions, "task": task})
    torch.manual_seed(0)
    model = load_model("mini", label_names=["a", "b"])
    put_in(model, french)
    stacked = with_adapters(model, {"task": task})
    batch = load_tokenizer("mini")(["Une belle fenêtre", "an awful file"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        torch.testing.assert_close(stacked(**batch).logits, both(**batch).logits, atol=1e-4, rtol=1e-4)


def test_an_adapter_comes_back_from_the_disk(adapters, tmp_path):
    adapters[0].save(tmp_path / "en.safetensors")
    restored = LanguageAdapter.load(tmp_path / "en.safetensors")
    assert (restored.model, restored.language) == ("mini", "en")
    assert restored.additions.keys() == adapters[0].additions.keys()
    for name, pair in adapters[0].additions.items():
        assert all(torch.equal(one, other) for one, other in zip(restored.additions[name], pair, strict=True))
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "en.safetensors").read_bytes()[:500])
    for name in ("cut.safetensors", "missing.safetensors"):
        with pytest.raises(ModelError, match="is no language adapter"):
            LanguageAdapter.load(tmp_path / name)


def test_what_does_not_fit_is_refused(adapters):
    with pytest.raises(ModelError, match=r"'en' was trained on 'mini' and does not fit this UseMForSequence"):
        finetune("use-m", dataset(), tune="head", language_adapter=adapters[0], progress=False)
    with pytest.raises(TrainingError, match="would change the language adapter"):
        finetune("mini", dataset(), language_adapter=adapters[0])
    with pytest.raises(ModelError, match="not pretrained to fill in blanks"):
        train_language_adapter("use-m", ENGLISH, "en")
