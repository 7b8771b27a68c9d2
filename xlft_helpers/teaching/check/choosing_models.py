"""Checks of notebook 08."""

from typing import Any

from .report import Wrong, call, exercise, number


@exercise
def transformer_parameters(answer: Any) -> str:
    """The parameters of a BERT without pooler and head, from the sizes in its configuration."""
    size = {"vocabulary": 1000, "positions": 40, "hidden": 8, "intermediate": 20, "layers": 3}
    got = _count(call(answer, **size), "the number of parameters")
    v, p, h, i, layers = size.values()
    tables, norm = (v + p + 2) * h, 2 * h
    attention, two_linear = 4 * (h * h + h), h * i + i + i * h + h
    block = attention + two_linear + 2 * norm
    expected = tables + norm + layers * block
    case = f"For {size} you gave {got:,}; {expected:,} is right. "
    reasons = {
        tables + norm + block: "That is one layer. Multiply what stands in a layer by the number of layers.",
        layers * block: "The embeddings are missing: tables for the pieces, the positions and the two segments, and a norm.",
        expected - 2 * h: "Exactly 2 * hidden is missing: the table of the two segments, or the norm of the embeddings.",
        expected - p * h: "The table of the positions is missing: one row of `hidden` for each place.",
        tables + layers * (block - 2 * norm): "The layer norms are missing: a scale and a shift of `hidden` each. There is "
        "one behind the embeddings and there are two in each layer.",
        tables + norm + layers * (block - 2 * norm): "4 * hidden a layer are missing. The layer norms inside the "
        "layers have as many (two of 2 * hidden each), and so have the biases of attention's four matrices.",
        expected - layers * (4 * h + i + h): "The biases are missing: every linear layer has one number an output.",
        expected - layers * (h * h + h): "Attention has *four* matrices: queries, keys, values and the output.",
        expected - 3 * layers * (h * h + h): "Attention has *four* matrices: queries, keys, values and the output.",
        expected - layers * (i * h + h): "Each layer has two feed-forward matrices: hidden to intermediate, and back.",
    }  # fmt: skip
    if got in reasons:
        raise Wrong(case + reasons[got])
    if got != expected:
        raise Wrong(
            case + "Count one part after the other: the tables, the norm behind them; and in each layer four attention "
            "matrices with biases, two feed-forward matrices with biases, two norms. Compare each with the text above."
        )
    mini = {"vocabulary": 16_000, "positions": 128, "hidden": 256, "intermediate": 1024, "layers": 4}
    if _count(call(answer, **mini), "the number of parameters") != 7_288_832:
        raise Wrong(
            "Right for one model and wrong for `mini`, which has 7,288,832. Is a size written into the formula?"
        )
    return f"Right: {tables + norm:,} in the embeddings and 3 * {block:,} in the layers; for `mini` 7,288,832."


@exercise
def largest_batch(answer: Any) -> str:
    """The largest batch that fits a budget, where only a part of the parameters is trained with AdamW in float32."""
    size = {"parameters": 1000, "trained": 100, "activations": 70, "budget": 10_000}
    got = number(call(answer, **size), "a number of texts")
    case = f"For {size} you gave {got:g}. "
    reasons = {
        69: "Nothing is left for the last text: round down.",
        0: "That is full fine-tuning, which does not fit. A frozen parameter has no gradient and no averages.",
        -86: "That is full fine-tuning, which does not fit. A frozen parameter has no gradient and no averages.",
        120: "The frozen weights have to be in memory all the same, 4 bytes each.",
        80: "That is without the optimizer. AdamW keeps two averages, 4 bytes each.",
        74: "AdamW keeps *two* averages of every trained parameter, beside its gradient.",
        85: "You took off the weights. Take off the gradients and AdamW's two averages of what is trained, too.",
        125: "The weights themselves are missing, 4 bytes for each of *all* parameters.",
        124: "You took off how many *numbers* there are. In float32 each takes 4 bytes.",
        62: "The trained weights are counted twice: all weights once, then 12 bytes more each.",
        142: "Weights, gradients and averages need memory before the first text does.",
        4800: "That is what is left for activations, in bytes. How many texts is that?",
    }
    if got in reasons:
        raise Wrong(case + reasons[int(got)])
    if 68 < got < 69:
        raise Wrong(case + "A batch has a whole number of texts: round down.")
    if got != 68:
        raise Wrong(case + "4 bytes a parameter and 12 more a trained one leave 4,800 bytes: 68 texts of 70 bytes.")
    if number(call(answer, **(size | {"budget": 5900})), "a number of texts") != 10:
        raise Wrong("With a budget of 5,900 the batch of 10 fills it to the last byte, and that fits.")
    if number(call(answer, **(size | {"budget": 3000})), "a number of texts") != 0:
        raise Wrong("With a budget of 3,000 not even the weights fit. Return 0: no batch has fewer texts than none.")
    other = {"parameters": 2000, "trained": 2000, "activations": 500, "budget": 40_000}
    if number(call(answer, **other), "a number of texts") != 16:
        raise Wrong(f"Right here, but not for {other}: 16. Use the arguments, whatever they hold.")
    return "Right: 10,000 - 4 * 1,000 - 12 * 100 leaves 4,800 bytes, which is 68 texts of 70 bytes."


@exercise
def lora_parameters(answer: Any) -> str:
    """The trained numbers of LoRA: rank * (rows + columns) for each adapted matrix."""
    shapes, rank = [(20, 10), (20, 20)], 4
    got = _count(call(answer, list(shapes), rank), "the number of trained parameters")
    case = f"For matrices of {shapes} and rank {rank} you gave {got:,}. "
    reasons = {
        600: "That is how many numbers the matrices *have*; they stay frozen. Count the two thin ones beside each.",
        2400: "rows * columns is the size of the frozen matrix. The thin ones have rows * rank and rank * columns numbers.",
        120: "That is the first matrix only, or only one of the two thin matrices beside each. Count both, of every matrix.",
        160: "That is one of the two thin matrices. The other one has the rank on its other side.",
        320: "A matrix need not be square: the first one has 20 rows and 10 columns.",
        240: "A matrix need not be square: the first one has 20 rows and 10 columns.",
        70: "The rank is missing: each row and each column of the matrix gets `rank` numbers.",
        560: "A factor of 2 too much: (rows + columns) counts both thin matrices already.",
        32: "rank * rank would be a matrix between the thin ones; LoRA has none.",
    }
    if got in reasons:
        raise Wrong(case + reasons[got])
    if got != 280:
        raise Wrong(case + "Expected 4 * (20 + 10) + 4 * (20 + 20) = 280.")
    if _count(call(answer, [(768, 768)] * 24, 8), "the number of trained parameters") != 294_912:
        raise Wrong(
            "Right here, but not for 24 matrices of 768 x 768 and rank 8. Use the arguments, whatever they hold."
        )
    return "Right: 280; and for queries and values of XLM-R base at rank 8, 24 * 8 * 1,536 = 294,912."


def _count(value: Any, expected: str) -> int:
    got = number(value, expected)
    if got != int(got):
        raise Wrong(f"Expected {expected}, a whole number, got {got}.")
    return int(got)
