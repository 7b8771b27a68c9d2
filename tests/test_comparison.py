"""A comparison trains each model once, counts each prediction once, and can be interrupted."""

import json

import numpy as np
import pytest
import torch

from xlft_helpers import comparison as engine
from xlft_helpers.comparison import compare, plan
from xlft_helpers.data import load_tweets, select_language
from xlft_helpers.errors import DataError, XlftError
from xlft_helpers.evaluation import score
from xlft_helpers.finetuning import Recipe
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.results import Comparison, Prediction

QUICK = Recipe(epochs=1)


@pytest.fixture(scope="module")
def data():
    return load_tweets(["en", "fr", "de"])


@pytest.fixture(scope="module")
def comparison(data):
    return compare(data, seeds=2, recipe=QUICK, matrix=True, progress=False)


def test_methods_that_need_the_same_model_share_it():
    jobs = plan(("zero-shot", "per-language", "merged"), "en", ["en", "fr"], ["en", "fr"], seeds=3)
    assert [(job.methods, job.train_languages) for job in jobs[:3]] == [
        (("zero-shot", "per-language"), ("en",)),
        (("per-language",), ("fr",)),
        (("merged",), ("en", "fr")),
    ]
    assert len(jobs) == 9


def test_every_method_language_and_seed_is_there_once(comparison):
    runs = comparison.runs[comparison.runs["method"].isin(engine.METHODS)]
    assert len(runs) == 3 * 3 * 2
    assert not runs.duplicated(["method", "seed", "test_language"]).any()
    assert (runs["n"] == 150).all()


def test_runs_are_what_the_predictions_say(comparison):
    for prediction in comparison.predictions[:5]:
        labels = comparison.labels[prediction.test_language]
        expected = score(labels, prediction.probabilities.argmax(axis=1), 3)
        runs = comparison.runs
        row = runs[
            (runs["method"] == prediction.method)
            & (runs["seed"] == prediction.seed)
            & (runs["test_language"] == prediction.test_language)
        ]
        if prediction.is_own_use:
            assert row["macro_f1"].item() == pytest.approx(expected.macro_f1)


def test_rows_of_the_transfer_matrix_are_centred_alike(data):
    settings = {"methods": ["per-language"], "languages": ["en", "fr"], "seeds": 1, "recipe": QUICK, "progress": False}
    centred, plain = (compare(data, centre=centre, matrix=True, **settings) for centre in (True, False))
    for one, other in zip(centred.predictions, plain.predictions, strict=True):
        if one.method == "per-language":
            at_home = one.train_languages == (one.test_language,)
            assert np.allclose(one.probabilities, other.probabilities, atol=1e-6) == at_home


