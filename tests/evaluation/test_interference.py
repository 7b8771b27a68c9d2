"""Cosines between gradients against gradients computed one by one, and their interval against its definition."""

from itertools import product

import numpy as np
import pytest
import torch

from xlft_helpers.data import load_tweets, select_language
from xlft_helpers.errors import DataError
from xlft_helpers.evaluation import GradientCosines, gradient_cosines
from xlft_helpers.models import load_model, load_tokenizer

GROUPS = {"encoder": ("encoder.",), "head": ("classifier",)}


@pytest.fixture(scope="module")
def setting():
    test = load_tweets(["en", "fr"])["test"]
    torch.manual_seed(0)
    model = load_model("use-m", label_names=["negative", "neutral", "positive"])
    for name, parameter in model.named_parameters():  # a small part of the model is enough here
        parameter.requires_grad_(name.startswith(("encoder.dnn", "classifier")))
    batches = {
        language: [select_language(test, language).select(range(start, start + 4)) for start in (0, 4, 8)]
        for language in ("en", "fr")
    }
    return model, load_tokenizer("use-m"), batches


@pytest.fixture(scope="module")
def cosines(setting):
    return gradient_cosines(*setting, GROUPS, progress=False)


def one_gradient(model, tokenizer, rows, beginning):
    """The mean of the messages' own gradients: another way to the gradient of a batch."""
    parameters = [p for name, p in model.named_parameters() if p.requires_grad and name.startswith(beginning)]
    gradients = []
    for text, label in zip(rows["text"], rows["label"], strict=True):
        log_p = model(**tokenizer(text, return_tensors="pt")).logits.log_softmax(dim=-1)[0, label]
        gradients.append(torch.cat([g.flatten() for g in torch.autograd.grad(log_p, parameters)]).double())
    return torch.stack(gradients).mean(dim=0)


@pytest.mark.parametrize(("group", "beginning"), [("encoder", "encoder"), ("head", "classifier"), ("all", "")])
def test_cosines_are_those_of_gradients_taken_message_by_message(setting, cosines, group, beginning):
    model, tokenizer, batches = setting
    first, second = (one_gradient(model, tokenizer, batches[k][b], beginning) for k, b in (("en", 0), ("fr", 2)))
    expected = torch.cosine_similarity(first, second, dim=0).item()
    assert cosines.by_batch[group][0, 0, 1, 2] == pytest.approx(expected, abs=1e-3)


def test_every_gradient_has_cosine_one_with_itself_and_order_does_not_matter(cosines):
    for values in cosines.by_batch.values():
        flat = values.reshape(6, 6)
        np.testing.assert_allclose(np.diag(flat), 1)
        np.testing.assert_allclose(flat, flat.T, atol=1e-6)


def toy(values):
    return GradientCosines(("en", "fr"), {"all": np.asarray(values, dtype=float)})


def test_matrix_leaves_out_equal_batch_numbers_or_takes_only_them():
    values = np.random.default_rng(0).normal(size=(2, 3, 2, 3))
    different, same = toy(values).matrix(), toy(values).matrix(same_batch=True)
    for k, language in enumerate(("en", "fr")):
        others = [values[0, b, k, c] for b, c in product(range(3), range(3)) if b != c]
        assert different.loc["en", language] == pytest.approx(np.mean(others))
        assert same.loc["en", language] == pytest.approx(np.mean([values[0, b, k, b] for b in range(3)]))


def test_weighted_sum_weighs_entries_of_the_matrix():
    measured = toy(np.random.default_rng(1).normal(size=(2, 5, 2, 5)))
    matrix = measured.matrix()
    found = measured.weighted_sum({("en", "en"): 0.5, ("fr", "fr"): 0.5, ("en", "fr"): -1.0})
    own = (matrix.loc["en", "en"] + matrix.loc["fr", "fr"]) / 2
    assert found.estimate == pytest.approx(own - matrix.loc["en", "fr"])
    assert found.low < found.estimate < found.high


def test_interval_has_no_width_where_batches_agree_and_covers_where_they_do_not():
    constant = toy(np.full((2, 4, 2, 4), 0.25)).weighted_sum({("en", "fr"): 1.0})
    assert (constant.low, constant.high) == pytest.approx((0.25, 0.25))
    # Cosines between batches of random vectors around a common direction; the mean over many batches is the truth.
    rng = np.random.default_rng(2)

    def measured(number):
        vectors = rng.normal(size=(2, number, 40)) + 0.5
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        return toy(np.einsum("kbd,lcd->kblc", vectors, vectors))

    truth = measured(600).matrix().loc["en", "fr"]
    intervals = [measured(10).weighted_sum({("en", "fr"): 1.0}, resamples=300) for _ in range(200)]
    assert 0.88 < np.mean([i.low <= truth <= i.high for i in intervals]) <= 0.99


def test_bad_input_is_named(setting, cosines):
    model, tokenizer, batches = setting
    with pytest.raises(DataError, match=r"same number of batches.*'fr': 1"):
        gradient_cosines(model, tokenizer, {**batches, "fr": batches["fr"][:1]}, GROUPS)
    with pytest.raises(DataError, match=r"encoder.dnn_in.weight belongs to no group"):
        gradient_cosines(model, tokenizer, batches, {"head": ("classifier",)})
    with pytest.raises(DataError, match=r"classifier.weight belongs to \['head', 'too'\]"):
        gradient_cosines(model, tokenizer, batches, {**GROUPS, "too": ("classifier.weight",)})
    with pytest.raises(DataError, match=r"groups \['pooler'\]"):
        gradient_cosines(model, tokenizer, batches, {**GROUPS, "pooler": ("pooler",)})
    with pytest.raises(DataError, match=r"weights name \['de'\]"):
        cosines.weighted_sum({("en", "de"): 1.0})
