"""Parallel sentences: what the packs say, splits that do not leak, and errors that name the remedy."""

import gettext
from pathlib import Path

import pytest

from xlft_helpers.data import find_leakage, load_parallel, near_duplicates, parallel
from xlft_helpers.data.schema import build_dataset
from xlft_helpers.errors import DataError


def test_translations_are_those_that_gettext_finds():
    import jupyterlab_language_pack_fr_FR as pack

    catalogue = Path(pack.__file__).parent / "locale" / "fr_FR" / "LC_MESSAGES" / "jupyterlab.mo"
    with catalogue.open("rb") as file:
        reference = gettext.GNUTranslations(file)
    rows = load_parallel(["fr"]).set_index("en")["fr"]
    pairs = [(french, reference.gettext(english)) for english, french in rows.items()]
    known = [(french, theirs) for french, theirs in pairs if theirs not in rows.index]  # gettext gives back the unknown
    assert len(known) > 900
    assert sum(french == " ".join(theirs.split()) for french, theirs in known) > 0.98 * len(known)


def test_there_is_enough_and_every_row_is_complete():
    frame = load_parallel(["fr", "zh"])
    assert list(frame.columns) == ["id", "split", "en", "fr", "zh"]
    assert len(frame) > 2500
    assert frame.notna().all(axis=None)
    assert frame["id"].is_unique
    assert frame["en"].is_unique
    assert (frame["en"] != frame["fr"]).all()


def test_no_english_message_has_a_near_twin_in_another_split():
    frame = load_parallel(["fr"])
    splits = frame["split"].tolist()
    pairs = near_duplicates(frame["en"].tolist(), parallel.NEAR)
    assert pairs  # there are near twins,
    assert all(splits[pair.first] == splits[pair.second] for pair in pairs)  # and they stay together
    shares = frame["split"].value_counts(normalize=True)
    assert 0.75 < shares["train"] < 0.85
    assert min(shares["dev"], shares["test"]) > 0.06


def test_the_leakage_check_of_the_course_agrees():
    frame = load_parallel(["fr"])[["id", "split", "en"]].rename(columns={"en": "text"})
    data = build_dataset(frame.assign(language="en", label="any"), ["any", "other"], "packs")
    assert find_leakage(data, threshold=parallel.NEAR).empty


def test_a_message_keeps_its_split_whatever_languages_are_asked_for():
    alone = load_parallel(["fr"]).set_index("id")["split"]
    several = load_parallel(["zh", "fr", "ru"]).set_index("id")["split"]
    assert len(several) < len(alone)
    assert (alone.loc[several.index] == several).all()


@pytest.mark.parametrize(
    ("languages", "message"), [(["xx"], "no pack .* 'xx': choose among fr, zh"), ([], "languages is empty")]
)
def test_unknown_languages_are_refused(languages, message):
    with pytest.raises(DataError, match=message):
        load_parallel(languages)


def test_a_pack_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(parallel.PACKS, "sv", "sv-XX")
    with pytest.raises(DataError, match="pip install jupyterlab-language-pack-sv-xx"):
        load_parallel(["sv"])
