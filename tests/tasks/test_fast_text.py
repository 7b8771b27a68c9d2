"""fastText on the course's data: deterministic, better than guessing on what it can learn, and clear about bad input."""

import numpy as np
import pytest

from xlft_helpers.data import load_data, select_language
from xlft_helpers.errors import DataError, TrainingError
from xlft_helpers.tasks.fast_text import predict_labels, train_classifier, train_vectors


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XLFT_CACHE_DIR", str(tmp_path))
    yield
    assert not [path for path in tmp_path.rglob("*") if path != tmp_path / "scratch"], "training left files behind"


def test_classifier_learns_its_training_texts_and_the_seed_fixes_it():
    rows = select_language(load_data("tweets")["train"], "zh")
    first, second, other = (predict_labels(train_classifier(rows, seed), rows["text"]) for seed in (0, 0, 1))
    assert (first == np.array(rows["label"])).mean() > 0.95
    np.testing.assert_array_equal(first, second)
    assert other.shape == (len(rows),)


def test_line_breaks_do_not_end_a_text():
    rows = select_language(load_data("tweets")["train"], "en").select(range(60))
    model = train_classifier(rows)
    assert (predict_labels(model, ["so\nhappy"]) == predict_labels(model, ["so happy"])).all()


def test_words_of_one_topic_lie_together():
    topics = [[f"{topic}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"] for topic in ("fruit", "tool")]
    rng = np.random.default_rng(0)
    sentences = [list(rng.permutation(topic)[:8]) for topic in topics for _ in range(400)]
    words, vectors = train_vectors(sentences, characters=(0, 0))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    fruit = np.array([word.startswith("fruit") for word in words])
    assert set(words) == {*topics[0], *topics[1]}
    assert (unit[fruit] @ unit[fruit].T).mean() > (unit[fruit] @ unit[~fruit].T).mean() + 0.1


def test_bad_input_is_refused():
    rows = load_data("tweets")["train"]
    with pytest.raises(TrainingError, match="empty"):
        train_classifier(rows.select([]))
    for sentences in ([], [["once"]]):
        with pytest.raises(DataError):
            train_vectors(sentences)
