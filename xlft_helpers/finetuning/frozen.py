"""Frozen matrices in the format that they are multiplied in.

Under autocast, a linear layer's weights are copied to bfloat16 for every product. Where training does not change them, they
can be kept in it: the products are the same to the last bit, the float32 weights need not be in memory, and nothing is
copied at every step.
"""

from collections.abc import Mapping

import torch
from torch import nn


def linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The plain linear layers by name; `peft` puts them elsewhere and keeps the objects.

    A subclass may compute with its weights in other ways, as USE-M's does with its bias.
    """
    return {name: module for name, module in model.named_modules() if type(module) is nn.Linear}


def hold_in_bfloat16(model: nn.Module, layers: Mapping[str, nn.Linear]) -> dict[str, nn.Linear]:
    """Convert the layers that are frozen, and return them.

    Weights that were read lie in a file that is mapped into memory as a whole. What is left of it is copied, where that is
    less than what was converted, so that the file can go.
    """
    frozen = {
        name: layer
        for name, layer in layers.items()
        if not any(p.requires_grad for p in layer.parameters(recurse=False))
    }
    for layer in frozen.values():
        for name, parameter in list(layer.named_parameters(recurse=False)):
            layer.register_parameter(name, nn.Parameter(parameter.to(torch.bfloat16), requires_grad=False))
    rest = [parameter for parameter in model.parameters() if parameter.dtype == torch.float32]
    converted = (parameter for layer in frozen.values() for parameter in layer.parameters(recurse=False))
    if sum(parameter.nbytes for parameter in rest) < 2 * sum(parameter.nbytes for parameter in converted):
        for parameter in rest:
            parameter.data = parameter.data.clone()
    return frozen


def put_back(layers: Mapping[str, nn.Linear], original: nn.Module) -> None:
    """Give the layers the weights that the layers of the same names have in ``original``."""
    others = linear_layers(original)
    for name, layer in layers.items():
        for kind, parameter in others[name].named_parameters(recurse=False):
            layer.register_parameter(kind, nn.Parameter(parameter.detach(), requires_grad=False))
