"""Scores against scikit-learn, also where classes are absent."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import confusion_matrix, macro_f1_from_confusion, score


@st.composite
def labels_predictions_classes(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    """Few items and up to six classes, so that classes are often absent from the labels, the predictions or both."""
    classes, n = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    indices = st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)
    return draw(indices), draw(indices), classes


@given(labels_predictions_classes())
def test_scores_are_scikit_learns(case):
    labels, predictions, classes = case
    options = {"labels": range(classes), "average": "macro", "zero_division": 0}

    scores = score(labels, predictions, classes)

    assert scores.n == len(labels)
    assert scores.accuracy == pytest.approx(reference.accuracy_score(labels, predictions))
    assert scores.macro_precision == pytest.approx(reference.precision_score(labels, predictions, **options))
    assert scores.macro_recall == pytest.approx(reference.recall_score(labels, predictions, **options))
    assert scores.macro_f1 == pytest.approx(reference.f1_score(labels, predictions, **options))


@pytest.mark.filterwarnings("ignore:A single label was found")  # scikit-learn's, although all labels are passed
@given(labels_predictions_classes())
def test_confusion_has_true_labels_in_rows(case):
    labels, predictions, classes = case
    expected = reference.confusion_matrix(labels, predictions, labels=range(classes))
    np.testing.assert_array_equal(confusion_matrix(labels, predictions, classes), expected)


def test_macro_f1_of_a_stack_of_confusions_is_that_of_each():
    rng = np.random.default_rng(3)
    labels, predictions = rng.integers(4, size=(2, 5, 30)), rng.integers(4, size=(2, 5, 30))
    stack = np.array(
        [
            [confusion_matrix(y, p, 4) for y, p in zip(*row, strict=True)]
            for row in zip(labels, predictions, strict=True)
        ]
    )

    values = macro_f1_from_confusion(stack)

    assert values.shape == (2, 5)
    for index in np.ndindex(2, 5):
        expected = reference.f1_score(labels[index], predictions[index], labels=range(4), average="macro")
        assert values[index] == pytest.approx(expected)


def test_torch_tensors_and_small_integer_types_are_taken():
    labels, predictions = [0, 1, 2, 2], [0, 2, 2, 1]
    expected = score(labels, predictions, 3)
    assert score(torch.tensor(labels), torch.tensor(predictions), 3) == expected
    # 200 classes overflow one byte in label * C + prediction unless the type is widened first.
    wide = [0, 150, 199]
    assert score(np.array(wide, dtype=np.uint8), np.array(wide, dtype=np.uint8), 200).accuracy == 1


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([], [], "labels are empty"),
        ([0, 1], [0, 1, 2], r"labels have shape \(2,\) and predictions \(3,\)"),
        ([0, 3], [0, 1], "labels run from 0 to 3; with 3 labels they go from 0 to 2"),
        ([0, 1], [0, -100], "predictions run from -100 to 0"),
        ([0, 1], [[0.1, 0.9], [0.8, 0.2]], "argmax"),
        ([0, 1], [[0, 1], [1, 1]], "takes one run"),
        ([[0, 1]], [[0, 1]], r"labels have shape \(1, 2\)"),
    ],
)
def test_what_cannot_be_scored_says_why(labels, predictions, message):
    with pytest.raises(DataError, match=message):
        score(labels, predictions, 3)
