"""The baselines on small data sets whose right answers are known."""

import numpy as np
import pytest
from datasets import Dataset

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import baseline_predictions


def dataset(texts, labels, language="en"):
    return Dataset.from_dict({"text": texts, "label": labels, "language": [language] * len(texts)})


TRAIN = dataset(["so good 😍", "great day", "awful 😡", "bad bad day", "it is noon", "the bus"], [2, 2, 0, 0, 2, 1])
TEST = dataset(["a", "b", "c"], [0, 1, 1])


def test_majority_is_the_most_frequent_training_label_and_the_first_of_equals():
    np.testing.assert_array_equal(baseline_predictions("majority", TRAIN, TEST, 0), [2, 2, 2])
    tie = dataset(["x", "y", "z", "w"], [2, 1, 2, 1])
    np.testing.assert_array_equal(baseline_predictions("majority", tie, TEST, 0), [1, 1, 1])


def test_random_guesses_every_training_label_equally_often_and_follows_its_seed():
    test = dataset(["x"] * 9000, [0] * 9000)
    guesses = baseline_predictions("random", TRAIN, test, 1)
    np.testing.assert_allclose(np.bincount(guesses) / 9000, [1 / 3] * 3, atol=0.02)
    np.testing.assert_array_equal(guesses, baseline_predictions("random", TRAIN, test, 1))
    assert (guesses != baseline_predictions("random", TRAIN, test, 2)).any()


@pytest.mark.parametrize(
    ("language", "positive", "negative"),
    [("en", "lovely", "horrid"), ("zh", "喜欢", "讨厌"), ("ar", "رائع", "سيئ"), ("hi", "है", "नि"), ("en", "😍", "😡")],
)
def test_tfidf_learns_the_word_that_decides_in_any_script(language, positive, negative):
    rng = np.random.default_rng(0)
    labels = np.tile([0, 2], 40)
    filler = ["aa bb", "cc dd", "ee ff", "gg hh"]
    texts = [f"{rng.choice(filler)} {positive if label else negative} {rng.choice(filler)}" for label in labels]
    data = dataset(texts, labels.tolist(), language)
    test = data.select(range(60, 80))
    predictions = baseline_predictions("tfidf", data.select(range(60)), test, 0)
    np.testing.assert_array_equal(predictions, test["label"])


def test_tfidf_learns_from_a_handful_of_texts_and_predicts_in_the_order_of_the_test_set():
    train = dataset(["good", "good good", "bad", "bad bad"], [1, 1, 0, 0])
    predictions = baseline_predictions("tfidf", train, dataset(["bad", "good", "bad"], [0, 0, 0]), 0)
    np.testing.assert_array_equal(predictions, [0, 1, 0])


def test_tfidf_learns_from_texts_without_a_single_word_of_letters():
    train = dataset(["😍", "😍 !", "😡", "😡 !"], [1, 1, 0, 0])
    predictions = baseline_predictions("tfidf", train, dataset(["😡 ?", "😍 ?"], [0, 0]), 0)
    np.testing.assert_array_equal(predictions, [0, 1])


def test_what_no_baseline_can_learn_from_says_why():
    with pytest.raises(ValueError, match="no baseline 'svm'; choose one of majority, random, tfidf"):
        baseline_predictions("svm", TRAIN, TEST, 0)
    with pytest.raises(DataError, match="training data are empty"):
        baseline_predictions("majority", TRAIN.select([]), TEST, 0)
    with pytest.raises(DataError, match="test data are empty"):
        baseline_predictions("majority", TRAIN, TEST.select([]), 0)
    with pytest.raises(DataError, match="training data have no column 'label'"):
        baseline_predictions("majority", TRAIN.remove_columns("label"), TEST, 0)
    with pytest.raises(DataError, match="All 2 training texts have the label 2"):
        baseline_predictions("tfidf", TRAIN.select([0, 1]), TEST, 0)
