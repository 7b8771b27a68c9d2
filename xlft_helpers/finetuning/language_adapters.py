"""Language adapters under task adapters, after MAD-X (Pfeiffer et al. 2020), with LoRA in the place of bottlenecks.

A language adapter learns a language by masked language modelling on its text, a task adapter learns the task in the source
language on top of the source's language adapter, and at test time the source's language adapter is taken out and the
target's put in. LoRA's additions are matrices, so putting one in is adding it to the weights, and taking it out is
subtracting it (Hu et al. 2021, section 4.1).
"""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, LoraModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from xlft_helpers import settings
from xlft_helpers.errors import ModelError
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.pretraining import PretrainRecipe, pretrain

from .recipes import Recipe
from .tuning import lora_layers


@dataclass(frozen=True)
class LanguageAdapter:
    """What a language adds to the weights of an encoder.

    Attributes:
        model: name of the model that it was trained on.
        language: ISO 639-1 code.
        additions: for each linear layer's name its two matrices (out, r) and (r, in), whose product is added.
    """

    model: str
    language: str
    additions: dict[str, tuple[Tensor, Tensor]]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the language and the additions."""
        digest = hashlib.sha256(self.language.encode())
        for name, pair in sorted(self.additions.items()):
            digest.update(name.encode())
            for matrix in pair:
                digest.update(matrix.detach().cpu().float().numpy().tobytes())
        return digest.hexdigest()

    def save(self, path: Path | str) -> None:
        """Write one safetensors file."""
        tensors = {
            f"{name}.{part}": m for name, pair in self.additions.items() for part, m in zip("BA", pair, strict=True)
        }
        save_file(tensors, str(path), metadata={"model": self.model, "language": self.language})

    @classmethod
    def load(cls, path: Path | str) -> "LanguageAdapter":
        """Read what :meth:`save` wrote.

        Raises:
            ModelError: the file is missing, damaged, or no language adapter.
        """
        try:
            with safe_open(str(path), "pt") as file:
                found, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            names = sorted({name.rpartition(".")[0] for name in tensors})
            additions = {name: (tensors[f"{name}.B"], tensors[f"{name}.A"]) for name in names}
            return cls(found["model"], found["language"], additions)
        except (OSError, SafetensorError, KeyError) as error:
            raise ModelError(
                f"{path} is no language adapter ({error}). Give a file made by LanguageAdapter.save()."
            ) from error


def train_language_adapter(
    model_name: str,
    texts: Sequence[str],
    language: str,
    *,
    recipe: PretrainRecipe | None = None,
    rank: int = 8,
    seed: int = settings.SEED,
    progress: bool = True,
) -> LanguageAdapter:
    """Learn a language by masked language modelling; everything but the adapter stays frozen.

    Args:
        model_name: as for :func:`~xlft_helpers.models.load_model`, with a masked-language-modelling head (not ``"use-m"``).
        texts: of the language.
        language: ISO 639-1 code.
        recipe: default: 200 steps of 2,048 pieces at a learning rate of 3e-3.
        rank: of the additions. Default 8.
        seed: fixes the adapter's first weights, order and masks.
        progress: show a bar.

    Raises:
        ModelError: the model has no such head.
        DataError: there are no texts.
    """
    torch.manual_seed(seed)
    model, tokenizer = load_model(model_name, "masked-lm"), load_tokenizer(model_name)
    targets = lora_layers(model, Recipe(tune="lora"))
    LoraModel(
        model, LoraConfig(r=rank, lora_alpha=rank, target_modules=targets), language
    )  # changes the model in place
    recipe = recipe or PretrainRecipe(steps=200, batch_tokens=2048, learning_rate=3e-3)
    pretrain(model, tokenizer, [{language: text} for text in texts], recipe, seed=seed, progress=progress)
    learned = {name: value.detach().clone() for name, value in model.named_parameters()}
    additions = {
        name: (learned[f"{name}.lora_B.{language}.weight"], learned[f"{name}.lora_A.{language}.weight"])
        for name in targets
    }
    return LanguageAdapter(model_name, language, additions)


def put_in(model: PreTrainedModel, adapter: LanguageAdapter, *, sign: int = 1) -> None:
    """Add a language adapter to the weights of a model in place; ``sign=-1`` takes it out again.

    Raises:
        ModelError: the model does not have the adapter's layers.
    """
    layers = dict(model.named_modules())
    with torch.no_grad():
        for name, (up, down) in adapter.additions.items():
            weight = getattr(layers.get(name), "weight", None)
            if weight is None or weight.shape != (up.shape[0], down.shape[1]):
                raise ModelError(
                    f"The language adapter {adapter.language!r} was trained on {adapter.model!r} and does not fit this "
                    f"{type(model).__name__}: it has no layer {name} of shape {up.shape[0]} x {down.shape[1]}."
                )
            weight.add_((up @ down).to(weight), alpha=sign)


def swap_language(model: PreTrainedModel, source: LanguageAdapter, target: LanguageAdapter) -> PreTrainedModel:
    """A copy of a model that was fine-tuned with the source's language adapter, with the target's in its place.

    Raises:
        ModelError: an adapter does not fit the model.
    """
    swapped = copy.deepcopy(model)
    put_in(swapped, source, sign=-1)
    put_in(swapped, target)
    return swapped