def test_json_has_what_the_readme_promises(comparison, tmp_path):
    comparison.to_json(tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert {"settings", "runs", "summary", "transfer_gap"} <= set(written)
    assert {
        "method", "seed", "train_languages", "test_language", "n", "accuracy", "macro_precision", "macro_recall", "macro_f1", "train_seconds",
    } <= set(written["runs"][0])  # fmt: skip
    assert {"method", "test_language", "macro_f1_mean", "ci_low", "ci_high"} <= set(written["summary"][0])
    assert all(row["ci_low"] <= row["macro_f1_mean"] <= row["ci_high"] for row in written["summary"])
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_transfer_gap_is_source_minus_mean_of_targets(comparison):
    zero_shot = comparison.runs[comparison.runs["method"] == "zero-shot"]
    means = zero_shot.groupby("test_language")["macro_f1"].mean()
    gap = comparison.transfer_gap()
    assert gap.estimate == pytest.approx(means["en"] - (means["fr"] + means["de"]) / 2)
    assert gap.low <= gap.estimate <= gap.high


def test_transfer_matrix_has_every_single_language_model(comparison):
    matrix = comparison.transfer_matrix()
    assert list(matrix.index) == list(matrix.columns) == ["en", "fr", "de"]
    assert matrix.notna().all().all()
    own = comparison.runs[comparison.runs["method"] == "per-language"].groupby("test_language")["macro_f1"].mean()
    assert np.diag(matrix) == pytest.approx(own[matrix.index].to_numpy())


def test_without_a_matrix_a_language_answers_for_itself_and_figures_stay(comparison, data, tmp_path, monkeypatch):
    few = {"seeds": 2, "recipe": QUICK, "progress": False, "output_dir": tmp_path}
    plain = compare(data, **few)
    elsewhere = [p for p in plain.predictions if p.method == "per-language" and not p.is_own_use]
    assert {p.train_languages for p in elsewhere} == {("en",)}  # the model of zero-shot
    assert plain.runs.drop(columns="train_seconds").equals(comparison.runs.drop(columns="train_seconds"))
    assert plain.transfer_matrix().loc["en"].notna().all()
    assert plain.transfer_matrix().loc["fr"].notna().to_dict() == {"en": False, "fr": True, "de": False}
    # What was kept does for zero-shot and merged; the others must answer again, in all languages.
    trained, real = [], engine.finetune
    monkeypatch.setattr(
        engine,
        "finetune",
        lambda name, rows, *a, **k: (trained.append({*rows["language"]}), real(name, rows, *a, **k))[1],
    )
    assert compare(data, matrix=True, **few).transfer_matrix().notna().all().all()
    assert trained == [{"fr"}, {"de"}] * 2


def test_lexical_expert_answers_only_in_languages_it_was_trained_on(data, monkeypatch):
    asked, real = [], engine.predict

    def predict(model, tokenizer, rows, **keywords):
        asked.append((set(rows["language"]), keywords["lexical"]))
        return real(model, tokenizer, rows, **keywords)

    monkeypatch.setattr(engine, "predict", predict)
    found = compare(data, methods=["zero-shot", "merged"], languages=["en", "fr"], seeds=1, progress=False)
    assert asked == [({"en"}, True), ({"fr"}, False), ({"en", "fr"}, True)]
    assert found.settings["recipe"]["lexical_expert"]
    assert "lexical expert" in found.report()


def test_shifts_of_all_languages_at_once_are_those_of_each(data):
    from xlft_helpers.finetuning import finetune
    from xlft_helpers.inference import language_shift

    english, french, german = (select_language(data["train"], language) for language in ("en", "fr", "de"))
    result = finetune("use-m", english, recipe=QUICK, progress=False)
    found = engine._language_shifts(result, data["train"], "en", ["fr", "ru", "de"])
    for row, rows in ((0, french), (2, german)):
        expected = language_shift(result.model, result.tokenizer, english, rows)
        np.testing.assert_allclose(found[row], expected, atol=1e-3)
        assert np.linalg.norm(found[row]) > 0.01
    assert (found[1] == 0).all()  # a language without training texts


def test_zero_shot_never_sees_a_target_label(data):
    shuffled = dict(data)
    french = np.asarray(data["train"]["language"]) == "fr"
    labels = np.asarray(data["train"]["label"])
    labels[french] = (labels[french] + 1) % 3
    shuffled["train"] = (
        data["train"].remove_columns("label").add_column("label", labels.tolist()).cast(data["train"].features)
    )
    kinds = [
        compare(type(data)(rows), methods=["zero-shot"], seeds=1, recipe=QUICK, progress=False)
        for rows in (data, shuffled)
    ]
    first, second = (c.answers("zero-shot", "fr") for c in kinds)
    assert (first == second).all()


def test_best_recipe_is_not_silently_centred(data):
    with pytest.raises(XlftError, match=r"always mean-centres.*--no-centre"):
        compare(data, recipe="best", centre=False)


def test_best_recipe_is_the_ensemble_and_sees_no_target_label(data, monkeypatch):
    given, real = [], engine.fit_ensemble

    def fit(model, train, unlabelled, **keywords):
        given.append((set(train["language"]), unlabelled.column_names, keywords["recipe"].ensemble))
        return real(model, train, unlabelled, **keywords)

    monkeypatch.setattr(engine, "fit_ensemble", fit)
    small = type(data)(
        {
            **data,
            "train": data["train"].shuffle(seed=0).select(range(300)),
            "test": select_language(data["test"], "en", "fr"),
        }
    )
    found = compare(small, methods=["zero-shot"], languages=["en", "fr"], seeds=1, recipe="best", progress=False)
    [(languages, columns, nested)] = given
    assert languages == {"en"}
    assert "label" not in columns
    assert not nested
    assert found.settings["recipe"]["ensemble"]
    assert "The recipe best" in found.report()
    assert found.runs.query("method == 'zero-shot'")["macro_f1"].between(0.4, 1).all()


def test_interrupted_comparison_goes_on_without_training_again(data, tmp_path, monkeypatch):
    settings = {
        "methods": ["zero-shot", "per-language"],
        "seeds": 1,
        "recipe": QUICK,
        "progress": False,
        "output_dir": tmp_path,
    }
    real, calls = engine.finetune, []

    def stop_at_the_third(*arguments, **keywords):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **keywords)

    monkeypatch.setattr(engine, "finetune", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        compare(data, **settings)
    calls.clear()
    monkeypatch.setattr(engine, "finetune", lambda *a, **k: (calls.append(a), real(*a, **k))[1])
    resumed = compare(data, **settings)
    assert len(calls) == 1
    monkeypatch.setattr(engine, "finetune", real)
    whole = compare(data, **{**settings, "output_dir": None})
    assert resumed.runs.drop(columns="train_seconds").equals(whole.runs.drop(columns="train_seconds"))
    assert not list(tmp_path.glob("*.tmp"))


def test_only_what_was_centred_is_said_to_be(data, tmp_path):
    model, tokenizer = load_model("mini", "embedding"), load_tokenizer("mini")
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "model")
    settings = {"methods": ["zero-shot"], "languages": ["en", "fr"], "seeds": 1, "recipe": QUICK, "progress": False}
    settings["output_dir"] = tmp_path / "runs"
    first = compare(data, str(tmp_path / "model"), **settings)
    assert "mean-centred" not in first.report()
    assert "mean-centred" in compare(data, **settings).report()
    # Another model in the same folder is another model.
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(-1)
    model.save_pretrained(tmp_path / "model")
    other = compare(data, str(tmp_path / "model"), **settings)
    assert not np.array_equal(first.predictions[0].probabilities, other.predictions[0].probabilities)


