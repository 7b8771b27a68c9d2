"""A tokenizer with fewer pieces and new ids, made by editing its saved files."""

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.errors import ModelError

from .vocabulary import Vocabulary, steps


def remap_tokenizer(
    tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary, needed: set[str], new_ids: dict[int, int]
) -> PreTrainedTokenizerBase:
    """A copy of the tokenizer that knows only the pieces of ``new_ids``.

    It is saved, edited and loaded again, so that it is sure to survive being saved and loaded.

    Args:
        tokenizer: the tokenizer; it stays as it is.
        vocabulary: its description.
        needed: the kept pieces; merges that make another piece are dropped.
        new_ids: old id to new id of every kept piece; the new ids are 0, 1, 2, ...

    Raises:
        ModelError: the tokenizer's class does not load with other ids.
    """
    with settings.scratch_folder() as name:
        folder = Path(name)
        tokenizer.save_pretrained(folder)
        merges = [merge for merge in vocabulary.merges if vocabulary.product(merge) in needed]
        if vocabulary.kind == "XLM":
            inside = {p: new_ids[i] for p, i in vocabulary.ids.items() if i in new_ids and i not in vocabulary.outside}
            _write_json(folder / "vocab.json", inside)
            (folder / "merges.txt").write_text("".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")
        else:
            state = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
            _remap_state(state, merges, new_ids)
            _write_json(folder / "tokenizer.json", state)
        _remap_settings(folder / "tokenizer_config.json", new_ids)
        trimmed = type(tokenizer).from_pretrained(folder, local_files_only=True)
    trimmed.name_or_path = tokenizer.name_or_path
    expected = {piece: new_ids[i] for piece, i in vocabulary.ids.items() if i in new_ids}
    if trimmed.get_vocab() != expected or trimmed.all_special_tokens != tokenizer.all_special_tokens:
        raise ModelError(
            f"{type(tokenizer).__name__} does not load with other ids than its own. Load the tokenizer as a "
            "PreTrainedTokenizerFast and trim that."
        )
    return trimmed


def _remap_state(state: dict[str, Any], merges: list[tuple[str, str]], new_ids: dict[int, int]) -> None:
    model = state["model"]
    if model["type"] == "Unigram":
        order = sorted((new, old) for old, new in new_ids.items() if old < len(model["vocab"]))
        model["vocab"] = [model["vocab"][old] for _, old in order]
        model["unk_id"] = new_ids.get(model["unk_id"])
    else:
        model["vocab"] = {piece: new_ids[i] for piece, i in model["vocab"].items() if i in new_ids}
    if "merges" in model:
        model["merges"] = merges
    for token in state["added_tokens"]:
        token["id"] = new_ids[token["id"]]
    state["added_tokens"].sort(key=lambda token: token["id"])
    for step in steps(state["post_processor"]):
        for special in step.get("special_tokens", {}).values():
            special["ids"] = [new_ids[i] for i in special["ids"]]
        for key in ("cls", "sep"):
            if key in step:
                step[key] = [step[key][0], new_ids[step[key][1]]]
    if state.get("padding"):
        state["padding"]["pad_id"] = new_ids[state["padding"]["pad_id"]]


def _remap_settings(file: Path, new_ids: dict[int, int]) -> None:
    """The added tokens that ``tokenizer_config.json`` of some tokenizers lists by their ids."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    if added := settings.get("added_tokens_decoder"):
        settings["added_tokens_decoder"] = {str(new_ids[int(i)]): token for i, token in added.items()}
        _write_json(file, settings)


def _write_json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
