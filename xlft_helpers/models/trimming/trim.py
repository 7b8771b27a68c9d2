"""`trim_vocabulary`: a model and its tokenizer, cut down to the pieces that some texts need."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..use_m import UseMConfig
from ..use_m.modeling import QUANTIZATION_CHUNKS
from .pieces import needed_pieces
from .remapping import remap_tokenizer
from .vocabulary import Vocabulary, read_vocabulary
from .weights import (
    check_sizes,
    configured_ids,
    counts_positions_from_padding,
    parameter_bytes,
    parameter_count,
    remap_model,
)


@dataclass(frozen=True)
class TrimReport:
    """Sizes before and after; megabytes are of 10^6 bytes and count the weights.

    Attributes:
        pieces_before, pieces_after: rows that the vocabulary needs.
        parameters_before, parameters_after: numbers in the checkpoint, tied ones once.
        megabytes_before, megabytes_after: memory of the same.
    """

    pieces_before: int
    pieces_after: int
    parameters_before: int
    parameters_after: int
    megabytes_before: float
    megabytes_after: float

    def __str__(self) -> str:
        return (
            f"pieces {self.pieces_before:,} -> {self.pieces_after:,}, "
            f"parameters {self.parameters_before:,} -> {self.parameters_after:,}, "
            f"{self.megabytes_before:,.1f} MB -> {self.megabytes_after:,.1f} MB"
        )


@dataclass(frozen=True)
class Trimmed:
    """A trimmed model. Save both parts with ``save_pretrained(folder)``; ``load_model(folder)`` opens them.

    Attributes:
        model: the smaller model, with weights of its own, in the state (training or not) of the original.
        tokenizer: its tokenizer.
        kept_ids: (pieces,) the old id of each new id. The original's masked-LM logits at ``[..., kept_ids]`` are the
            trimmed model's.
        report: sizes before and after.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    kept_ids: Tensor
    report: TrimReport


def trim_vocabulary(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], *, keep: Sequence[str] = ()
) -> Trimmed:
    """Keep the pieces that ``texts`` need and drop the rest of the vocabulary (Abdaoui et al. 2020).

    Text that is made of the given texts' words is split into the same pieces, and the model's states and logits for it are
    bit for bit those of the original. Other text may be split finer or become unknown; :func:`coverage` counts it. Give
    the training texts of all languages that the model is to be used for, and more unlabelled text of these languages if
    there is any.

    The given model and tokenizer stay as they are.

    Args:
        model: any model with one row a piece: BERT, XLM-R, XLM, USE-M and others, with or without a head.
        tokenizer: its tokenizer: fast (WordPiece, Unigram or BPE), or XLM's.
        texts: the texts, as a list or a stream; each is looked at once.
        keep: further pieces to keep, as the tokenizer writes them, e.g. ``["▁good"]``. Default: none.

    Special and added tokens, byte pieces and the single characters of the texts are always kept.

    Raises:
        DataError: texts that hold nothing, or are no texts.
        ModelError: model and tokenizer do not belong together, or one of them cannot be trimmed.
    """
    vocabulary = read_vocabulary(tokenizer)
    check_sizes(model, set(vocabulary.ids.values()))
    needed = needed_pieces(tokenizer, vocabulary, texts, keep)
    kept = {i for piece, i in vocabulary.ids.items() if piece in needed} | configured_ids(model.config)
    new_ids = {old: new for new, old in enumerate(_order(model, tokenizer, vocabulary, kept))}
    trimmed = remap_model(model, new_ids)
    report = TrimReport(
        len(vocabulary.ids),
        len(new_ids),
        parameter_count(model),
        parameter_count(trimmed),
        parameter_bytes(model) / 1e6,
        parameter_bytes(trimmed) / 1e6,
    )
    return Trimmed(trimmed, remap_tokenizer(tokenizer, vocabulary, needed, new_ids), tensor(list(new_ids)), report)


def _order(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary, kept: set[int]
) -> list[int]:
    """The kept ids in their new order: the old one, but for models where the id itself means something."""
    if counts_positions_from_padding(model) and tokenizer.pad_token_id is not None:
        kept = kept | set(range(tokenizer.pad_token_id))  # the padding keeps its id, and so all positions stay
    if isinstance(model.config, UseMConfig) and model.config.quantized_embeddings:
        return _order_by_chunk(kept, len(vocabulary.ids))
    return sorted(kept, key=lambda i: (i in vocabulary.outside, i))


def _order_by_chunk(kept: set[int], pieces: int) -> list[int]:
    """An order in which every id keeps its remainder, which a quantized table's scale depends on.

    The gaps that this leaves are filled with further pieces of the same remainder, a few in a hundred.
    """
    chunks = [sorted(i for i in kept if i % QUANTIZATION_CHUNKS == chunk) for chunk in range(QUANTIZATION_CHUNKS)]
    rounds = max(map(len, chunks))
    if rounds > pieces // QUANTIZATION_CHUNKS:
        return list(range(pieces))  # nothing is left to fill gaps with
    for chunk, ids in enumerate(chunks):
        spare = (i for i in range(chunk, pieces, QUANTIZATION_CHUNKS) if i not in kept)
        ids.extend(islice(spare, rounds - len(ids)))
    return [ids[row] for row in range(rounds) for ids in chunks]
