"""Cross-lingual retrieval: ask in one language, find in another.

:func:`bitext_accuracy` measures an encoder on texts and their translations; :class:`Retriever` is the search engine.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.errors import DataError, ModelError
from xlft_helpers.evaluation.retrieval import retrieval_hits, unit_rows
from xlft_helpers.inference import embed
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.use_m import UseMModel

from .neighbours import APPROXIMATE_FROM, build_lists, merge_best, read_lists, search_lists, write_lists

SHARD = 4096
"""Texts that are embedded and written at a time: with 512 numbers each, 8 MB."""
FORMAT = 1
"""Version of the saved folder."""
_DESCRIPTION, _TEXTS, _LISTS = "index.json", "texts.json", "lists.faiss"


@dataclass(frozen=True)
class BitextAccuracy:
    """How often a text's nearest neighbour in the other language is its translation.

    Attributes:
        forward_hits: (n,) whether the source text found its translation.
        backward_hits: (n,) whether the target text found its source.
    """

    forward_hits: NDArray[np.bool_]
    backward_hits: NDArray[np.bool_]

    @property
    def forward(self) -> float:
        """P@1 from source to target, between 0 and 1."""
        return float(self.forward_hits.mean())

    @property
    def backward(self) -> float:
        """P@1 from target to source, between 0 and 1."""
        return float(self.backward_hits.mean())

    @property
    def n(self) -> int:
        """Number of pairs; guessing finds 1 / n."""
        return len(self.forward_hits)


class Hit(NamedTuple):
    """A text that was found."""

    number: int
    """Its place in the collection, from 0."""
    text: str
    score: float
    """Cosine with the query."""


def bitext_accuracy(
    model: str | PreTrainedModel,
    source_texts: Sequence[str],
    target_texts: Sequence[str],
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> BitextAccuracy:
    """Precision at 1 of cosine search among parallel texts, in both directions.

    Args:
        model: a name that `load_model` knows, such as ``"use-m"``, or a loaded model (with or without a head).
        source_texts: n texts.
        target_texts: n texts; text i is the translation of source text i.
        tokenizer: of a loaded model. Default: the one that was saved beside it; USE-M's for a USE-M.

    Raises:
        DataError: no texts, unequal numbers of them, or a blank one.
        ModelError: unknown name, or a loaded model whose tokenizer must be given.
    """
    source, target = list(source_texts), list(target_texts)
    if len(source) != len(target) or not source:
        raise DataError(
            f"There are {len(source)} source texts and {len(target)} target texts; text i of one must be the translation "
            "of text i of the other, and there must be at least one."
        )
    for texts, name in ((source, "source text"), (target, "target text")):
        _check_texts(texts, name)
    encoder = _Encoder.of(model, tokenizer)
    left, right = encoder.embed(source), encoder.embed(target)
    return BitextAccuracy(retrieval_hits(left, right), retrieval_hits(right, left))


class Retriever:
    """A collection of texts in any languages, searched by meaning.

    The texts are embedded in shards that go to disk at once, so memory does not grow with the vectors while a
    collection is read. Exact search compares the query with every vector, a shard at a time. From ``APPROXIMATE_FROM``
    texts on, the vectors are also sorted into lists around k-means centres, and a search looks only into the lists that
    are nearest to the query (an inverted file; Jégou, Douze and Schmid 2011, *Product Quantization for Nearest Neighbor
    Search*, IEEE TPAMI 33, section IV, here without their compression): fast, and now and then it misses a neighbour.

    Args:
        model: a name that `load_model` knows, or a loaded model.
        tokenizer: of a loaded model, see :func:`bitext_accuracy`.

    Raises:
        ModelError: unknown name, or a loaded model whose tokenizer must be given.
    """

    def __init__(
        self, model: str | PreTrainedModel = "use-m", tokenizer: PreTrainedTokenizerBase | None = None
    ) -> None:
        self._encoder = _Encoder.of(model, tokenizer)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._shards: list[Path] = []
        self._lists: Any = None
        self.texts: list[str] = []

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def is_approximate(self) -> bool:
        """Whether there are lists, so that a search may miss a neighbour."""
        return self._lists is not None

    def index(self, texts: Iterable[str], *, approximate: bool | None = None, progress: bool = True) -> None:
        """Read a collection, in place of the one that was there.

        Args:
            texts: strings; an iterator is read as it goes, and only its strings are kept in memory.
            approximate: make lists. Default: from ``APPROXIMATE_FROM`` texts on.
            progress: show a bar.

        Raises:
            DataError: no text, a blank one, or something that is no string. The old collection then stays.
        """
        if isinstance(texts, str):
            raise DataError("The collection is one string; give a list or another iterable of strings.")
        scratch = tempfile.TemporaryDirectory(prefix="retriever-", dir=settings.cache_dir())
        kept: list[str] = []
        shards: list[Path] = []
        stream = iter(texts)
        with tqdm(desc="indexing", unit=" texts", disable=not progress, leave=False) as bar:
            while block := list(islice(stream, SHARD)):
                _check_texts(block, "text", first=len(kept))
                shards.append(Path(scratch.name) / f"vectors-{len(shards):05}.safetensors")
                save_file({"vectors": self._encoder.embed(block)}, shards[-1])
                kept += block
                bar.update(len(block))
        if not kept:
            raise DataError("The collection is empty; there must be at least one text to search in.")
        if approximate is None:
            approximate = len(kept) >= APPROXIMATE_FROM
        self._lists = build_lists(_Shards(shards), len(kept)) if approximate else None
        self.texts, self._shards, self._scratch = kept, shards, scratch

    def search(self, query: str, k: int = 10, *, exact: bool = False) -> list[Hit]:
        """The texts nearest to a query, best first; all of them where the collection has fewer than k.

        Raises:
            DataError: as :meth:`rank`.
        """
        numbers, scores = self.rank([query], min(k, max(len(self), 1)), exact=exact)
        return [
            Hit(int(number), self.texts[number], float(score))
            for number, score in zip(numbers[0], scores[0], strict=True)
            if number >= 0
        ]

    def rank(
        self, queries: Sequence[str], k: int = 10, *, exact: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k nearest texts of each of several queries, found faster than one by one.

        Args:
            queries: n texts.
            k: how many, at most as many as there are texts.
            exact: compare with every vector, even if there are lists.

        Returns:
            Numbers (n, k) of the texts and their cosines (n, k), best first.

        Raises:
            DataError: nothing is indexed, no query, a blank one, k out of range, or a file of the index is damaged.
        """
        if isinstance(queries, str):
            raise DataError("The queries are one string; put it into a list, or use search().")
        _check_texts(list(queries), "query")
        return self.nearest(self._encoder.embed(list(queries)), k, exact=exact)

    def nearest(
        self, vectors: NDArray[np.float32], k: int = 10, *, exact: bool = False, probes: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As :meth:`rank`, for queries that are embedded already.

        Args:
            vectors: (n, H) of float32; their length does not matter.
            k: how many, at most as many as there are texts.
            exact: compare with every vector.
            probes: lists to look into. Default: ``PROBES``, see benchmarks/retrieval.py for what it finds.

        Returns:
            Numbers (n, k) and cosines (n, k), best first; -1 where the lists held fewer than k texts.

        Raises:
            DataError: as :meth:`rank`.
        """
        if not self.texts:
            raise DataError("Nothing is indexed yet; call index(texts) first, or load() a saved index.")
        if not 1 <= k <= len(self):
            raise DataError(f"k={k}, but the collection has {len(self)} texts.")
        units = unit_rows(vectors, "queries").astype(np.float32)
        if self._lists is not None and not exact:
            return search_lists(self._lists, units, k, probes)
        return merge_best(units, _Shards(self._shards), k)

    def save(self, folder: Path | str) -> None:
        """Write the index to a folder; it appears when it is complete, in place of an older index.

        Raises:
            DataError: nothing is indexed, or the folder holds something that is no index.
        """
        target = Path(folder)
        if not self.texts:
            raise DataError("Nothing is indexed yet, so there is nothing to save; call index(texts) first.")
        if target.exists() and not (target / _DESCRIPTION).is_file():
            raise DataError(f"{target} exists and is no index of this kind. Choose another folder, or remove it.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
            fresh, old = Path(scratch) / "new", Path(scratch) / "old"
            fresh.mkdir()
            for shard in self._shards:
                shutil.copyfile(shard, fresh / shard.name)
            (fresh / _TEXTS).write_text(json.dumps(self.texts, ensure_ascii=False), encoding="utf-8")
            if self._lists is not None:
                write_lists(self._lists, fresh / _LISTS)
            description = {
                "format": FORMAT,
                "model": self._encoder.name,
                "fingerprint": self._encoder.fingerprint(),
                "files": {path.name: _digest(path) for path in sorted(fresh.iterdir())},
            }
            (fresh / _DESCRIPTION).write_text(json.dumps(description, indent=1), encoding="utf-8")
            if target.exists():
                target.rename(old)
            fresh.rename(target)

    @classmethod
    def load(
        cls,
        folder: Path | str,
        model: str | PreTrainedModel = "use-m",
        tokenizer: PreTrainedTokenizerBase | None = None,
    ) -> Self:
        """Open a saved index. The folder must stay where it is: exact search reads from it.

        Args:
            folder: made by :meth:`save`.
            model: the model that made it.
            tokenizer: of a loaded model.

        Raises:
            DataError: there is no index, or a file of it is missing or damaged.
            ModelError: the index was made by another model.
        """
        source, retriever = Path(folder), cls(model, tokenizer)
        description = _read_description(source)
        if description["fingerprint"] != retriever._encoder.fingerprint():
            raise ModelError(
                f"The index in {source} was made by the model {description['model']!r}; {retriever._encoder.name!r} has "
                "other weights and puts texts elsewhere, so its answers would mean nothing. Load the index with the "
                "model that made it, or index the texts again."
            )
        for name, digest in description["files"].items():
            if not (source / name).is_file() or _digest(source / name) != digest:
                raise DataError(
                    f"{source / name} is missing or damaged; index the texts again and save the index anew."
                )
        retriever.texts = json.loads((source / _TEXTS).read_text(encoding="utf-8"))
        retriever._shards = sorted(source.glob("vectors-*.safetensors"))
        retriever._lists = read_lists(source / _LISTS) if _LISTS in description["files"] else None
        return retriever


@dataclass(frozen=True)
class _Encoder:
    """A model with its tokenizer and a name for messages."""

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @classmethod
    def of(cls, model: str | PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None) -> Self:
        if isinstance(model, str):
            loaded: Any = load_model(model, "embedding")
            return cls(model, loaded.to(settings.device()), tokenizer or load_tokenizer(model))
        name = "use-m" if isinstance(model.base_model, UseMModel) else str(model.config.name_or_path or "")
        if tokenizer is None and not name:
            raise ModelError(
                f"This {type(model).__name__} was not loaded from anywhere, so its tokenizer is not known. Give it as "
                "tokenizer=..."
            )
        return cls(Path(name).name or type(model).__name__, model, tokenizer or load_tokenizer(name))

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """(n, H), of unit length."""
        return unit_rows(embed(self.model, self.tokenizer, texts).cpu().numpy(), "embeddings").astype(np.float32)

    def fingerprint(self) -> str:
        """A digest of the encoder's weights: two models with the same name may differ by a fine-tuning."""
        digest = hashlib.sha256()
        for name, value in sorted(self.model.base_model.state_dict().items()):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


def _read_description(folder: Path) -> dict[str, Any]:
    file = folder / _DESCRIPTION
    if not file.is_file():
        raise DataError(
            f"{folder} is no saved index: it has no {_DESCRIPTION}. Name a folder made by Retriever.save()."
        )
    try:
        description = json.loads(file.read_text(encoding="utf-8"))
        complete = {"format", "model", "fingerprint", "files"} <= description.keys()
    except (ValueError, AttributeError) as error:
        raise DataError(f"{file} is damaged ({error}); index the texts again and save the index anew.") from error
    if not complete or description["format"] != FORMAT:
        raise DataError(f"{file} is no description of format {FORMAT}; index the texts again and save the index anew.")
    return description


@dataclass(frozen=True)
class _Shards:
    """The vectors in the files, read one file at a time, as often as they are gone through."""

    paths: Sequence[Path]

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for path in self.paths:
            try:
                yield load_file(path)["vectors"]
            except (OSError, SafetensorError, KeyError) as error:
                raise DataError(f"{path} is missing or damaged ({error}); index the texts again.") from error


def _check_texts(texts: list[str], what: str, first: int = 0) -> None:
    """``first`` is the number of the first text, for the message."""
    if not texts:
        raise DataError(f"There is no {what}; give at least one.")
    for number, text in enumerate(texts, start=first):
        if not isinstance(text, str):
            raise DataError(f"The {what} number {number} is of type {type(text).__name__}; expected a string.")
        if not text.strip():
            raise DataError(f"The {what} number {number} is empty, so it has no meaning to compare. Leave it out.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
