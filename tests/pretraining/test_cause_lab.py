"""The cause lab: two languages that are one, what a setting changes, and what the committed grid says."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch

from xlft_helpers import cause_lab
from xlft_helpers.cause_lab import (
    GRID,
    Measures,
    Setting,
    build_corpus,
    build_model,
    fake_english,
    reorder,
    run_setting,
)
from xlft_helpers.cause_lab import languages as languages_module
from xlft_helpers.cause_lab.inputs import POSITIONS, training_inputs
from xlft_helpers.cause_lab.languages import SPECIAL, shared_words
from xlft_helpers.errors import DataError

FIRST = len(SPECIAL)


@pytest.fixture(scope="module")
def small_world():
    """Sixty words in two thousand sentences that go round in steps of one or two, instead of the packages' text."""
    generator = np.random.default_rng(0)
    names = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)]
    sentences = []
    for _ in range(4000):
        steps = generator.integers(1, 3, generator.integers(5, 12)).cumsum() + generator.integers(8)
        sentences.append(tuple(names[i % 60] for i in steps))
    patch = pytest.MonkeyPatch()
    patch.setattr(languages_module, "lab_sentences", lambda: tuple(sentences))
    patch.setattr(languages_module, "HELD_OUT", 100)
    languages_module._encoded.cache_clear()
    yield
    patch.undo()
    languages_module._encoded.cache_clear()


def test_sentences_of_the_packages_are_prose():
    sentences = cause_lab.lab_sentences()
    assert len(sentences) > 15_000
    assert len(set(sentences)) == len(sentences)
    assert all(5 <= len(sentence) <= 20 for sentence in sentences)
    assert not any(word != word.lower() or "_" in word for sentence in sentences for word in sentence)


def test_corpus_of_the_packages():
    corpus = build_corpus(Setting())
    assert len(corpus.words) == 500
    assert corpus.vocabulary == 1003
    assert len(corpus.held_out_english) == len(corpus.held_out_fake) == 500
    seen = {tuple(ids) for ids in corpus.english}
    assert not seen & {tuple(ids) for ids in corpus.held_out_english}
    assert len({tuple(ids) for ids in corpus.held_out_english}) == 500
    assert all(5 <= len(ids) <= 16 for ids in corpus.english)


def test_languages_share_no_piece_without_overlap():
    corpus = build_corpus(Setting())
    english = {piece for ids in corpus.english + corpus.held_out_english for piece in ids}
    fake = {piece for ids in corpus.fake + corpus.held_out_fake for piece in ids}
    assert not english & fake
    assert min(english) >= FIRST
    assert max(fake) < corpus.vocabulary


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.2, 0.5])
def test_the_asked_share_is_shared_at_every_frequency(overlap):
    shared = shared_words(500, overlap)
    assert shared.sum() == round(500 * overlap)
    assert abs(shared[:250].sum() - shared[250:].sum()) <= 1
    corpus = build_corpus(Setting(overlap=overlap))
    common = {piece for ids in corpus.english for piece in ids} & {piece for ids in corpus.fake for piece in ids}
    assert {piece - FIRST for piece in common} <= set(np.flatnonzero(shared))
    assert bool(common) == bool(overlap)


def test_fake_english_is_the_shifted_text():
    shared = np.array([False, True, False])
    assert fake_english([3, 4, 5], shared) == [6, 4, 8]
    with pytest.raises(DataError, match="6 is not the id of an English word"):
        fake_english([6], shared)


def test_order():
    generator = np.random.default_rng(0)
    ids = [5, 3, 9, 9, 4]
    assert reorder(ids, "same", generator) == ids
    assert reorder(ids, "inverted", generator) == [4, 9, 9, 3, 5]
    assert reorder(reorder(ids, "inverted", generator), "inverted", generator) == ids
    shuffled = [reorder(ids, "shuffled", generator) for _ in range(20)]
    assert all(sorted(one) == sorted(ids) for one in shuffled)
    assert len({tuple(one) for one in shuffled}) > 10


