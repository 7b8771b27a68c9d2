"""A tagger: what fine-tuning needs to train one, and its answers as spans."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from datasets import Dataset
from transformers import DataCollatorForTokenClassification, PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers.errors import DataError, ModelError
from xlft_helpers.finetuning import TRANSFORMER_RECIPE, Head, Recipe
from xlft_helpers.inference import predict_pieces
from xlft_helpers.objectives import IGNORED

from .tags import Span, bio_labels, piece_places, piece_tags, spans_from_tags, spans_of

_RECIPES = {
    "use-m": Recipe(learning_rate=1.5e-3, epochs=5, max_length=64),
    "mini": Recipe(learning_rate=1e-3, epochs=3, max_length=64),
}


def tagging_recipe(model_name: str) -> Recipe:
    """The recipe of a tagger; commands are short, so inputs are cut at 64 pieces.

    A tag for every piece makes more of an example than one label does, and a fresh head for some fifty tags has more to
    learn: steps are larger than in :func:`~xlft_helpers.finetuning.default_recipe`. USE-M's rate was chosen among 4e-4,
    1.5e-3 and 2e-3 on the English dev commands, one seed each; ``mini``'s was not tuned further than that it learns.
    """
    return _RECIPES.get(model_name, replace(TRANSFORMER_RECIPE, max_length=64))


def tagging_head(train: Dataset) -> Head:
    """The head that tags slots, for :func:`xlft_helpers.finetuning.finetune`.

    Its labels are those of :func:`~xlft_helpers.tasks.extraction.bio_labels` on ``train``.

    Raises:
        DataError: ``train`` has no rows, or a language in it has no slots.
    """
    labels = bio_labels(train)
    return Head("token-classification", labels, _encoder(labels), DataCollatorForTokenClassification)


def _encoder(labels: list[str]) -> Callable[[Dataset, PreTrainedTokenizerBase, int], Dataset]:
    index = {label: number for number, label in enumerate(labels)}

    def encode(rows: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
        unknown = {slot["name"] for slots in rows["slots"] for slot in slots} - {label[2:] for label in labels}
        if unknown:
            raise DataError(
                f"The slots {sorted(unknown)} are not among the tagger's labels, which come from the training rows: "
                f"{', '.join(sorted({label[2:] for label in labels[1:]}))}. Train on rows that have them, or leave them out."
            )
        if not tokenizer.is_fast:
            raise ModelError(
                f"{type(tokenizer).__name__} does not say where in the text its pieces stand, so its model cannot tag spans. "
                "Choose a model with a fast tokenizer: 'use-m', 'mini', 'mbert' or 'xlmr'."
            )
        return rows.map(
            lambda row: _encode_row(row, tokenizer, max_length, index),
            remove_columns=rows.column_names,
            keep_in_memory=True,
            load_from_cache_file=False,
        )

    return encode


def _encode_row(
    row: dict[str, Any], tokenizer: PreTrainedTokenizerBase, max_length: int, index: dict[str, int]
) -> dict[str, Any]:
    encoded = tokenizer(row["text"], truncation=True, max_length=max_length, return_offsets_mapping=True)
    tags = piece_tags(spans_of(row), piece_places(row["text"], encoded["offset_mapping"]))
    return {
        "input_ids": encoded["input_ids"],
        "attention_mask": encoded["attention_mask"],
        "labels": [IGNORED if tag is None else index[tag] for tag in tags],
    }


def find_spans(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    max_length: int = 128,
) -> list[list[Span]]:
    """Tag texts of any length.

    A text that is longer than the model's input is read in windows that share a quarter of their pieces with
    the next one; in the middle of that quarter one window stops answering and the next one begins, so that every answer
    has context on both sides.

    Args:
        model: a token classifier with BIO labels.
        tokenizer: its tokenizer.
        texts: strings with at least one letter each.
        max_length: longest input in pieces, as in training; at least 16.

    Returns:
        For each text its spans, in order.

    Raises:
        DataError: a text is empty, or ``max_length`` is below 16.
    """
    if max_length < 16:
        raise DataError(f"max_length={max_length} leaves no context around a word; use at least 16, usually 64 or 128.")
    if empty := [number for number, text in enumerate(texts) if not text.strip()]:
        raise DataError(f"The texts with the indices {empty[:5]} are empty: there is nothing to find in them.")
    if not texts:
        return []
    windows = [
        (number, *window) for number, text in enumerate(texts) for window in _windows(text, tokenizer, max_length)
    ]
    parts = [texts[number][start:end] for number, start, end, _, _ in windows]
    names = cast(dict[int, str], model.config.id2label)
    found: list[list[Span]] = [[] for _ in texts]
    answers = predict_pieces(model, tokenizer, parts, max_length=max_length)
    offsets = tokenizer(parts, truncation=True, max_length=max_length, return_offsets_mapping=True)["offset_mapping"]
    for (number, start, _, first, last), part, answer, pairs in zip(windows, parts, answers, offsets, strict=True):
        places = piece_places(part, pairs)
        for span in spans_from_tags([names[int(label)] for label in answer], places):
            begin, end = start + span.start, start + span.end
            # A span of the window before may reach into this one's part.
            reached = found[number][-1].end if found[number] else 0
            if max(first, reached) <= begin < last:
                found[number].append(Span(span.name, begin, end))
    return found


def _windows(text: str, tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[tuple[int, int, int, int]]:
    """Start and end of each window in characters, and the first and last start of a span that it answers for."""
    encoded = tokenizer(text, return_offsets_mapping=True, verbose=False)
    places = [place for place in piece_places(text, encoded["offset_mapping"]) if place is not None]
    if len(encoded["input_ids"]) <= max_length:
        return [(0, len(text), 0, len(text))]
    # Cut out, a window gets start and end pieces, and the tokenizer may cut its first word otherwise: a few pieces spare.
    size, overlap = max_length - tokenizer.num_special_tokens_to_add() - 4, max_length // 4
    firsts = range(0, max(1, len(places) - overlap), size - overlap)
    middles = [0, *(places[first + overlap // 2][0] for first in firsts[1:]), len(text)]
    return [
        (places[first][0], places[min(first + size, len(places)) - 1][1], middles[number], middles[number + 1])
        for number, first in enumerate(firsts)
    ]
