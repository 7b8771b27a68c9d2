"""Recommendations follow the stated rules, and say why."""

import pytest

from xlft_helpers.data import language_name
from xlft_helpers.errors import DataError, ModelError
from xlft_helpers.models import CANDIDATES, load_model, recommend


def first(*languages, **situation):
    return recommend(languages, **situation)[0].model


def test_coverage_has_the_published_sizes():
    # 16 with traditional Chinese; 104 Wikipedias, 14 without a two-letter code and two kinds of Chinese; 100 corpora, seven of them second ones.
    sizes = {name: len(candidate.languages) for name, candidate in CANDIDATES.items()}
    assert sizes == {"tf-idf": 0, "use-m": 15, "mini": 8, "mbert": 89, "xlmr": 93}
    for candidate in CANDIDATES.values():
        for code in candidate.languages - {"sh"}:  # withdrawn from ISO 639-1
            assert language_name(code)


def test_sizes_are_those_of_the_models():
    for name in ("use-m", "mini"):
        kind = "embedding" if name == "use-m" else "masked-lm"
        model = load_model(name, kind)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6
        assert trained == pytest.approx(CANDIDATES[name].trained, rel=0.1)


@pytest.mark.parametrize(
    ("languages", "situation", "expected"),
    [
        (("en", "fr"), {}, "use-m"),  # covered, small memory, no GPU
        (("en", "th"), {"memory_gb": 16}, "use-m"),  # large models fit, but train for hours
        (("en", "fr"), {"memory_gb": 16, "gpu": True}, "xlmr"),
        (("en", "hi", "sw"), {"memory_gb": 16, "gpu": True}, "xlmr"),
        (("ba", "tt"), {"memory_gb": 16, "gpu": True}, "mbert"),  # Bashkir and Tatar: in Wikipedia, not in XLM-R
        (("ne", "ml"), {"n_labels": 300}, "tf-idf"),  # nothing that fits has read them
        (("en", "hi"), {"n_labels": 300}, "use-m"),
        (("en", "hi", "sw"), {"n_labels": 300}, "tf-idf"),  # two of three are not covered
        (("en", "hi", "sw"), {"n_labels": 30}, "use-m"),
        (("hi", "sw"), {"n_labels": 30}, "tf-idf"),
    ],
)
def test_the_first_one(languages, situation, expected):
    assert first(*languages, **situation) == expected


def test_what_does_not_fit_is_last_and_says_so():
    ranked = recommend(["en", "fr"], memory_gb=2)
    by_name = {found.model: found for found in ranked}
    assert not by_name["xlmr"].usable
    assert "more than the 2 GB" in by_name["xlmr"].reasons[0]
    usable = [found.usable for found in ranked]
    assert usable == sorted(usable, reverse=True)
    assert all(found.reasons for found in ranked)


def test_uncovered_languages_are_named():
    (found,) = [one for one in recommend(["en", "hi", "sw"], n_labels=200) if one.model == "use-m"]
    assert found.covered == ("en",)
    assert "Hindi, Swahili" in found.reasons[0]
    assert "TF-IDF" in found.reasons[1]


def test_norwegian_counts_by_any_of_its_codes():
    for code in ("no", "nb", "nn"):
        covered = {found.model for found in recommend([code]) if found.covered}
        assert covered == {"mbert", "xlmr"}


def test_wrong_questions_are_refused():
    with pytest.raises(DataError, match="Did you mean 'fr'"):
        recommend(["French"])
    for wrong in ({"languages": []}, {"languages": ["fr"], "n_labels": -1}, {"languages": ["fr"], "memory_gb": 0}):
        with pytest.raises(ModelError):
            recommend(**wrong)