def test_parallel_text_is_the_same_text_and_other_text_is_not():
    same, other = build_corpus(Setting()), build_corpus(Setting(text="other"))
    count = len(same.words)
    assert same.fake == [[piece + count for piece in ids] for ids in same.english]
    assert other.english == same.english
    assert len(other.fake) == len(same.fake)
    assert not {tuple(ids) for ids in same.fake} & {tuple(ids) for ids in other.fake}
    assert other.held_out_fake == same.held_out_fake


@pytest.mark.parametrize("text", ["same", "pairs"])
def test_separate_positions_share_no_row(text):
    setting = Setting(text=text, positions="separate")
    corpus = build_corpus(setting)
    first_fake = FIRST + len(corpus.words)
    used = {"english": set(), "fake": set()}
    for inputs in training_inputs(corpus, setting):
        used["english"] |= set(inputs.positions[(inputs.ids >= FIRST) & (inputs.ids < first_fake)].tolist())
        used["fake"] |= set(inputs.positions[inputs.ids >= first_fake].tolist())
    assert not used["english"] & used["fake"]
    assert max(used["english"]) < POSITIONS <= min(used["fake"])


def test_pairs_stand_side_by_side_at_the_same_positions():
    setting = Setting(text="pairs")
    corpus = build_corpus(setting)
    pairs = [inputs for inputs in training_inputs(corpus, setting) if int((inputs.ids[0] == 1).sum()) == 2]
    assert sum(len(inputs.ids) for inputs in pairs) == len(corpus.english)
    ids, positions = pairs[0].ids[0], pairs[0].positions[0]
    half = (len(ids) - 3) // 2
    assert (ids[half + 2 : -1] == ids[1 : half + 1] + len(corpus.words)).all()
    assert (positions[half + 2 : -1] == positions[1 : half + 1]).all()


def test_pieces_have_names():
    corpus = build_corpus(Setting())
    count = len(corpus.words)
    assert corpus.text([0, 3, 3 + count, 1]) == f"[CLS] {corpus.words[0]} ‹{corpus.words[0]}› [SEP]"


def test_a_model_without_positions_sees_a_bag_of_words():
    model = build_model(Setting(positions="none"))
    ids, places = torch.tensor([[0, 10, 20, 30, 1]]), torch.arange(5)[None]
    with torch.inference_mode():
        straight = model.bert(input_ids=ids, position_ids=places).last_hidden_state
        turned = model.bert(input_ids=ids[:, [0, 3, 2, 1, 4]], position_ids=places).last_hidden_state
    torch.testing.assert_close(straight[0, 1], turned[0, 3])


@pytest.mark.parametrize(
    "wrong",
    [{"text": "some"}, {"positions": "own"}, {"order": "free"}, {"overlap": 1.0}, {"overlap": -0.1}, {"layers": 0},
     {"hidden": 40}, {"hidden": 0}, {"steps": -1}],
)  # fmt: skip
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        Setting(**wrong)


@pytest.mark.usefixtures("small_world")
def test_a_short_run_learns_and_repeats_itself():
    setting = Setting(layers=1, hidden=32, steps=60)
    run, again, other = (run_setting(setting, seed, log_every=20, progress=False) for seed in (0, 0, 1))
    assert run.history["step"].tolist() == [20, 40, 60]
    assert run.history["loss"].iloc[-1] < 0.95 * np.log(120)
    assert run.measures == again.measures
    assert run.history.equals(again.history)
    assert not run.history.equals(other.history)


@pytest.mark.usefixtures("small_world")
def test_without_training_nothing_is_found():
    run = run_setting(Setting(steps=0), progress=False)
    assert run.history.empty
    assert run.measures.words < 0.1
    assert all(0 <= value <= 1 for value in asdict(run.measures).values())


