"""Frozen matrices in the format that they are multiplied in.

Under autocast, a linear layer's weights are copied to bfloat16 for every product. Where training does not change them, they
can be kept in it meanwhile: the products are the same to the last bit, the float32 weights need not be in memory, and
nothing is copied at every step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel


def layers_to_hold(model: nn.Module) -> list[nn.Linear]:
    """The frozen linear layers, if they are the larger part of the model's weights; else none.

    Plain layers only: a subclass may compute with its weights in other ways, as USE-M's does with its bias.

    Weights that were read lie in a file that is mapped into memory as a whole, and it goes when nothing refers to it any
    more. So the rest must be copied: with an untrimmed table of pieces, that costs more than it saves.
    """
    linear = (module for module in model.modules() if type(module) is nn.Linear)
    frozen = [layer for layer in linear if not any(p.requires_grad for p in layer.parameters(recurse=False))]
    held = sum(p.nbytes for layer in frozen for p in layer.parameters(recurse=False))
    return frozen if 2 * held > sum(p.nbytes for p in model.parameters()) else []


def hold(model: nn.Module, layers: list[nn.Linear]) -> None:
    """Convert the layers, and copy everything else, so that nothing refers to the file it was read from."""
    for layer in layers:
        for name, parameter in list(layer.named_parameters(recurse=False)):
            layer.register_parameter(name, nn.Parameter(parameter.to(torch.bfloat16), requires_grad=False))
    for parameter in model.parameters():
        if parameter.dtype != torch.bfloat16:
            parameter.data = parameter.data.clone()


@contextmanager
def frozen_in_bfloat16(model: PreTrainedModel, folder: Path) -> Iterator[None]:
    """Hold the frozen layers in bfloat16, and give them their own weights again afterwards, from a folder of files."""
    folder.mkdir()
    held, dtype = layers_to_hold(model), model.config.dtype
    files = [folder / f"frozen-{number}.safetensors" for number in range(len(held))]
    for layer, file in zip(held, files, strict=True):  # a file each, so that one at a time is in memory
        save_file({name: p.detach().contiguous() for name, p in layer.named_parameters(recurse=False)}, file)
    if held:
        hold(model, held)
    yield
    for layer, file in zip(held, files, strict=True):
        device = layer.weight.device
        for name, tensor in load_file(file).items():
            layer.register_parameter(name, nn.Parameter(tensor.clone().to(device), requires_grad=False))
        file.unlink()
    model.config.dtype = dtype  # saving a checkpoint writes down that of the first weights
