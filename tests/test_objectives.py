"""The objectives against float64 numpy, finite differences, torch's loss, and each other."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from xlft_helpers.data import sampling_probabilities
from xlft_helpers.errors import DataError
from xlft_helpers.objectives import (
    bits_per_character,
    causal_objective,
    cross_lingual_objective,
    fine_tuning_objective,
    masked_objective,
    mean_negative_log_likelihood,
    perplexity,
    translation_objective,
)


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


# --- L_cross and sampling


def test_sampling_with_alpha_one_converges_to_the_plain_objective():
    sizes = {"en": 60, "fr": 25, "ar": 5}
    logits, labels = languages(sizes)
    plain = cross_lingual_objective(logits, labels).item() / sum(sizes.values())
    estimate, error = sampled_mean(logits, labels, alpha=1.0)
    assert estimate == pytest.approx(plain, abs=4 * error)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.7])
def test_sampling_with_a_smaller_alpha_converges_to_the_weighted_objective(alpha):
    sizes = {"en": 60, "fr": 25, "ar": 5}
    logits, labels = languages(sizes)
    total, shares = sum(sizes.values()), sampling_probabilities(sizes, alpha)
    # Language k is drawn p_k times instead of M_k / M times, so it counts p_k M / M_k as much.
    weights = {code: shares[code] * total / size for code, size in sizes.items()}
    weighted = cross_lingual_objective(logits, labels, weights).item() / total
    estimate, error = sampled_mean(logits, labels, alpha)
    assert estimate == pytest.approx(weighted, abs=4 * error)
    if alpha == 0:
        assert weights == pytest.approx({code: total / (3 * size) for code, size in sizes.items()})
    # The draw can tell the two apart: the plain objective is far outside its error.
    assert abs(cross_lingual_objective(logits, labels).item() / total - weighted) > 4 * error


def sampled_mean(logits, labels, alpha, draws=200_000):
    """Mean log-likelihood of examples drawn language first, and its standard error."""
    generator = np.random.default_rng(0)
    shares = sampling_probabilities({code: len(part) for code, part in labels.items()}, alpha)
    values = {
        code: np.array(
            [numpy_log_likelihood(logits[code][i : i + 1], labels[code][i : i + 1]) for i in range(len(part))]
        )
        for code, part in labels.items()
    }
    counts = generator.multinomial(draws, list(shares.values()))
    drawn = np.concatenate([generator.choice(values[code], n) for code, n in zip(shares, counts, strict=True)])
    return drawn.mean(), drawn.std() / np.sqrt(draws)


# --- language modelling


def language_batch(n=4, length=7, vocabulary=11, seed=0):
    """Logits, ids and a mask with rows of 7, 6, 5 and 4 pieces."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, length, vocabulary, generator=generator, dtype=torch.float64) * 2
    ids = torch.randint(vocabulary, (n, length), generator=generator)
    mask = (torch.arange(length) < length - torch.arange(n).unsqueeze(1)).long()
    return logits.requires_grad_(), ids, mask


def labels_from(ids, mask, seed=0):
    chosen = (torch.rand(ids.shape, generator=torch.Generator().manual_seed(seed)) < 0.5) & (mask == 1)
    return torch.where(chosen, ids, -100)


def numpy_sum(logits, picks):
    scores = logits.detach().numpy()
    logs = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return sum(logs[i, j, w] for i, j, w in picks)


def test_causal_value_is_the_sum_over_samples_and_positions():
    logits, ids, mask = language_batch()
    picks = [(i, j - 1, ids[i, j]) for i in range(4) for j in range(1, int(mask[i].sum()))]
    assert causal_objective(logits, ids, mask).item() == pytest.approx(numpy_sum(logits, picks), rel=1e-12)


def test_masked_value_is_the_sum_over_the_blanks():
    logits, ids, mask = language_batch()
    labels = labels_from(ids, mask)
    picks = [(i, j, labels[i, j]) for i, j in (labels != -100).nonzero().tolist()]
    assert masked_objective(logits, labels).item() == pytest.approx(numpy_sum(logits, picks), rel=1e-12)


def test_translation_value_is_the_masked_one_split_by_sentence():
    logits, ids, mask = language_batch()
    labels, sentence = labels_from(ids, mask), (torch.arange(7) > 2).long().expand(4, 7)
    found = translation_objective(logits, labels, sentence)
    picks = [(i, j, labels[i, j]) for i, j in (labels != -100).nonzero().tolist()]
    assert found["source"].item() == pytest.approx(numpy_sum(logits, [p for p in picks if p[1] <= 2]), rel=1e-12)
    assert found["target"].item() == pytest.approx(numpy_sum(logits, [p for p in picks if p[1] > 2]), rel=1e-12)
    assert found["total"] == masked_objective(logits, labels)
    one_sided = translation_objective(logits, labels.masked_fill(sentence == 0, -100), sentence)
    assert one_sided["source"] == 0
    with pytest.raises(DataError, match="holding 0 for the text and 1"):
        translation_objective(logits, labels, sentence + 1)


