"""How much memory a fine-tuning will take, said before a weight is read, and how to make it fit.

The step is played through with `torch`'s fake tensors, which have shapes and no content. So the answer holds for every
architecture, and costs a second.
"""

import re
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import psutil
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import PretrainedConfig, PreTrainedModel

from xlft_helpers import settings
from xlft_helpers.errors import TrainingError
from xlft_helpers.models import TASKS, load_config

from .frozen import hold, layers_to_hold
from .recipes import Recipe
from .tuning import apply_tuning, check_tune

MACHINERY = 120 * 2**20
"""Bytes that the first training of a process adds whatever the model is: code that is loaded late, compiled kernels. Measured
on Linux; see ``benchmarks/memory.py``."""

MARGIN = 1.1
"""A limit must leave this much room: measured peaks were up to 6 % above the estimate, since the C library keeps some of
the memory that is freed."""

_UNITS = {"MB": 2**20, "GB": 2**30}


@dataclass(frozen=True)
class MemoryEstimate:
    """The bytes that a fine-tuning takes at its peak.

    Attributes:
        weights: parameters and tables.
        gradients: one float32 number for each trained parameter.
        optimizer: AdamW's two moments of each trained parameter, or Adafactor's rows and columns and its passing results.
        activations: what the forward pass keeps for the backward pass, and passing results, at their worst moment.
        base: what the process holds anyway: Python, torch, transformers, the data, and what training adds to them.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    base: int

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.base


@dataclass(frozen=True)
class BatchPlan:
    """How a batch goes through the model.

    Attributes:
        part: examples at a time.
        parts: parts of a batch, whose gradients are added up before the step.
        checkpointing: recompute activations in the backward pass instead of keeping them (Chen et al. 2016).
    """

    part: int
    parts: int = 1
    checkpointing: bool = False


def estimate_memory(
    model: str | PretrainedConfig,
    *,
    batch_size: int = 32,
    length: int = 128,
    tune: str | None = None,
    optimizer: Literal["adamw", "adafactor"] = "adamw",
    precision: Literal["float32", "bfloat16"] | None = None,
    checkpointing: bool = False,
) -> MemoryEstimate:
    """Estimate the memory of fine-tuning a text classifier, without loading it.

    Args:
        model: a name for :func:`~xlft_helpers.models.load_model`, or a configuration.
        batch_size: texts that go through the model at a time. Default 32.
        length: pieces of the longest text. Default 128.
        tune: what is trained, one of :data:`~xlft_helpers.finetuning.TUNINGS`. Default: everything but the piece embeddings.
        optimizer: the recipe's.
        precision: of the products, and of frozen matrices where :func:`finetune` holds them in it; everything else is
            float32. Default: what :func:`settings.precision` chooses on this machine.
        checkpointing: recompute activations instead of keeping them.

    Raises:
        ModelError: the model is unknown.
        TrainingError: ``tune`` is unknown or does not fit the model, or the model cannot recompute activations.
    """
    recipe = replace(Recipe() if tune is None else Recipe(tune=tune), optimizer=optimizer)
    check_tune(recipe)
    config = (
        load_config(model, label_names=["negative", "neutral", "positive"], trainable_embeddings=recipe.tune == "full")
        if isinstance(model, str)
        else model
    )
    bf16 = settings.precision().bf16 if precision is None else precision == "bfloat16"
    task = "sequence-classification"
    return _estimate(config, task, recipe, BatchPlan(batch_size, checkpointing=checkpointing), length, bf16)


def fit_memory(limit: str, config: PretrainedConfig, task: str, recipe: Recipe, length: int) -> BatchPlan:
    """The fastest way of putting a recipe's batches through a model that stays within a limit.

    The whole batch at once, if it fits; else with activations recomputed, where the model can; else in parts as well.
    Every choice has the same result but for rounding (and for other draws of dropout).

    Args:
        limit: such as ``"2GB"`` or ``"1500MB"``, with 1 GB = 2^30 bytes, for the whole process.
        config: of the model.
        task: as for :func:`~xlft_helpers.models.load_model`.
        recipe: the run's.
        length: pieces of the longest text.

    Raises:
        TrainingError: the limit is no amount of memory, or cannot be met.
    """
    allowed = parse_bytes(limit)
    bf16, smallest = settings.precision().bf16, None
    for plan in _plans(recipe.batch_size, _can_recompute(config, task)):
        total = int(MARGIN * _estimate(config, task, recipe, plan, length, bf16).total)
        if total <= allowed:
            return plan
        smallest = total if smallest is None else min(smallest, total)
    raise TrainingError(
        f"memory_limit={limit!r} cannot be met: even one text of {length} pieces at a time would take some "
        f"{(smallest or 0) / 2**20:,.0f} MB. Choose a smaller model, trim the vocabulary, train fewer parameters with "
        f"tune='lora' (now {recipe.tune!r}), keep less for each (optimizer='adafactor'; now {recipe.optimizer!r}), or cut texts "
        f"earlier (max_length={recipe.max_length})."
    )


def recompute_activations(model: PreTrainedModel, *, preserve_rng_state: bool = True) -> None:
    """Let the model keep the inputs of its layers only, and recompute the rest in the backward pass."""
    model.config.use_cache = False  # of a decoder's past states; encoders have none, and warn all the same
    with warnings.catch_warnings():
        # The method's new name, activation_checkpointing_enable, is not in all of transformers 5.
        warnings.simplefilter("ignore", FutureWarning)
        model.gradient_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": preserve_rng_state})


def parse_bytes(amount: str) -> int:
    """The bytes that ``"2GB"`` or ``"1500MB"`` say (1 GB = 2^30 bytes, 1 MB = 2^20).

    Raises:
        TrainingError: the string is no such amount.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|GB)", amount)
    if match is None or float(match[1]) == 0:
        raise TrainingError(f"memory_limit={amount!r} is no amount of memory; say for example '2GB' or '1500MB'.")
    return int(float(match[1]) * _UNITS[match[2]])


