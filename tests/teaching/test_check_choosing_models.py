"""The checks of notebook 08 accept the solution, know the untouched stub, and answer typical mistakes with a hint."""

import torch
from every_check import (
    test_solution_is_accepted,
    test_typical_mistake_gets_its_hint,
    test_untouched_stub_is_not_attempted,
)
from transformers import BertConfig, BertModel

from xlft_helpers.teaching import check


def count(vocabulary, positions, hidden, intermediate, layers):
    block = 4 * (hidden**2 + hidden) + 2 * hidden * intermediate + intermediate + hidden + 4 * hidden
    return (vocabulary + positions + 2) * hidden + 2 * hidden + layers * block


def by_torch(vocabulary, positions, hidden, intermediate, layers):
    config = BertConfig(
        vocab_size=vocabulary,
        max_position_embeddings=positions,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=2,
    )
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in BertModel(config, add_pooling_layer=False).parameters())


def without(part):
    """The count with a part taken off; ``part`` gets the sizes."""
    return lambda **size: count(**size) - part(**size)


def largest(parameters, trained, activations, budget):
    return max(0, (budget - 4 * parameters - 12 * trained) // activations)


def by_search(parameters, trained, activations, budget):
    fits = [n for n in range(1000) if 4 * parameters + 12 * trained + n * activations <= budget]
    return max(fits, default=0)


def fitting(fixed):
    """The whole part of what ``fixed(parameters, trained)`` leaves of the budget, over the activations of a text."""
    return lambda **size: (size["budget"] - fixed(size["parameters"], size["trained"])) // size["activations"]


def lora(shapes, rank):
    return sum(rank * (rows + columns) for rows, columns in shapes)


SOLUTIONS = [
    (check.transformer_parameters, count),
    (check.transformer_parameters, by_torch),
    (check.largest_batch, largest),
    (check.largest_batch, by_search),
    (check.lora_parameters, lora),
]

STUBS = [
    (check.transformer_parameters, lambda vocabulary, positions, hidden, intermediate, layers: ...),
    (check.largest_batch, lambda parameters, trained, activations, budget: ...),
    (check.lora_parameters, lambda shapes, rank: ...),
]

WRONG = [
    (check.transformer_parameters, lambda layers, **size: count(layers=1, **size), "That is one layer"),
    (check.transformer_parameters, without(lambda hidden, **_: 2 * hidden), "table of the two segments"),
    (check.transformer_parameters, without(lambda positions, hidden, **_: positions * hidden), "positions is missing"),
    (check.transformer_parameters, without(lambda layers, hidden, **_: layers * 4 * hidden), "inside the layers"),
    (check.transformer_parameters, without(lambda layers, hidden, **_: (4 * layers + 2) * hidden), "layer norms are missing"),
    (
        check.transformer_parameters,
        without(lambda layers, hidden, intermediate, **_: layers * (5 * hidden + intermediate)),
        "biases are missing",
    ),
    (check.transformer_parameters, without(lambda layers, hidden, **_: layers * (hidden**2 + hidden)), "*four* matrices"),
    (
        check.transformer_parameters,
        without(lambda layers, hidden, intermediate, **_: layers * (hidden * intermediate + hidden)),
        "two feed-forward",
    ),
    (
        check.transformer_parameters,
        without(lambda vocabulary, positions, hidden, **_: (vocabulary + positions + 4) * hidden),
        "embeddings are missing",
    ),
    (check.transformer_parameters, lambda **size: 26_028 if size["hidden"] == 8 else 1, "Count one part"),
    (check.transformer_parameters, lambda **size: count(**(size | {"layers": 3})), "Is a size written"),
    (check.transformer_parameters, lambda **size: count(**size) / 1e6, "whole number"),
    (check.transformer_parameters, lambda **size: None, "returned None"),
    (check.largest_batch, fitting(lambda p, t: 16 * p), "no gradient and no averages"),
    (check.largest_batch, lambda **size: max(0, fitting(lambda p, t: 16 * p)(**size)), "no gradient and no averages"),
    (check.largest_batch, fitting(lambda p, t: 16 * t), "frozen weights"),
    (check.largest_batch, fitting(lambda p, t: 4 * p + 8 * t), "*two* averages"),
    (check.largest_batch, fitting(lambda p, t: 4 * p + 4 * t), "without the optimizer"),
    (check.largest_batch, fitting(lambda p, t: 12 * t), "weights themselves"),
    (check.largest_batch, fitting(lambda p, t: 4 * p), "You took off the weights"),
    (check.largest_batch, fitting(lambda p, t: p + 3 * t), "how many *numbers*"),
    (check.largest_batch, fitting(lambda p, t: 4 * p + 16 * t), "counted twice"),
    (check.largest_batch, fitting(lambda p, t: 0), "before the first text"),
    (check.largest_batch, lambda **size: largest(**(size | {"activations": 1})), "How many texts is that"),
    (check.largest_batch, lambda **size: largest(**size) + 1, "round down"),
    (check.largest_batch, lambda **size: (size["budget"] - 5200) / 70, "whole number of texts"),
    (check.largest_batch, lambda **size: 7, "leave 4,800 bytes"),
    (check.largest_batch, lambda **size: largest(**(size | {"budget": size["budget"] - 1})), "to the last byte"),
    (check.largest_batch, fitting(lambda p, t: 4 * p + 12 * t), "Return 0"),
    (check.largest_batch, lambda **size: max(0, (size["budget"] - 5200) // 70), "Use the arguments"),
    (check.largest_batch, lambda **size: "68 texts", "Expected a number of texts"),
    (check.lora_parameters, lambda shapes, rank: sum(a * b for a, b in shapes), "stay frozen"),
    (check.lora_parameters, lambda shapes, rank: sum(rank * a * b for a, b in shapes), "size of the frozen matrix"),
    (check.lora_parameters, lambda shapes, rank: rank * sum(shapes[0]), "first matrix only"),
    (check.lora_parameters, lambda shapes, rank: sum(rank * a for a, b in shapes), "one of the two thin"),
    (check.lora_parameters, lambda shapes, rank: sum(2 * rank * a for a, b in shapes), "need not be square"),
    (check.lora_parameters, lambda shapes, rank: sum(2 * rank * b for a, b in shapes), "need not be square"),
    (check.lora_parameters, lambda shapes, rank: sum(a + b for a, b in shapes), "The rank is missing"),
    (check.lora_parameters, lambda shapes, rank: 2 * lora(shapes, rank), "A factor of 2"),
    (check.lora_parameters, lambda shapes, rank: len(shapes) * rank**2, "rank * rank"),
    (check.lora_parameters, lambda shapes, rank: sum(8 * (a + b) for a, b in shapes) // 2, "Use the arguments"),
]  # fmt: skip
