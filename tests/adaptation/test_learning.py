"""Self-training, two tasks and code-switching do what they say, on data where the right answer is known."""

import numpy as np
import pytest

from xlft_helpers.adaptation import Features, code_switch, fit_head, self_train, train_shared_layer
from xlft_helpers.data import stem, strip_accents
from xlft_helpers.errors import DataError, TrainingError


def two_moons(shift, n=200, seed=0):
    """Two classes on both sides of a line, moved along it."""
    random = np.random.default_rng(seed)
    y = random.integers(2, size=n)
    x = np.stack([random.normal(2 * (2 * y - 1), 0.5), random.normal(shift, 0.5, n)], axis=1).astype(np.float32)
    return Features(x, y, np.full(n, "en"))


def test_pseudo_labels_are_the_sure_answers_of_the_head_before():
    source, target = two_moons(0), two_moons(1)
    result = self_train(source, target.embeddings, threshold=0.9, rounds=2)
    assert len(result.heads) == 3
    assert len(result.pseudo_labels) == 2
    probabilities = fit_head(source, 10.0).predict_proba(target.embeddings)
    sure = probabilities.max(axis=1) >= 0.9
    assert np.array_equal(result.pseudo_labels[0] >= 0, sure)
    assert np.array_equal(result.pseudo_labels[0][sure], probabilities.argmax(axis=1)[sure])
    assert (result.heads[-1].predict(target.embeddings) == target.labels).mean() > 0.95


def test_nothing_sure_leaves_the_head_as_it_was():
    source = two_moons(0)
    unsure = np.zeros((5, 2), dtype=np.float32)
    result = self_train(source, unsure, threshold=1.0, rounds=1)
    assert (result.pseudo_labels[0] == -1).all()
    assert np.allclose(result.heads[0].coef_, result.heads[1].coef_, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"threshold": 1.1}, {"rounds": 0}])
def test_self_training_refuses_what_makes_no_sense(wrong):
    with pytest.raises(TrainingError):
        self_train(two_moons(0), np.zeros((1, 2), np.float32), **wrong)


def test_shared_layer_learns_both_tasks_and_is_repeatable():
    rows = two_moons(0)
    unit = rows.embeddings / np.linalg.norm(rows.embeddings, axis=1, keepdims=True)
    labels = {"side": rows.labels, "height": (unit[:, 1] > 0).astype(np.int64)}
    model = train_shared_layer(unit, labels, {"side": 1.0, "height": 0.5}, epochs=40, seed=1)
    for task, expected in labels.items():
        assert (model.predict(unit, task) == expected).mean() > 0.95
    again = train_shared_layer(unit, labels, {"side": 1.0, "height": 0.5}, epochs=40, seed=1)
    assert np.array_equal(model.predict(unit, "side"), again.predict(unit, "side"))


def test_rows_without_a_label_do_not_count_and_missing_tasks_are_named():
    rows = two_moons(0)
    labels = {"side": np.where(np.arange(len(rows)) < 100, rows.labels, -1)}
    model = train_shared_layer(rows.embeddings, labels, {"side": 1.0}, epochs=40)
    assert (model.predict(rows.embeddings, "side") == rows.labels).mean() > 0.95
    with pytest.raises(TrainingError, match="'topic' has 0 labels"):
        train_shared_layer(rows.embeddings, labels, {"topic": 1.0})


def test_code_switching_replaces_what_the_dictionaries_have():
    french, german = {"house": "maison", "the": "la"}, {"house": "Haus"}
    random = np.random.default_rng(0)
    assert code_switch("The house burns", [french], 1.0, random) == "la maison burns"
    assert code_switch("The house burns", [french], 0.0, random) == "The house burns"
    found = {code_switch("house", [french, german], 1.0, random) for _ in range(50)}
    assert found == {"maison", "Haus"}
    shares = [code_switch("house " * 100, [german], 0.3, random).count("Haus") for _ in range(20)]
    assert 20 < np.mean(shares) < 40
    for share, dictionaries in ((1.5, [french]), (0.5, [])):
        with pytest.raises(DataError):
            code_switch("a", dictionaries, share, random)


def test_preprocessing_cuts_and_strips():
    assert strip_accents("Café Über Ёлка") == "Cafe Uber Елка"
    assert strip_accents("日本 ok") == "日本 ok"
    assert stem("running  runners ran", 4) == "runn runn ran"
    with pytest.raises(DataError):
        stem("a", 0)
