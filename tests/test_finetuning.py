"""Fine-tuning learns, repeats itself under a seed, survives being killed, and predicts in order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset
from transformers import BertConfig

from xlft_helpers.errors import TrainingError
from xlft_helpers.finetuning import Recipe, best_recipe, default_recipe, engine, finetune
from xlft_helpers.inference import length_batches, predict
from xlft_helpers.models import load_model

FAST = Recipe(epochs=3, batch_size=8)


def dataset(language: str = "en") -> Dataset:
    """Sixty short messages that even a bag of words can tell apart."""
    good = ["lovely day", "great food", "I love this song", "what a kind neighbour", "best trip so far"]
    bad = ["awful day", "terrible food", "I hate this noise", "what a rude neighbour", "worst trip so far"]
    endings = ["", " today", " again", " in town", " :)", " ..."]
    rows = [(text + end, label) for label, texts in enumerate([bad, good]) for text in texts for end in endings]
    texts, labels = zip(*rows, strict=True)
    columns = {"text": list(texts), "label": list(labels), "language": [language] * len(rows)}
    return Dataset.from_dict(columns).cast_column("label", ClassLabel(names=["negative", "positive"]))


def weights(model) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.fixture(scope="module")
def result():
    return finetune("use-m", dataset(), dataset(), watch={"extra": dataset("fr")}, recipe=FAST, progress=False)


def test_it_learns_what_can_be_learned(result):
    labels = np.array(dataset()["label"])
    assert (predict(result.model, result.tokenizer, dataset()).argmax(axis=1) == labels).mean() > 0.95


def test_history_has_a_row_an_epoch_for_every_set(result):
    assert list(result.history["epoch"]) == [1, 2, 3]
    assert {"train_loss", "dev_macro_f1", "dev_loss", "extra_macro_f1"} <= set(result.history.columns)
    assert result.history["dev_macro_f1"].between(0, 1).all()


def test_the_kept_epoch_is_the_one_with_the_best_dev_score(result):
    scores = result.history.set_index("epoch")["dev_macro_f1"]
    assert scores[result.best_epoch] == scores.max()
    from sklearn.metrics import f1_score

    answers = predict(result.model, result.tokenizer, dataset()).argmax(axis=1)
    assert f1_score(dataset()["label"], answers, average="macro") == pytest.approx(scores.max(), abs=0.03)


def test_same_seed_same_weights_other_seed_other_weights():
    runs = [finetune("use-m", dataset(), recipe=Recipe(epochs=1), seed=seed, progress=False) for seed in (1, 1, 2)]
    assert torch.equal(weights(runs[0].model), weights(runs[1].model))
    assert not torch.equal(weights(runs[0].model), weights(runs[2].model))


def test_watched_sets_do_not_influence_the_run():
    plain = finetune("use-m", dataset(), recipe=Recipe(epochs=1), progress=False)
    watched = finetune("use-m", dataset(), watch={"other": dataset("fr")}, recipe=Recipe(epochs=1), progress=False)
    assert torch.equal(weights(plain.model), weights(watched.model))


def test_frozen_embeddings_stay_as_they_were(result):
    untouched = load_model("use-m", label_names=["negative", "positive"])
    assert torch.equal(result.model.encoder.embeddings.table, untouched.encoder.embeddings.table)


def test_only_the_named_parameters_are_trained():
    recipe = Recipe(epochs=1, trainable=("encoder.dnn", "classifier"))
    trained = finetune("use-m", dataset(), recipe=recipe, progress=False).model
    pretrained = load_model("use-m", label_names=["negative", "positive"]).state_dict()
    changed = {name for name, value in trained.state_dict().items() if not torch.equal(value, pretrained[name])}
    named = {name for name, _ in trained.named_parameters() if name.startswith(("encoder.dnn", "classifier"))}
    assert changed == named
    assert {name for name, parameter in trained.named_parameters() if parameter.requires_grad} == named


@pytest.mark.parametrize("trainable", [("head",), ("classifier", "encoder.layer"), ()])
def test_parameters_that_are_not_there_cannot_be_trained(trainable):
    with pytest.raises(TrainingError, match=r"no trainable parameter.*encoder\.dnn_in, .*classifier\.weight"):
        finetune("use-m", dataset(), recipe=Recipe(trainable=trainable), progress=False)


def test_empty_training_set_is_refused():
    with pytest.raises(TrainingError, match="empty"):
        finetune("use-m", dataset().select([]))


def test_an_ensembles_recipe_is_sent_to_where_it_is_trained():
    with pytest.raises(TrainingError, match=r"fit_ensemble.*recipe=.best"):
        finetune("use-m", dataset(), recipe=best_recipe("use-m"))


def test_label_smoothing_does_not_go_with_two_experts():
    with pytest.raises(TrainingError, match="both lexical_expert and label_smoothing"):
        finetune("use-m", dataset(), recipe=Recipe(lexical_expert=True, label_smoothing=0.1))


def test_diverging_training_names_the_learning_rate():
    with pytest.raises(TrainingError, match="learning rate"):
        finetune("use-m", dataset(), recipe=Recipe(learning_rate=float("inf"), epochs=1, warmup=0), progress=False)


def test_an_output_folder_is_of_one_run(tmp_path):
    run = {"recipe": Recipe(epochs=1, batch_size=8), "output_dir": tmp_path / "run", "progress": False}
    run["dev"] = dataset()
    with pytest.raises(TrainingError, match="cannot be met"):  # it leaves no checkpoint, so nothing stands in the way
        finetune("use-m", dataset(), **run, seed=5, memory_limit="300MB")
    first = finetune("use-m", dataset(), **run)
    assert torch.equal(weights(finetune("use-m", dataset(), **run).model), weights(first.model))
    for changes, what in (
        ({"seed": 1}, "seed"),
        ({"recipe": Recipe(epochs=2, batch_size=8), "dev": dataset().select(range(30))}, "recipe, dev rows"),
        ({"dev": None}, "dev rows"),
    ):
        with pytest.raises(
            TrainingError, match=rf"run holds another run than this one \(not the same: {what}\)\. Choose another"
        ):
            finetune("use-m", dataset(), **{**run, **changes})
    with pytest.raises(TrainingError, match="not the same: training rows"):
        finetune("use-m", dataset().select(range(8)), **run)
    (tmp_path / "run" / "run.json").unlink()
    with pytest.raises(TrainingError, match=r"has checkpoints and no run\.json"):
        finetune("use-m", dataset(), **run)
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="file cannot be used"):
        finetune("use-m", dataset(), **{**run, "output_dir": tmp_path / "file"})


def test_a_folder_gets_the_recipe_of_its_architecture(tmp_path):
    for name in ("use-m", "mini"):
        load_model(name, "embedding").save_pretrained(tmp_path / name)
        assert default_recipe(str(tmp_path / name)) == default_recipe(name)
        assert default_recipe(str(tmp_path / name), "lora") == default_recipe(name, "lora")
    BertConfig().save_pretrained(tmp_path / "bert")
    assert default_recipe(str(tmp_path / "bert")) == default_recipe("mbert") != default_recipe("mini")


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from xlft_helpers.finetuning import Recipe, finetune
from test_finetuning import dataset
finetune("use-m", dataset(), dataset(), recipe=Recipe(epochs=12, batch_size=8), output_dir={folder!r}, progress=False)
"""


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(tmp_path, monkeypatch):
    recipe = Recipe(epochs=12, batch_size=8)
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "run"))
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("run/checkpoint-*/trainer_state.json")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # As if it had been killed while it saved its next checkpoint.
    done = max(int(path.parent.name[11:]) for path in tmp_path.glob("run/checkpoint-*/trainer_state.json"))
    half = tmp_path / "run" / f"checkpoint-{done + -(-len(dataset()) // 8)}"
    half.mkdir(exist_ok=True)
    (half / "trainer_state.json").unlink(missing_ok=True)
    (half / "model.safetensors").write_bytes(b"half")
    scored, real = [], engine._macro_f1
    monkeypatch.setattr(engine, "_macro_f1", lambda prediction: scored.append(1) or real(prediction))
    resumed = finetune("use-m", dataset(), dataset(), recipe=recipe, output_dir=tmp_path / "run", progress=False)
    assert 0 < len(scored) < 12, "it began anew"
    whole = finetune("use-m", dataset(), dataset(), recipe=recipe, progress=False)
    assert torch.equal(weights(resumed.model), weights(whole.model))
    assert resumed.best_epoch == whole.best_epoch


def test_predictions_keep_the_order_and_do_not_depend_on_the_batch(result, monkeypatch):
    texts = ["lovely " * count for count in (1, 40, 3, 90, 2)] + ["awful", "", "nice"]
    monkeypatch.setattr("xlft_helpers.inference.BATCH_TOKENS", 64)
    together = predict(result.model, result.tokenizer, texts)
    one_by_one = np.concatenate([predict(result.model, result.tokenizer, [text]) for text in texts])
    np.testing.assert_allclose(together, one_by_one, atol=0.02)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)


def test_predicting_nothing_gives_an_empty_table(result):
    assert predict(result.model, result.tokenizer, []).shape == (0, 2)


@pytest.mark.parametrize("budget", [1, 10, 1000])
def test_length_batches_hold_every_row_once_within_the_budget(budget):
    lengths = np.array([5, 1, 9, 3, 9, 2, 7])
    batches = length_batches(lengths, budget)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(rows) == 1 or len(rows) * lengths[rows].max() <= budget for rows in batches)
