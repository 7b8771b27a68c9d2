"""The ensemble learns from labels where there are any, carries them over where not, and looks at no other."""

import numpy as np
import pytest
from datasets import concatenate_datasets

from xlft_helpers.data import load_tweets, select_language
from xlft_helpers.ensembling import fit_ensemble
from xlft_helpers.errors import TrainingError
from xlft_helpers.finetuning import Recipe

QUICK = {"recipe": Recipe(epochs=1), "progress": False}


@pytest.fixture(scope="module")
def data():
    return load_tweets(["en", "de", "fr"])


def relabelled(rows, labels):
    return rows.remove_columns("label").add_column("label", labels.tolist()).cast(rows.features)


@pytest.fixture(scope="module")
def merged(data):
    """English and German with their labels, French with drawn ones."""
    french = select_language(data["train"], "fr")
    noise = np.random.default_rng(0).permutation(np.asarray(french["label"]))
    train = concatenate_datasets([select_language(data["train"], "en", "de"), relabelled(french, noise)])
    return fit_ensemble("use-m", train, train.remove_columns("label"), **QUICK)


@pytest.fixture(scope="module")
def zero_shot(data):
    english = select_language(data["train"], "en")
    return fit_ensemble("use-m", english, data["train"].remove_columns("label"), **QUICK)


def accuracy(ensemble, rows):
    return (ensemble.predict(rows).argmax(axis=1) == np.asarray(rows["label"])).mean()


def test_answers_are_probabilities_in_the_order_of_the_rows(merged, data):
    rows = data["dev"].shuffle(seed=0)
    found = merged.predict(rows)
    assert found.shape == (len(rows), 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    german = select_language(rows, "de")
    np.testing.assert_allclose(found[np.asarray(rows["language"]) == "de"], merged.predict(german), atol=0.02)


def test_labels_that_are_noise_are_left_out(merged):
    assert merged.learned == ["en", "de"]
    assert merged.left_out == ["fr"]


def test_both_kinds_of_language_are_answered_far_above_chance(merged, zero_shot, data):
    for ensemble, language in ((merged, "de"), (merged, "fr"), (zero_shot, "fr"), (zero_shot, "de")):
        assert accuracy(ensemble, select_language(data["test"], language)) > 0.45


def test_the_fine_tuned_encoder_speaks_in_its_own_languages_only(zero_shot, data):
    rows = data["dev"]
    english = np.asarray(rows["language"]) == "en"
    encoder = zero_shot.scores(rows)["encoder"]
    assert (encoder[english] < 0).all()
    assert (encoder[~english] == 0).all()


def test_a_language_without_any_text_gets_the_probe(data):
    english = select_language(data["train"], "en").select(range(60))
    ensemble = fit_ensemble("use-m", english, english, **QUICK)
    scores = ensemble.scores(select_language(data["dev"], "fr"))
    assert (scores["probe"] < 0).all()
    assert not scores["n-grams"].any()


def test_too_few_rows_or_classes_are_said(data):
    english = select_language(data["train"], "en")
    with pytest.raises(TrainingError, match="needs 6 of each"):
        fit_ensemble("use-m", english.select(range(3)), english)
    with pytest.raises(TrainingError, match="same label"):
        fit_ensemble("use-m", english.filter(lambda row: row["label"] == 0), english)
