"""Class priors and language sampling: by hand, against scipy's softmax, and by their properties."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from xlft_helpers.data import class_priors, sample_languages, sampling_probabilities
from xlft_helpers.errors import DataError

COUNTS = st.dictionaries(st.sampled_from(["en", "fr", "de", "ar", "zh"]), st.integers(1, 40), min_size=1)
ALPHAS = st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]) | st.floats(0, 1)


def dataset(languages: list[str], labels: list[int] | None = None) -> Dataset:
    rows = {"id": [str(number) for number in range(len(languages))], "language": languages}
    features = Features(id=Value("string"), language=Value("string"), label=ClassLabel(names=["no", "yes"]))
    return Dataset.from_dict({**rows, "label": labels or [0] * len(languages)}, features=features)


def test_probabilities_by_hand():
    counts = {"en": 900, "fr": 100}
    assert sampling_probabilities(counts, 1) == pytest.approx({"en": 0.9, "fr": 0.1})
    assert sampling_probabilities(counts, 0.5) == pytest.approx({"en": 0.75, "fr": 0.25})  # 30 to 10
    assert sampling_probabilities(counts, 0) == pytest.approx({"en": 0.5, "fr": 0.5})


@given(counts=st.dictionaries(st.text(min_size=1), st.integers(1, 10**9), min_size=1), alpha=ALPHAS)
def test_probabilities_are_a_softmax_of_scaled_log_counts(counts, alpha):
    expected = softmax(alpha * np.log(list(counts.values())))
    assert sampling_probabilities(counts, alpha) == pytest.approx(dict(zip(counts, expected, strict=True)))


@pytest.mark.parametrize(
    ("counts", "alpha", "message"),
    [
        ({"en": 1}, 1.5, r"alpha=1.5 is outside \[0, 1\]"),
        ({"en": 1}, float("nan"), r"alpha=nan is outside"),
        ({"en": 1, "fr": 0}, 1, "every language needs at least one example"),
        ({}, 1, "every language needs at least one example"),
    ],
)
def test_impossible_sampling(counts, alpha, message):
    with pytest.raises(DataError, match=message):
        sampling_probabilities(counts, alpha)


@given(counts=COUNTS, alpha=ALPHAS, seed=st.integers(0, 3), order=st.randoms(use_true_random=False))
def test_sample_has_the_size_of_the_whole_and_the_shares_asked_for(counts, alpha, seed, order):
    languages = [code for code, count in counts.items() for _ in range(count)]
    order.shuffle(languages)
    whole = dataset(languages)
    sample = sample_languages(whole, alpha, seed)
    assert len(sample) == len(whole)
    drawn = Counter(sample["language"])
    for code, share in sampling_probabilities(counts, alpha).items():
        assert abs(drawn[code] - share * len(whole)) < 1
        uses = Counter(row["id"] for row in sample if row["language"] == code)
        # A row comes again only when all rows of its language have come.
        times = [uses[str(number)] for number, other in enumerate(languages) if other == code]
        assert max(times) - min(times) <= 1
    assert sample["id"][:] == sample_languages(whole, alpha, seed)["id"][:]


@given(counts=COUNTS, seed=st.integers(0, 3))
def test_alpha_one_is_the_concatenation(counts, seed):
    whole = dataset([code for code, count in counts.items() for _ in range(count)])
    assert sample_languages(whole, 1, seed).to_list() == whole.to_list()


def test_seeds_draw_different_rows():
    whole = dataset(["en"] * 300 + ["fr"] * 20)
    first, second = (sample_languages(whole, 0.3, seed)["id"][:] for seed in (0, 1))
    assert first != second


def test_class_priors_by_hand():
    train = dataset(["en", "fr", "en", "en", "fr"], [0, 1, 0, 1, 1])
    test = dataset(["fr"], [0])
    expected = pd.DataFrame(
        {
            "split": ["train", "train", "test"],
            "language": ["en", "fr", "fr"],
            "n": [3, 2, 1],
            "no": [2 / 3, 0, 1],
            "yes": [1 / 3, 1, 0],
        }
    )
    pd.testing.assert_frame_equal(class_priors(DatasetDict(train=train, test=test)), expected)
    assert class_priors(test)["split"].tolist() == ["all"]