def test_finished_runs_of_other_data_are_not_reused(data, tmp_path):
    settings = {"methods": ["zero-shot"], "seeds": 1, "recipe": QUICK, "progress": False, "output_dir": tmp_path}
    compare(data, **settings)
    compare(type(data)({**data, "train": data["train"].select(range(300))}), **settings)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_language_without_test_rows_is_trained_on_and_named(data):
    partial = type(data)({**data, "test": select_language(data["test"], "en", "fr")})
    found = compare(partial, methods=["merged"], seeds=1, recipe=QUICK, progress=False)
    assert found.settings["train_languages"] == ["en", "fr", "de"]
    assert list(found.labels) == ["en", "fr"]
    assert "Without test rows, so trained on only: de" in found.report()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"methods": ["zeroshot"]}, XlftError, "zero-shot, per-language, merged"),
        ({"methods": []}, XlftError, "choose from"),
        ({"seeds": 0}, XlftError, "at least one"),
        ({"alpha": 1.5}, XlftError, r"outside \[0, 1\]"),
        ({"source": "ru"}, DataError, "ru"),
        ({"languages": ["fr", "de"]}, DataError, "source='en'"),
        ({"languages": ["en", "xx"]}, DataError, "xx"),
    ],
)
def test_wrong_arguments_say_what_is_right(data, changes, error, message):
    with pytest.raises(error, match=message):
        compare(data, **{"seeds": 1, **changes})


def made_up(answers: dict[str, list[list[int]]], labels: list[int]) -> Comparison:
    """A comparison of given answers (methods x seeds x messages) on one language."""
    predictions = [
        Prediction(method, seed, ("en",), "en", np.eye(3)[row], 0.0)
        for method, rows in answers.items()
        for seed, row in enumerate(rows)
    ]
    settings = {
        "source": "en",
        "labels": ["negative", "neutral", "positive"],
        "seeds": 2,
        "train_languages": ["en"],
        "parallel_test": True,
        "centre": False,
    }
    return Comparison(settings, {"en": np.array(labels)}, predictions)


def test_differences_tell_clear_from_unclear_ones():
    labels = [0, 1, 2] * 60
    wrong = [(label + 1) % 3 for label in labels]
    half = labels[:90] + wrong[90:]
    other_half = wrong[:90] + labels[90:]
    clear = made_up({"zero-shot": [labels, labels], "merged": [half, half]}, labels).differences().iloc[0]
    unclear = made_up({"zero-shot": [half, half], "merged": [other_half, other_half]}, labels).differences().iloc[0]
    assert clear["distinguishable"]
    assert clear["difference"] == pytest.approx(0.5)
    assert not unclear["distinguishable"]
