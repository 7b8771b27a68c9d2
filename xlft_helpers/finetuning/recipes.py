"""The settings of a fine-tuning run, and those that each model family starts from."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

OPTIMIZERS = {"adamw": "adamw_torch_fused", "adafactor": "adafactor"}
"""What ``optimizer`` may say, and the Trainer's name for it."""


@dataclass(frozen=True)
class Recipe:
    """The settings of a fine-tuning run.

    Attributes:
        learning_rate: peak of a schedule that rises linearly over ``warmup`` of the steps and falls linearly to zero.
        epochs: passes over the training data.
        batch_size: examples a step.
        warmup: share of the steps, between 0 and 1.
        weight_decay: the optimizer's, on matrices only.
        optimizer: ``"adamw"`` (Loshchilov & Hutter 2019) keeps two moments of each trained parameter; ``"adafactor"``
            (Shazeer & Stern 2018), with the same learning rates, keeps one number for each row and each column of a
            matrix: a third to a half less memory where most parameters are trained.
        label_smoothing: share of the target spread over all classes.
        max_length: longest input in tokens; the rest is cut off.
        tune: which parameters are trained, one of :data:`~xlft_helpers.finetuning.TUNINGS`. Default: all but the piece
            embeddings, which hold most of the parameters and of which little training text touches many.
        lora_rank: r of ``tune="lora"``. Default 8, with ``lora_alpha`` 8: what Hu et al. 2021 (appendix D, table 9) take
            for RoBERTa.
        lora_alpha: the product of LoRA's two matrices is scaled by ``lora_alpha / lora_rank``.
        lora_targets: a regular expression that is searched for in the names of the linear layers; those it fits get a
            LoRA. Default: the family's, which are queries and values in a Transformer, and all linear layers in USE-M.
        lexical_expert: train USE-M's lexical expert beside its head, see
            :class:`~xlft_helpers.models.use_m.UseMForSequenceClassification`; other models have none.
        trainable: how the names of the parameters to train begin, e.g. ``("encoder.dnn", "classifier")``, where none of
            ``tune``'s choices fits. It narrows ``tune="full"`` and ``"frozen-embeddings"`` further. Default: no limit.
        ensemble: :func:`~xlft_helpers.comparison.compare` puts a probe and n-grams beside the fine-tuned model, see
            :func:`~xlft_helpers.ensembling.fit_ensemble`; these settings are then the fine-tuning's.
    """

    learning_rate: float = 4e-4
    epochs: int = 3
    batch_size: int = 32
    warmup: float = 0.1
    weight_decay: float = 0.01
    optimizer: Literal["adamw", "adafactor"] = "adamw"
    label_smoothing: float = 0.0
    max_length: int = 128
    tune: str = "frozen-embeddings"
    lora_rank: int = 8
    lora_alpha: int = 8
    lora_targets: str | None = None
    lexical_expert: bool = False
    trainable: tuple[str, ...] | None = None
    ensemble: bool = False


TRANSFORMER_RECIPE = Recipe(learning_rate=3e-5, tune="full")
"""For mBERT, XLM-R and their like: the range that Devlin et al. 2019 (appendix A.3) recommend."""

MINI_RECIPE = Recipe(learning_rate=3e-4)
"""For ``mini``: a small model takes larger steps than a large one. On dev sets (see its model card), a third of this rate is
worse, and higher ones or more epochs cannot be told from it."""

SMALL = 256
"""States of up to this width make a model that learns like ``mini``."""

FEW_PARAMETERS = {
    "use-m": {"head": 1.6e-2, "lora": 4e-3, "ia3": 1.6e-2},
    "mini": {"head": 4e-3, "lora": 3e-3, "ia3": 3e-3},
    "transformer": {"head": 1e-3, "lora": 5e-4, "ia3": 3e-3},
}
"""Learning rates where few parameters are trained, and each must move farther."""


def default_recipe(model_name: str, tune: str | None = None) -> Recipe:
    """The recipe for a model name: USE-M's (chosen on dev sets, see ``benchmarks/recipes.md``), ``mini``'s or the Transformer's.

    A folder's model gets that of its architecture: ``mini``'s if it is as small.

    Args:
        model_name: as for :func:`xlft_helpers.models.load_model`.
        tune: which parameters to train, with a learning rate that suits them. Default: the recipe's own choice.
    """
    family = model_family(model_name)
    recipe = {"use-m": Recipe(), "mini": MINI_RECIPE, "transformer": TRANSFORMER_RECIPE}[family]
    if tune is None:
        return recipe
    return replace(recipe, tune=tune, learning_rate=FEW_PARAMETERS[family].get(tune, recipe.learning_rate))


def model_family(model_name: str) -> str:
    """``"use-m"``, ``"mini"`` or ``"transformer"``, as far as one can tell offline: by name, or by a folder's configuration."""
    if model_name == "use-m" or model_name == "mini":
        return model_name
    try:
        config = json.loads((Path(model_name) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no folder, or one that cannot be loaded: the loader says so
        return "transformer"
    if config.get("model_type") == "use-m":
        return "use-m"
    return "mini" if config.get("hidden_size", SMALL + 1) <= SMALL else "transformer"


def best_recipe(model_name: str) -> Recipe:
    """The recipe ``best``: the ensemble that the dev sets of UMSAB favoured, see ``benchmarks/recipes.md``.

    Args:
        model_name: as for :func:`xlft_helpers.models.load_model`.
    """
    return replace(default_recipe(model_name), ensemble=True)