@pytest.mark.usefixtures("small_world")
def test_tied_embeddings_are_measured_as_perfect():
    """If each Fake-English piece has the vector of its English twin, every sentence and word finds its own."""
    setting = Setting(layers=1, steps=0)
    model, corpus = build_model(setting), build_corpus(setting)
    table, count = model.get_input_embeddings().weight.data, len(corpus.words)
    table[FIRST + count :] = table[FIRST : FIRST + count]
    assert cause_lab.measure(model, corpus, setting) == Measures(1.0, 1.0, 1.0, 1.0, 1.0)


def test_summary_is_paired_by_seed():
    runs = pd.DataFrame(
        [("base", 0, 0.5), ("base", 1, 0.7), ("depth 1", 0, 0.4), ("depth 1", 1, 0.6)],
        columns=["setting", "seed", "retrieval"],
    )
    row = cause_lab.summarize(runs).loc["depth 1"]
    assert row["n"] == 2
    assert row["mean"] == pytest.approx(0.5)
    assert row[["difference", "difference_low", "difference_high"]].tolist() == pytest.approx([-0.1] * 3)
    with pytest.raises(DataError, match="no column 'accuracy'"):
        cause_lab.summarize(runs, "accuracy")
    with pytest.raises(DataError, match="needs two"):
        cause_lab.summarize(runs.iloc[:3])


@pytest.fixture(scope="module")
def grid():
    return cause_lab.load_grid()


def test_the_grid_holds_every_setting_with_three_seeds(grid):
    for name, setting in GRID.items():
        runs = grid[grid["setting"] == name]
        assert sorted(runs["seed"]) == list(range(len(runs)))
        assert len(runs) >= 3
        for column, value in asdict(setting).items():
            assert (runs[column] == value).all(), (
                f"{name}: {column} is not what the setting says. Run tools/cause_lab.py."
            )


@pytest.mark.parametrize(
    "name", ["separate positions", "no positions", "inverted order", "shuffled order", "wide, separate positions"]
)
def test_what_breaks_the_alignment_breaks_it_with_every_seed(grid, name):
    """K et al. 2020, section 4 (word order); Dufter & Schütze 2020, section 4 (positions, order, over-parameterisation)."""
    runs = grid.pivot_table(index="seed", columns="setting", values="retrieval")
    assert runs[name].max() < 0.5 * runs["base"].min()
    assert cause_lab.summarize(grid).loc[name, "difference_high"] < 0
    words = grid.pivot_table(index="seed", columns="setting", values="words")
    assert words[name].max() < words["base"].min()


def test_shared_words_are_not_needed_and_overlap_changes_little_beside_positions(grid):
    """K et al. 2020, section 3.1. Without a shared word the base beats a guess (0.2 %) and random weights by far."""
    runs = grid.pivot_table(index="seed", columns="setting", values="retrieval")
    assert runs["untrained"].max() < 0.02
    assert runs["base"].min() > 5 * runs["untrained"].max()
    assert grid.loc[(grid["setting"] == "overlap 20 %"), "overlap"].eq(0.2).all()
    broken = cause_lab.summarize(grid).loc["separate positions"]
    assert runs["overlap 20 %"].min() > 5 * runs["separate positions"].max()
    assert broken["difference_high"] < 0


def test_pairs_help_with_every_seed(grid):
    runs = grid.pivot_table(index="seed", columns="setting", values="retrieval")
    assert (runs["pairs (TLM)"] > runs["base"] + 0.1).all()
    assert cause_lab.summarize(grid).loc["pairs (TLM)", "difference_low"] > 0


@pytest.mark.parametrize("name", ["other text", "overlap 20 %", "depth 1", "depth 4", "wide"])
def test_what_resizes_the_base_neither_breaks_it_nor_stands_out_of_its_seeds(grid, name):
    """K et al. find that depth helps, Dufter & Schütze that comparable text does; at this length our seeds scatter more.

    The notebook says "not told apart" of these five; a grid that tells them apart needs another text.
    """
    runs = grid.pivot_table(index="seed", columns="setting", values="retrieval")
    assert runs[name].min() > 3 * runs["separate positions"].max()
    assert min(runs[name].max(), runs["base"].max()) > max(runs[name].min(), runs["base"].min())
