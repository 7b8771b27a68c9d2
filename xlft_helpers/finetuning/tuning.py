"""Which parameters a fine-tuning trains: all, the upper layers, the head, or small matrices added by `peft`.

The head is everything that the encoder does not have, and BERT's pooler: it was pretrained for another task, or, as in
``mini``, not at all. Every choice trains the head fully.
"""

import re
from dataclasses import dataclass

from peft import IA3Config, IA3Model, LoraConfig, LoraModel
from peft.tuners.tuners_utils import BaseTuner
from torch import nn
from transformers import PreTrainedModel

from xlft_helpers.errors import TrainingError

from .recipes import OPTIMIZERS, Recipe

TUNINGS = {
    "full": "everything, the piece embeddings too",
    "frozen-embeddings": "everything but the piece embeddings",
    "top-N": "the head and the N upper layers",
    "freeze-N": "everything but the embeddings and the N lower layers (Wu & Dredze 2019, section 4.2)",
    "head": "the head alone",
    "lora": "the head and low-rank additions to linear layers (Hu et al. 2021)",
    "ia3": "the head and one factor for each output of some linear layers (Liu et al. 2022)",
}
"""What ``tune`` may say, and what it trains. `peft` has no bottleneck adapters (Houlsby et al. 2019)."""


@dataclass(frozen=True)
class _Targets:
    """Regular expressions for the names of a family's linear layers.

    Attributes:
        lora: get a low-rank addition.
        ia3: get factors for their outputs.
        ia3_inputs: get factors for their inputs.
    """

    lora: str
    ia3: str
    ia3_inputs: str


_BERT = _Targets(r"\.(query|value)$", r"\.(key|value)$", r"\.layer\.\d+\.output\.dense$")
_XLM = _Targets(r"\.(q_lin|v_lin)$", r"\.(k_lin|v_lin)$", r"\.lin2$")
_TARGETS = {
    "bert": _BERT,
    "distilbert": _XLM,
    "electra": _BERT,
    "roberta": _BERT,
    "xlm": _XLM,
    "xlm-roberta": _BERT,
    "use-m": _Targets(".", ".", "^$"),
}
"""By the configuration's ``model_type``: where LoRA's paper (section 4.2) and IA3's (section 3.3) put them. USE-M has no
attention; all its linear layers get them."""

_USE_M_LAYERS = (r"branch_projection\.|branch_norm\.|branches\.", r"norm\.|token_projection\.", r"dnn_")
"""The stages of USE-M from the bottom: n-gram branches, the sum over tokens, the residual network."""


def check_tune(recipe: Recipe) -> None:
    """Refuse a recipe whose ``tune`` or ``optimizer`` is unknown, or whose ``tune`` contradicts other settings.

    Raises:
        TrainingError: with the choices.
    """
    if not re.fullmatch(r"full|frozen-embeddings|(top|freeze)-\d+|head|lora|ia3", recipe.tune):
        choices = "; ".join(f"{name!r}: {meaning}" for name, meaning in TUNINGS.items())
        raise TrainingError(f"tune={recipe.tune!r} is unknown; choose one of {choices}.")
    if recipe.optimizer not in OPTIMIZERS:
        raise TrainingError(f"optimizer={recipe.optimizer!r} is unknown; choose one of {', '.join(OPTIMIZERS)}.")
    if recipe.trainable is not None and recipe.tune not in ("full", "frozen-embeddings"):
        raise TrainingError(
            f"The recipe has both trainable={recipe.trainable!r} and tune={recipe.tune!r}: choose one of them."
        )
    if recipe.lora_targets is not None and recipe.tune != "lora":
        raise TrainingError(f"lora_targets={recipe.lora_targets!r} needs tune='lora', and tune is {recipe.tune!r}.")


def apply_tuning(model: PreTrainedModel, recipe: Recipe) -> BaseTuner | None:
    """Freeze, in place, what the recipe does not train, and add what it adds.

    Returns:
        For ``"lora"`` and ``"ia3"`` the `peft` tuner around the model, whose ``merge_and_unload()`` ends the training with
        an ordinary model; else ``None``.

    Raises:
        TrainingError: fewer layers than the recipe names, no layer for LoRA, or ``trainable`` fits no parameter.
    """
    tune = recipe.tune
    if tune in ("lora", "ia3"):
        head = _head_parameters(model)
        tuner = _lora(model, recipe) if tune == "lora" else _ia3(model)
        for parameter in head:  # the tuner froze them
            parameter.requires_grad_()
        return tuner
    if tune == "head":
        _train_layers_from(model, _layers(model)[1])
    elif tune not in ("full", "frozen-embeddings"):  # `load_model` has seen to these two
        kind, _, number = tune.partition("-")
        layers = _layers(model)[1]
        if int(number) > layers:
            raise TrainingError(
                f"tune={tune!r}: {type(model).__name__} has {layers} layers. Choose {kind}-0 to {kind}-{layers}."
            )
        _train_layers_from(model, int(number) if kind == "freeze" else layers - int(number))
    if recipe.trainable is not None:
        _freeze_all_but(model, recipe.trainable)
    return None


