"""How much memory a model will take, said before it is loaded."""

from typing import Any

import psutil
import torch
from transformers import PretrainedConfig

from xlft_helpers.errors import ModelError


def weight_bytes(model_class: Any, config: PretrainedConfig) -> int:
    """Bytes that the weights and buffers of a model take, from its configuration alone (nothing is allocated).

    Args:
        model_class: a model class or a `transformers` auto class.
        config: the configuration that the model would be built from.
    """
    with torch.device("meta"):
        model = model_class.from_config(config) if hasattr(model_class, "from_config") else model_class(config)
    return sum(tensor.numel() * tensor.element_size() for tensor in [*model.parameters(), *model.buffers()])


def check_memory(model_class: Any, config: PretrainedConfig, name: str) -> None:
    """Refuse to load a model whose weights alone do not fit into the free memory.

    Raises:
        ModelError: the weights need more than is free.
    """
    needed, free = weight_bytes(model_class, config), psutil.virtual_memory().available
    if needed > free:
        raise ModelError(
            f"The weights of {name} need {needed / 2**30:.1f} GB of memory and {free / 2**30:.1f} GB are free. "
            "Close other programs, or choose a smaller model: 'use-m' needs 0.1 GB."
        )
