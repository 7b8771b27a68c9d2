"""fastText on the course's data: classifiers and word vectors, trained by the real library.

The library reads its training text from a file with one example a line, and keeps a hash table of 30 million entries
(120 MB) in every model that it trains; a model that was saved and loaded again keeps only what it needs.

Sources: Joulin et al. 2017, *Bag of Tricks for Efficient Text Classification* (EACL); Bojanowski et al. 2017, *Enriching
Word Vectors with Subword Information* (TACL).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from xlft_helpers import settings
from xlft_helpers.errors import DataError, TrainingError

PREFIX = "__label__"
"""How fastText tells a label from a word."""

CLASSIFIER = {"lr": 1.0, "epoch": 50, "dim": 50, "minn": 1, "maxn": 4, "bucket": 50_000}
"""Settings for a few hundred short messages: character n-grams of 1 to 4, in 50,000 buckets instead of 2 million."""


def train_classifier(rows: Dataset, seed: int = settings.SEED) -> Any:
    """Train a supervised fastText model with character n-grams, see :data:`CLASSIFIER`.

    One thread, so that the same seed gives the same model.

    Args:
        rows: columns ``text`` and ``label`` (class indices), of one or more languages.
        seed: fixes the first vectors and the order of the updates.

    Returns:
        The library's model, loaded from its file.

    Raises:
        TrainingError: there are no rows.
    """
    if len(rows) == 0:
        raise TrainingError("The training set is empty: there is nothing to train fastText on.")
    lines = [f"{PREFIX}{label} {_line(text)}" for text, label in zip(rows["text"], rows["label"], strict=True)]
    with settings.scratch_folder() as folder:
        model = fasttext.train_supervised(
            input=_write(folder, lines), loss="softmax", seed=seed, thread=1, verbose=0, **CLASSIFIER
        )
        model.save_model(f"{folder}/model.bin")
        del model
        return fasttext.load_model(f"{folder}/model.bin")


def predict_labels(model: Any, texts: Sequence[str]) -> NDArray[np.int64]:
    """The most probable class index of each text, (n,), by a model of :func:`train_classifier`."""
    labels, _ = model.predict([_line(text) for text in texts])
    return np.array([int(best[0].removeprefix(PREFIX)) for best in labels], dtype=np.int64)


def train_vectors(
    sentences: Sequence[Sequence[str]], *, characters: tuple[int, int] = (3, 6), epochs: int = 60
) -> tuple[list[str], NDArray[np.float32]]:
    """Train skip-gram vectors of 50 dimensions on tokenized sentences.

    The window is as wide as a short sentence (15 words): on little text, the company a word keeps in the whole sentence
    says more than its nearest neighbours.

    Args:
        sentences: lists of words.
        characters: length of the character n-grams from and to; ``(0, 0)`` gives every word a vector of its own.
        epochs: passes over the sentences.

    Returns:
        The W words that occur at least four times, most frequent first, and their vectors (W, 50).

    Raises:
        DataError: no word occurs four times.
    """
    if not any(sentences):
        raise DataError("There are no words to train vectors on.")
    smallest, longest = characters
    with settings.scratch_folder() as folder:
        try:
            model = fasttext.train_unsupervised(
                input=_write(folder, [" ".join(words) for words in sentences]),
                model="skipgram", dim=50, ws=15, minCount=4, minn=smallest, maxn=longest, bucket=20_000,
                epoch=epochs, thread=1, verbose=0,
            )  # fmt: skip
        except ValueError as error:
            raise DataError(f"fastText finds too little text in {len(sentences)} sentences ({error}).") from error
    words = [word for word in model.get_words() if word != "</s>"]
    return words, np.stack([model.get_word_vector(word) for word in words])


def _write(folder: str, lines: Sequence[str]) -> str:
    path = Path(folder) / "text.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def _line(text: str) -> str:
    """A text on one line: the library takes a line break for the end of an example."""
    return " ".join(text.split())
