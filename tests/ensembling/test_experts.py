"""The parts of the ensemble, each against a reference."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from xlft_helpers.ensembling import LogCountRatioClassifier, match_prior
from xlft_helpers.ensembling.probe import UNSEEN, Probe

DRAW = np.random.default_rng(0)


def test_log_count_ratios_are_those_of_the_paper():
    labels = DRAW.integers(0, 3, 90)
    features = DRAW.random((90, 8)) * (DRAW.random((90, 8)) < 0.3 + 0.4 * (np.arange(8) % 3 == labels[:, None]))
    found = (
        LogCountRatioClassifier().fit(csr_matrix(features), np.eye(3)[labels]).log_probabilities(csr_matrix(features))
    )
    chances = []
    for label in range(3):
        p = 1 + (features[labels == label] > 0).sum(axis=0)
        q = 1 + (features[labels != label] > 0).sum(axis=0)
        weighted = features * np.log((p / p.sum()) / (q / q.sum()))
        reference = LogisticRegression(max_iter=60, tol=1e-3).fit(weighted, labels == label)
        chances.append(reference.predict_proba(weighted)[:, 1])
    expected = np.stack(chances, axis=1)
    np.testing.assert_allclose(np.exp(found), expected / expected.sum(axis=1, keepdims=True), atol=2e-3)


def test_a_text_with_two_possible_classes_counts_for_both():
    features = csr_matrix([[1.0, 0, 1], [0, 1, 1], [1, 1, 0]])
    targets = np.array([[1.0, 0], [0, 1], [0.5, 0.5]])
    found = np.exp(LogCountRatioClassifier().fit(features, targets).log_probabilities(features))
    assert found[0, 0] > found[2, 0] > found[1, 0]
    assert found[2] == pytest.approx([0.5, 0.5], abs=1e-3)  # the other two are each other's mirror image


def test_with_the_shift_the_mean_answer_is_the_prior():
    scores = DRAW.normal(loc=[2, 0, -1], size=(500, 3))
    for prior in ([1 / 3, 1 / 3, 1 / 3], [0.6, 0.3, 0.1]):
        shift = match_prior(scores, prior)
        np.testing.assert_allclose(softmax(scores + shift, axis=1).mean(axis=0), prior, atol=1e-3)
    # Where the prior is right already, nothing moves.
    np.testing.assert_allclose(match_prior(scores, softmax(scores, axis=1).mean(axis=0)), 0, atol=1e-9)


def test_matching_the_prior_replaces_what_centring_of_a_linear_head_does():
    """Moving all embeddings by one vector adds a constant to each class, which the prior decides anyway."""
    embeddings, head = DRAW.normal(size=(200, 5)), DRAW.normal(size=(5, 3))
    uniform = np.full(3, 1 / 3)
    plain, moved = embeddings @ head, (embeddings - DRAW.normal(size=5)) @ head
    one, other = (softmax(scores + match_prior(scores, uniform), axis=1) for scores in (plain, moved))
    np.testing.assert_allclose(one, other, atol=2e-2)


def test_a_class_that_the_probe_never_saw_is_unlikely_but_possible():
    embeddings = DRAW.normal(size=(20, 4))
    probe = Probe(embeddings, np.arange(20) % 2 * 2, num_labels=3, strength=1.0)
    found = probe.log_probabilities(embeddings)
    assert found.shape == (20, 3)
    assert np.exp(found[:, 1]) == pytest.approx(UNSEEN)
