"""The objectives against float64 numpy, finite differences, torch's loss, and each other."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xlft_helpers.errors import DataError
from xlft_helpers.objectives import cross_lingual_objective, fine_tuning_objective


def batch(n, seed=0, classes=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, classes, generator=generator, dtype=dtype) * 3
    return logits.requires_grad_(), torch.randint(classes, (n,), generator=generator)


def numpy_log_likelihood(logits, labels):
    scores = logits.detach().numpy().astype(np.float64)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return sum(np.log(probabilities[i, label]) for i, label in enumerate(labels.tolist()))


def languages(sizes):
    data = {code: batch(n, seed=i) for i, (code, n) in enumerate(sizes.items())}
    return {code: pair[0] for code, pair in data.items()}, {code: pair[1] for code, pair in data.items()}


def test_value_is_numpys_and_minus_n_times_the_trainers_loss():
    logits, labels = batch(17)
    value = fine_tuning_objective(logits, labels)
    assert value.shape == ()
    assert value.item() == pytest.approx(numpy_log_likelihood(logits, labels), rel=1e-12)
    assert -value.item() / 17 == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-12)


def test_uniform_logits_give_minus_log_c_an_example():
    assert fine_tuning_objective(torch.zeros(5, 4), torch.tensor([0, 1, 2, 3, 0])).item() == pytest.approx(
        -5 * np.log(4)
    )


def test_extreme_logits_stay_finite():
    value = fine_tuning_objective(torch.tensor([[1000.0, -1000.0]]), torch.tensor([1]))
    assert value.item() == -2000


def test_labels_may_be_any_integer_type():
    logits, labels = batch(6)
    assert fine_tuning_objective(logits, labels.to(torch.int32)) == fine_tuning_objective(logits, labels)


def test_gradients_agree_with_finite_differences():
    logits, labels = batch(5)
    assert torch.autograd.gradcheck(lambda x: fine_tuning_objective(x, labels), (logits,))
    by_language, labels_by_language = languages({"en": 4, "fr": 3})
    weights = {"en": 0.5, "fr": 2.0}
    assert torch.autograd.gradcheck(
        lambda en, fr: cross_lingual_objective({"en": en, "fr": fr}, labels_by_language, weights),
        tuple(by_language.values()),
    )


def test_without_weights_it_is_the_objective_of_the_concatenation_in_value_and_gradient():
    logits, labels = languages({"en": 9, "fr": 4, "ar": 1})
    together = torch.cat([logits[code].detach() for code in logits]).requires_grad_()
    merged = fine_tuning_objective(together, torch.cat(list(labels.values())))
    value = cross_lingual_objective(logits, labels)
    assert value.item() == pytest.approx(merged.item(), rel=1e-12)
    gradients = torch.cat(torch.autograd.grad(value, list(logits.values())))
    torch.testing.assert_close(gradients, torch.autograd.grad(merged, together)[0])


def test_weights_multiply_each_languages_log_likelihood():
    logits, labels = languages({"en": 9, "fr": 4})
    # The order of the weights is not that of the logits: they must be matched by name.
    value = cross_lingual_objective(logits, labels, {"fr": 3.0, "en": 0.25})
    expected = 0.25 * numpy_log_likelihood(logits["en"], labels["en"]) + 3 * numpy_log_likelihood(
        logits["fr"], labels["fr"]
    )
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_a_weight_of_zero_leaves_a_language_out_of_the_gradient():
    logits, labels = languages({"en": 3, "fr": 2})
    cross_lingual_objective(logits, labels, {"en": 1.0, "fr": 0.0}).backward()
    assert logits["en"].grad.abs().sum() > 0
    assert logits["fr"].grad.abs().sum() == 0


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), "no example"),
        (torch.zeros(2, 3), torch.tensor([0]), r"logits have shape \(2, 3\) and labels \(1,\)"),
        (torch.zeros(3), torch.tensor([0]), r"expected \(N, C\)"),
        (torch.zeros(1, 3), torch.tensor([3]), "run from 3 to 3, but the logits have 3 columns"),
        (torch.zeros(2, 3), torch.tensor([0, -100]), "run from -100 to 0"),
        (torch.zeros(1, 3), torch.tensor([0.0]), "class indices are integers"),
    ],
)
def test_examples_that_do_not_fit_say_why_and_in_which_language(logits, labels, message):
    with pytest.raises(DataError, match=message):
        fine_tuning_objective(logits, labels)
    fitting = torch.zeros(1, 3), torch.tensor([0])
    with pytest.raises(DataError, match=f"^Language 'fr': .*{message}"):
        cross_lingual_objective({"en": fitting[0], "fr": logits}, {"en": fitting[1], "fr": labels})


def test_languages_and_weights_that_do_not_fit_are_named():
    logits, labels = languages({"en": 2, "fr": 2})
    with pytest.raises(DataError, match="at least one language"):
        cross_lingual_objective({}, {})
    with pytest.raises(DataError, match=r"labels_by_language .* missing \['fr'\], not expected \['de'\]"):
        cross_lingual_objective(logits, {"en": labels["en"], "de": labels["fr"]})
    with pytest.raises(DataError, match=r"weights .* missing \['fr'\]"):
        cross_lingual_objective(logits, labels, {"en": 1.0})
    for weight in (-1.0, float("nan"), float("inf")):
        with pytest.raises(DataError, match="weight of language 'fr'"):
            cross_lingual_objective(logits, labels, {"en": 1.0, "fr": weight})