def _plans(batch_size: int, can_recompute: bool) -> Iterator[BatchPlan]:
    """From the fastest to the one that takes least memory; only parts of equal size, so that batches stay the same."""
    yield BatchPlan(batch_size)
    for part in range(batch_size, 0, -1):
        if batch_size % part == 0 and (can_recompute or part < batch_size):
            yield BatchPlan(part, batch_size // part, can_recompute)


def _build(config: PretrainedConfig, task: str, recipe: Recipe) -> PreTrainedModel:
    """The model as it will be trained, with shapes and no memory."""
    with torch.device("meta"):
        model: PreTrainedModel = TASKS[task][1].from_config(config, dtype=torch.float32)
        model.get_input_embeddings().requires_grad_(recipe.tune == "full")
        apply_tuning(model, recipe)
    return model.train()


def _pretend_on_cpu(model: PreTrainedModel) -> None:
    """Put fake CPU tensors in the place of those without a device, which autocast does not know."""
    made: dict[int, Tensor] = {}  # a tensor that two modules share stays shared
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            fake = torch.empty(parameter.shape, dtype=parameter.dtype)
            module._parameters[name] = made.setdefault(id(parameter), nn.Parameter(fake, parameter.requires_grad))  # type: ignore[assignment]
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


def _can_recompute(config: PretrainedConfig, task: str) -> bool:
    with torch.device("meta"):
        return bool(TASKS[task][1].from_config(config).supports_gradient_checkpointing)


def _estimate(
    config: PretrainedConfig, task: str, recipe: Recipe, plan: BatchPlan, length: int, bf16: bool
) -> MemoryEstimate:
    from torch._subclasses.fake_tensor import FakeTensorMode  # here, since it takes memory to import

    model = _build(config, task, recipe)
    with FakeTensorMode():
        _pretend_on_cpu(model)
        if bf16 and (frozen := layers_to_hold(model)):
            hold(model, frozen)
        if plan.checkpointing:
            if not model.supports_gradient_checkpointing:
                raise TrainingError(
                    f"{type(model).__name__} cannot recompute activations: checkpointing is not for it."
                )
            # The state of the random numbers has no content here that could be put back.
            recompute_activations(model, preserve_rng_state=False)
        ids = torch.zeros(plan.part, length, dtype=torch.long)
        labels = ids if task == "token-classification" else ids[:, 0]
        held = [*model.parameters(), *model.buffers()]
        weights = sum(storage.nbytes() for storage in {id(s): s for s in map(Tensor.untyped_storage, held)}.values())
        gradients = sum(_float_bytes(p) for p in held if p.requires_grad)
        ledger = _Ledger(held)
        for _ in range(min(plan.parts, 2)):  # in the second part the gradients of the first are there already
            with ledger, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
            with ledger:
                loss.backward()
            del loss
    return MemoryEstimate(
        weights=weights,
        gradients=gradients,
        optimizer=_optimizer_bytes([p for p in model.parameters() if p.requires_grad], recipe.optimizer),
        activations=max(ledger.peak - gradients, 0),
        base=_base(),
    )


def _float_bytes(parameter: Tensor) -> int:
    return 4 * parameter.numel()


def _optimizer_bytes(trained: list[nn.Parameter], optimizer: str) -> int:
    """What the optimizer keeps, and what its step needs beside that."""
    if optimizer == "adamw":  # fused: the step needs nothing
        return sum(2 * _float_bytes(p) for p in trained)
    kept = sum(4 * sum(p.numel() // n for n in p.shape[-2:]) if p.dim() >= 2 else _float_bytes(p) for p in trained)
    # Two tensors of a parameter's size at a time: its squared gradient, and its update.
    return kept + 2 * max(map(_float_bytes, trained))


def _base() -> int:
    """What the process holds now, and what a training adds to that whatever the model is."""
    if settings.device().type == "cuda":
        return torch.cuda.memory_allocated()
    return psutil.Process().memory_info().rss + MACHINERY


class _Ledger(TorchDispatchMode):
    """Adds up the memory of all tensors that operations make, while they live."""

    def __init__(self, known: list[Tensor]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen = {tensor.untyped_storage()._cdata for tensor in known}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and (storage := tensor.untyped_storage())._cdata not in self._seen:
                self._seen.add(storage._cdata)
                self.now += storage.nbytes()
                weakref.finalize(storage, self._freed, storage._cdata, storage.nbytes())
        self.peak = max(self.peak, self.now)
        return result

    def _freed(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size
