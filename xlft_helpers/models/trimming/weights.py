"""A model with fewer rows in every tensor that has one row a piece."""

import copy
from typing import Any

import torch
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel

from xlft_helpers.errors import ModelError

from ..use_m import UseMConfig
from ..use_m.modeling import QuantizedEmbedding

XLM_INDICES = ("unk_index", "mask_index")
"""Settings of XLM that hold ids; those of all models are called ``..._token_id``."""

LARGEST_PADDING = 512
"""Tables are padded to a round number of rows, at most this many; more means that the tokenizer is another model's."""


def check_sizes(model: PreTrainedModel, ids: set[int]) -> None:
    """Refuse a model whose embedding table does not fit a vocabulary with these ids.

    Raises:
        ModelError: too few rows or far too many, or a special piece that the vocabulary lacks.
    """
    rows, pieces = table_rows(model), max(ids) + 1
    if not pieces <= rows <= pieces + LARGEST_PADDING:
        raise ModelError(
            f"The model's embedding table has {rows:,} rows and the tokenizer {pieces:,} pieces: they do not belong "
            "together. Load both by the same name."
        )
    if missing := configured_ids(model.config) - ids:
        raise ModelError(
            f"The model's configuration names special pieces by the ids {sorted(missing)}, which the tokenizer does not have: "
            "they do not belong together. Load both by the same name."
        )


def table_rows(model: PreTrainedModel) -> int:
    """Rows of the input embeddings, one a piece and perhaps a few unused."""
    embeddings: Any = model.get_input_embeddings()
    return len(embeddings.table if isinstance(embeddings, QuantizedEmbedding) else embeddings.weight)


def configured_ids(config: PretrainedConfig) -> set[int]:
    """The ids of special pieces that the configuration names."""
    return {i for value in _id_settings(config).values() for i in (value if isinstance(value, list) else [value])}


def counts_positions_from_padding(model: PreTrainedModel) -> bool:
    """Whether the first position is the padding's id plus one, as in RoBERTa and its kin."""
    tables = (getattr(module, "position_embeddings", None) for module in model.modules())
    return any(getattr(table, "padding_idx", None) is not None for table in tables)


def remap_model(model: PreTrainedModel, new_ids: dict[int, int]) -> PreTrainedModel:
    """A copy of the model that has a row for the pieces of ``new_ids`` only.

    The copy is built from the trimmed configuration. Every tensor whose shape depends on the configured number of pieces is
    a table of pieces: input embeddings, an output head with its bias, a lexical expert. Its kept rows are copied in
    their new order, and all other tensors whole.

    Raises:
        ModelError: a model that is not what its configuration builds, or that does not keep one row a piece.
    """
    config = copy.deepcopy(model.config)
    for key, value in _id_settings(config).items():
        setattr(config, key, [new_ids[i] for i in value] if isinstance(value, list) else new_ids[value])
    larger = _build_empty(model, config, len(new_ids) + 1).state_dict()
    trimmed = _build_empty(model, config, len(new_ids))
    skeleton, state = trimmed.state_dict(), model.state_dict()
    olds = torch.tensor(sorted(new_ids, key=new_ids.__getitem__), device=model.device)
    for name, tensor in state.items():
        is_table = name in skeleton and larger[name].shape != skeleton[name].shape
        state[name] = tensor[olds] if is_table and len(tensor) == table_rows(model) else tensor.clone()
    if {name: tensor.shape for name, tensor in state.items()} != {
        name: tensor.shape for name, tensor in skeleton.items()
    }:
        raise ModelError(
            f"This {type(model).__name__} is not what its configuration builds, or holds its vocabulary in another way than "
            "one row a piece. Merge or remove adapters before trimming; an adaptive softmax cannot be trimmed."
        )
    trimmed.load_state_dict(state, assign=True)
    for name, buffer in model.named_buffers():
        if name not in state:  # not part of a checkpoint, such as position ids
            owner, _, attribute = name.rpartition(".")
            setattr(trimmed.get_submodule(owner), attribute, buffer.clone())
    trimmed.tie_weights()
    for name, parameter in model.named_parameters():
        trimmed.get_parameter(name).requires_grad_(parameter.requires_grad)
    return trimmed.train(model.training)


def _build_empty(model: PreTrainedModel, config: PretrainedConfig, pieces: int) -> PreTrainedModel:
    """A model of the same class for ``pieces`` pieces, whose tensors have shapes and no memory; sets ``config`` so."""
    config.vocab_size = pieces
    if isinstance(config, UseMConfig):
        config.table_rows = pieces
    with torch.device("meta"):
        return type(model)(config)


def parameter_count(model: PreTrainedModel) -> int:
    """Numbers that a model holds: parameters, and buffers of its checkpoint such as a quantized table."""
    return sum(tensor.numel() for tensor in _unique_tensors(model))


def parameter_bytes(model: PreTrainedModel) -> int:
    """Bytes of the same."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _unique_tensors(model))


def _unique_tensors(model: PreTrainedModel) -> list[Tensor]:
    return list({tensor.data_ptr(): tensor for tensor in model.state_dict().values()}.values())


def _id_settings(config: PretrainedConfig) -> dict[str, Any]:
    settings = {
        key: getattr(config, key) for key in config.to_dict() if key.endswith("_token_id") or key in XLM_INDICES
    }
    return {key: value for key, value in settings.items() if value is not None}
