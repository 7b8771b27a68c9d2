"""Give a model pieces for a language that its tokenizer cannot read.

New pieces are trained on text of the language and appended to the vocabulary. Each starts from the mean of the pieces
that stood for it before (Yao et al. 2021, *Adapt-and-Distill*, Findings of ACL: average of the subwords' embeddings), or,
where the old tokenizer could not read it, from the distribution of the table (Hewitt 2021, *Initializing New Word
Embeddings for Pretrained Language Models*). What new pieces mean is learned afterwards, by masked language modelling.
"""

import copy
import json
from collections.abc import Iterable
from typing import Any

import torch
from tokenizers import Tokenizer, trainers
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from xlft_helpers import settings
from xlft_helpers.errors import DataError, ModelError

LONGEST_PIECE = 16
"""Characters; longer pieces would be whole phrases of the training text."""


def extend_tokenizer(
    tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], pieces: int = 500
) -> PreTrainedTokenizerFast:
    """Append pieces that a unigram model of the texts finds and the tokenizer lacks; the old ids stay as they are.

    A text is then cut where the sum of the pieces' log probabilities is largest, new and old ones alike. So a text in
    a language that the tokenizer knew may be cut differently where a new piece fits it better.

    Args:
        tokenizer: a fast one with a unigram model, such as that of ``mini``, XLM-R's or USE-M's.
        texts: of the language, without labels.
        pieces: size of the unigram model of the texts, an upper limit of what is appended.

    Raises:
        DataError: the texts hold nothing new.
        ModelError: the tokenizer is of another kind.
    """
    state = _unigram_state(tokenizer)
    learner = Tokenizer.from_str(json.dumps(state))
    trainer = trainers.UnigramTrainer(
        vocab_size=pieces, unk_token=tokenizer.unk_token, special_tokens=[tokenizer.unk_token], show_progress=False,
        max_piece_length=LONGEST_PIECE,
    )  # fmt: skip
    learner.train_from_iterator([text for text in texts if text.strip()], trainer)
    known = {piece for piece, _ in state["model"]["vocab"]}
    learned = json.loads(learner.to_str())["model"]["vocab"]
    fresh = [[piece, score] for piece, score in learned if piece not in known and score < 0]
    if not fresh:
        raise DataError("The texts hold no piece that the tokenizer lacks: its vocabulary needs no extension for them.")
    state["model"]["vocab"] += fresh
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        **tokenizer.special_tokens_map,
    )


@torch.no_grad()
def extend_embeddings(
    model: PreTrainedModel, old: PreTrainedTokenizerBase, new: PreTrainedTokenizerBase, *, seed: int = settings.SEED
) -> PreTrainedModel:
    """A copy of the model with a row for every piece that ``new`` has beyond ``old``.

    A new row of the table, and of the output layer where it is another one, is the mean of the rows of the pieces that
    ``old`` cuts the new piece into. If one of them is the unknown piece, that mean says nothing of the piece, and worse,
    it may be the same for many: a model cannot tell such pieces apart until it is trained. Such rows are drawn from the
    normal distribution with the table's mean and standard deviation in every dimension.

    Args:
        model: a Transformer with one table of V rows, V being the size of ``old``.
        old: the model's tokenizer.
        new: from :func:`extend_tokenizer`.
        seed: of the drawn rows.

    Raises:
        ModelError: model and tokenizer do not belong together.
    """
    size = len(old)
    if model.config.vocab_size != size:
        raise ModelError(
            f"The model has {model.config.vocab_size} embeddings and the old tokenizer {size} pieces: they do not belong "
            "together. Load both by the same name."
        )
    model = copy.deepcopy(model)
    model.resize_token_embeddings(len(new), mean_resizing=False)
    generator = torch.Generator().manual_seed(seed)
    former = _old_pieces(old, new)
    for rows in _rows_of(model):
        mean, spread = rows[:size].mean(dim=0), rows[:size].std(dim=0)
        for number, pieces in enumerate(former, size):
            noise = torch.randn(mean.shape, generator=generator)
            rows[number] = rows[pieces].mean(dim=0) if pieces else mean + spread * noise
    return model


def _rows_of(model: PreTrainedModel) -> list[Tensor]:
    """The table, and the output layer's own table and bias where it has them."""
    table, output = model.get_input_embeddings().weight, model.get_output_embeddings()
    found: list[Any] = [table]
    if output is not None:
        found += [output.weight] if output.weight is not table else []
        found += [output.bias] if getattr(output, "bias", None) is not None else []
    return [rows.data for rows in found]


def _old_pieces(old: PreTrainedTokenizerBase, new: PreTrainedTokenizerBase) -> list[list[int]]:
    """For every new piece, in the order of its id, the ids that the old tokenizer cuts it into; none if one is unknown."""
    cut = Tokenizer.from_str(json.dumps(_unigram_state(old))).model
    cuts = [[t.id for t in cut.tokenize(piece)] for piece, _ in _unigram_state(new)["model"]["vocab"][len(old) :]]
    return [[] if old.unk_token_id in ids else ids for ids in cuts]


def _unigram_state(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    state = json.loads(backend.to_str()) if backend is not None else {"model": {"type": type(tokenizer).__name__}}
    if state["model"]["type"] != "Unigram":
        raise ModelError(
            f"The tokenizer is of the kind {state['model']['type']}; pieces are appended to unigram ones only, such as "
            "those of 'mini' and 'xlmr'."
        )
    return state