def trained_parameters(model: nn.Module) -> int:
    """How many numbers training changes."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _is_head(name: str, model: PreTrainedModel) -> bool:
    prefix = model.base_model_prefix + "."
    return not name.startswith(prefix) or name.startswith(prefix + "pooler.")


def _head_parameters(model: PreTrainedModel) -> list[nn.Parameter]:
    return [parameter for name, parameter in model.named_parameters() if _is_head(name, model)]


def _layers(model: PreTrainedModel) -> tuple[dict[str, int], int]:
    """Each encoder parameter's layer, counted from 0 (-1: embeddings), and the number of layers."""
    prefix = model.base_model_prefix + "."
    layer_of = {}
    for name, _ in model.named_parameters():
        if _is_head(name, model):
            continue
        inside = name.removeprefix(prefix)
        if model.config.model_type == "use-m":
            found = [i for i, pattern in enumerate(_USE_M_LAYERS) if re.match(pattern, inside)]
            layer_of[name] = found[0] if found else -1
        else:
            # The first number in a name counts the layers: encoder.layer.3.output, attentions.3.q_lin
            number = re.search(r"\.(\d+)\.", inside)
            layer_of[name] = int(number[1]) if number else -1
    return layer_of, max(layer_of.values()) + 1


def _train_layers_from(model: PreTrainedModel, first: int) -> None:
    layer_of, _ = _layers(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(layer_of.get(name, first) >= first)


def lora_layers(model: PreTrainedModel, recipe: Recipe) -> list[str]:
    """The names of the linear layers that get a low-rank addition.

    Raises:
        TrainingError: there are none.
    """
    pattern = recipe.lora_targets or _family(model, recipe.tune).lora
    targets = _linear_layers(model, pattern)
    if not targets:
        raise TrainingError(
            f"lora_targets={pattern!r} fits no linear layer of {type(model).__name__}. It has, with N for numbers: "
            f"{_kinds_of_layers(model)}."
        )
    return targets


def _lora(model: PreTrainedModel, recipe: Recipe) -> BaseTuner:
    config = LoraConfig(r=recipe.lora_rank, lora_alpha=recipe.lora_alpha, target_modules=lora_layers(model, recipe))
    return LoraModel(model, config, "task")


def _kinds_of_layers(model: PreTrainedModel) -> str:
    return ", ".join(dict.fromkeys(re.sub(r"\.\d+(?=\.|$)", ".N", name) for name in _linear_layers(model, ".")))


def _ia3(model: PreTrainedModel) -> BaseTuner:
    family = _family(model, "ia3")
    outputs, inputs = _linear_layers(model, family.ia3), _linear_layers(model, family.ia3_inputs)
    return IA3Model(model, IA3Config(target_modules=outputs + inputs, feedforward_modules=inputs), "task")


def _family(model: PreTrainedModel, tune: str) -> _Targets:
    found = _TARGETS.get(model.config.model_type)
    if found is None:
        raise TrainingError(
            f"tune={tune!r} knows the layers of {', '.join(_TARGETS)}, not of {model.config.model_type!r}. Use "
            f"tune='lora' and say lora_targets, a pattern for the names of: {_kinds_of_layers(model)}."
        )
    return found


def _linear_layers(model: PreTrainedModel, pattern: str) -> list[str]:
    """The encoder's linear layers in whose names the pattern is found."""
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not _is_head(name + ".", model) and re.search(pattern, name)
    ]


def _freeze_all_but(model: PreTrainedModel, beginnings: tuple[str, ...]) -> None:
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    unknown = [beginning for beginning in beginnings if not any(name.startswith(beginning) for name in names)]
    if unknown or not beginnings:
        raise TrainingError(
            f"Recipe(trainable={beginnings!r}): no trainable parameter's name begins with {unknown or 'nothing'}. "
            f"The names begin with: {', '.join(dict.fromkeys('.'.join(name.split('.')[:2]) for name in names))}."
        )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and name.startswith(beginnings))