def test_causal_and_masked_are_minus_m_times_the_loss_of_transformers():
    ids = torch.randint(5, 30, (3, 8), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(8) < torch.tensor([[8], [6], [3]])).long()
    torch.manual_seed(0)
    causal = GPT2LMHeadModel(GPT2Config(vocab_size=30, n_embd=16, n_layer=1, n_head=2, n_positions=8)).double().eval()
    output = causal(ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100))
    predicted = int(mask[:, 1:].sum())
    value = causal_objective(output.logits, ids, mask)
    assert mean_negative_log_likelihood(value, predicted).item() == pytest.approx(output.loss.item(), rel=1e-6)

    config = BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    masked = BertForMaskedLM(config).double().eval()
    labels = labels_from(ids, mask, seed=1)
    output = masked(ids, attention_mask=mask, labels=labels)
    value = masked_objective(output.logits, labels)
    count = int((labels != -100).sum())
    assert mean_negative_log_likelihood(value, count).item() == pytest.approx(output.loss.item(), rel=1e-6)


def test_language_modelling_gradients_agree_with_finite_differences():
    logits, ids, mask = language_batch(n=2, length=4, vocabulary=3)
    labels, sentence = labels_from(ids, mask), (torch.arange(4) > 1).long().expand(2, 4)
    assert torch.autograd.gradcheck(lambda x: causal_objective(x, ids, mask), (logits,))
    assert torch.autograd.gradcheck(lambda x: masked_objective(x, labels), (logits,))
    assert torch.autograd.gradcheck(lambda x: translation_objective(x, labels, sentence)["target"], (logits,))


def test_padding_and_the_order_of_the_rows_change_nothing():
    logits, ids, mask = language_batch()
    labels = labels_from(ids, mask)
    order = torch.tensor([2, 0, 3, 1])
    more = torch.randn(4, 3, 11, dtype=torch.float64)
    wide, wide_ids = torch.cat([logits, more], dim=1), torch.nn.functional.pad(ids, (0, 3), value=5)
    wide_mask, wide_labels = (torch.nn.functional.pad(x, (0, 3), value=v) for x, v in ((mask, 0), (labels, -100)))
    causal, masked = causal_objective(logits, ids, mask).item(), masked_objective(logits, labels).item()
    assert causal_objective(logits[order], ids[order], mask[order]).item() == pytest.approx(causal, rel=1e-12)
    assert causal_objective(wide, wide_ids, wide_mask).item() == pytest.approx(causal, rel=1e-12)
    assert masked_objective(logits[order], labels[order]).item() == pytest.approx(masked, rel=1e-12)
    assert masked_objective(wide, wide_labels).item() == pytest.approx(masked, rel=1e-12)


def test_everything_may_be_masked_and_nothing_may_not():
    logits, ids, _ = language_batch()
    assert torch.isfinite(masked_objective(logits, ids))  # every position is predicted
    with pytest.raises(DataError, match="No position is predicted"):
        masked_objective(logits, torch.full_like(ids, -100))
    with pytest.raises(DataError, match="No position is predicted"):
        causal_objective(logits[:, :1], ids[:, :1])
    with pytest.raises(DataError, match="No position is predicted"):
        masked_objective(torch.zeros(0, 5, 3), torch.zeros(0, 5, dtype=torch.long))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: causal_objective(torch.zeros(2, 3, 4), torch.zeros(2, 4, dtype=torch.long)),
            r"\(N, T, V\) and \(N, T\)",
        ),
        (lambda: masked_objective(torch.zeros(3, 4), torch.zeros(3, dtype=torch.long)), r"\(N, T, V\) and \(N, T\)"),
        (lambda: masked_objective(torch.zeros(1, 1, 4), torch.tensor([[4]])), "run from 4 to 4"),
        (lambda: causal_objective(torch.zeros(1, 2, 4), torch.tensor([[0, 1]]), torch.tensor([[0, 1]])), "in front of"),
        (
            lambda: causal_objective(torch.zeros(1, 2, 4), torch.tensor([[0, 1]]), torch.tensor([[1]])),
            "attention_mask has",
        ),
        (lambda: perplexity(torch.tensor(-1.0), 0), "at least one predicted piece"),
        (lambda: bits_per_character(torch.tensor(-1.0), 0), "at least one character"),
    ],
)
def test_language_modelling_inputs_that_do_not_fit_say_why(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_perplexity_and_bits_of_a_fair_choice():
    uniform, ids = torch.zeros(1, 9, 4), torch.zeros(1, 9, dtype=torch.long)
    value = causal_objective(uniform, ids)  # eight choices among four pieces
    assert perplexity(value, 8).item() == pytest.approx(4)
    assert mean_negative_log_likelihood(value, 8).item() == pytest.approx(np.log(4))
    assert bits_per_character(value, characters=16).item() == pytest.approx(1)  # 2 bits a piece, 2 characters a piece
