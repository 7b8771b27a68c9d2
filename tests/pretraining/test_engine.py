"""The loop learns, repeats itself, survives being killed, and refuses what it cannot do."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xlft_helpers.errors import DataError, ModelError, TrainingError
from xlft_helpers.pretraining import PretrainRecipe, evaluate_masked, pretrain, small_model
from xlft_helpers.pretraining.corpus import batches

RECIPE = PretrainRecipe(steps=12, batch_tokens=400, max_length=16, learning_rate=3e-3)


def fresh(tokenizer, kind="masked", seed=0):
    torch.manual_seed(seed)
    return small_model(tokenizer, kind, layers=1, hidden=32, max_length=32)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def run(tokenizer, rows, recipe=RECIPE, kind="masked", **options):
    return pretrain(fresh(tokenizer, kind), tokenizer, rows, recipe, progress=False, **options)


def test_causal_model_learns_which_word_comes_next(tokenizer, many_rows):
    recipe = replace(RECIPE, objectives=("clm",), steps=100, batch_tokens=1000, learning_rate=1e-2)
    result = run(tokenizer, many_rows, recipe, "causal", log_every=50)
    last = result.history[result.history["step"] == 100]
    # Only the first word and the end of a text are uncertain.
    assert set(last["language"]) == {"en", "fr", "de"}
    assert last["loss"].max() < 1.5 < np.log(len(tokenizer))
    prompt = tokenizer("fr3 fr4", return_tensors="pt")["input_ids"][:, :-1]
    assert tokenizer.decode(result.model(prompt).logits[0, -1].argmax()) == "fr5"


def test_masked_model_learns_to_fill_blanks_alone_and_in_pairs(tokenizer, many_rows, rows):
    recipe = replace(RECIPE, objectives=("mlm", "tlm"), steps=150, batch_tokens=1000, learning_rate=1e-2)
    result = run(tokenizer, many_rows, recipe)
    for pairs in (False, True):
        untrained = evaluate_masked(fresh(tokenizer), tokenizer, rows, max_length=16, pairs=pairs)
        trained = evaluate_masked(result.model, tokenizer, rows, max_length=16, pairs=pairs)
        assert trained["loss"].max() < untrained["loss"].min() - 1
        assert trained["accuracy"].mean() > 2 * untrained["accuracy"].mean()
        assert trained["perplexity"].tolist() == pytest.approx(np.exp(trained["loss"]).tolist())


def test_the_first_loss_is_that_of_transformers(tokenizer, rows):
    model = fresh(tokenizer, "causal")
    batch, _ = next(batches(rows, tokenizer, pairs=False, max_length=16, batch_tokens=400, seed=0))
    labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
    with torch.no_grad():
        expected = model(batch.input_ids, attention_mask=batch.attention_mask, labels=labels).loss
    result = run(tokenizer, rows, replace(RECIPE, objectives=("clm",), steps=1), "causal", log_every=1)
    history = result.history
    counts = {
        language: int((batch.attention_mask[:, 1:] * (batch.language_ids[:, 1:] == number)).sum())
        for number, language in enumerate(batch.languages)
    }
    mean = sum(row.loss * counts[row.language] for row in history.itertuples()) / sum(counts.values())
    assert mean == pytest.approx(expected.item(), rel=0.02)  # the loop may run in bfloat16


def test_history_tells_losses_and_perplexities_by_objective_and_language(tokenizer, rows):
    result = run(tokenizer, rows, replace(RECIPE, objectives=("mlm", "tlm")), log_every=4)
    history = result.history
    assert sorted(history["step"].unique()) == [4, 8, 12]
    assert set(zip(history["objective"], history["language"], strict=True)) == {
        (objective, language) for objective in ("mlm", "tlm") for language in ("en", "fr", "de")
    }
    assert history["perplexity"].tolist() == pytest.approx(np.exp(history["loss"]).tolist())
    assert history["tokens"].max() == result.tokens
    assert history["seconds"].is_monotonic_increasing


def test_same_seed_same_weights_other_seed_others(tokenizer, rows):
    one, again, other = (weights(run(tokenizer, rows, seed=seed).model) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_the_precision_can_be_chosen(tokenizer, rows):
    narrow = weights(run(tokenizer, rows).model)  # so narrow a model is computed in float32 unless told otherwise
    full, half = (weights(run(tokenizer, rows, replace(RECIPE, bf16=bf16)).model) for bf16 in (False, True))
    assert torch.equal(full, narrow)
    assert not torch.equal(half, narrow)


def test_learning_rate_rises_and_falls():
    for schedule in ("linear", "cosine"):
        recipe = PretrainRecipe(steps=100, warmup=0.1, schedule=schedule)
        factors = np.array([recipe.factor(step) for step in range(100)])
        assert factors.argmax() in (9, 10)
        assert factors[0] == pytest.approx(0.1)
        assert (np.diff(factors[:10]) > 0).all()
        assert (np.diff(factors[10:]) < 0).all()
        assert 0 < factors[-1] < 0.02


def test_an_interrupted_run_ends_with_the_same_weights(tokenizer, rows, tmp_path):
    recipe = replace(RECIPE, objectives=("mlm", "tlm"))
    whole = run(tokenizer, rows, recipe)

    class Stop(Exception):
        pass

    class Interrupted(list):
        """Rows that break off in the second pass."""

        passes = 0

        def __iter__(self):
            Interrupted.passes += 1
            if Interrupted.passes > 4:
                raise Stop
            return super().__iter__()

    with pytest.raises(Stop):
        run(
            tokenizer,
            Interrupted(rows[:6]),
            replace(recipe, steps=200),
            output_dir=tmp_path / "broken",
            checkpoint_every=2,
        )
    assert list((tmp_path / "broken").glob("step-*"))

    # The same run in two parts: the second call has fresh weights and must not use them.
    part = tmp_path / "parts"
    run(tokenizer, rows, replace(recipe, steps=12), output_dir=part, checkpoint_every=5)
    for folder in part.glob("step-000012"):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    resumed = pretrain(
        fresh(tokenizer, seed=9), tokenizer, rows, recipe, output_dir=part, checkpoint_every=5, progress=False
    )
    assert torch.equal(weights(whole.model), weights(resumed.model))
    assert resumed.tokens == whole.tokens
    assert resumed.history.drop(columns="seconds").equals(whole.history.drop(columns="seconds"))


KILLED = """
    import sys
    sys.path.insert(0, {here!r})
    import json, torch
    from transformers import AutoTokenizer
    from xlft_helpers.pretraining import PretrainRecipe, pretrain, small_model
    tokenizer = AutoTokenizer.from_pretrained({folder!r})
    rows = json.load(open({folder!r} + "/rows.json"))
    torch.manual_seed(0)
    model = small_model(tokenizer, "masked", layers=1, hidden=32, max_length=32)
    recipe = PretrainRecipe(steps=100000, batch_tokens=400, max_length=16)
    pretrain(model, tokenizer, rows, recipe, output_dir={folder!r} + "/run", checkpoint_every=3, progress=False)
"""


def test_a_killed_process_leaves_a_whole_checkpoint(tokenizer, rows, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    code = textwrap.dedent(KILLED.format(here=str(Path(__file__).parent), folder=str(tmp_path)))
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ)
    deadline = time.monotonic() + 400
    while len(list(tmp_path.glob("run/step-*"))) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    steps = sorted(path.name for path in tmp_path.glob("run/step-*[0-9]"))
    assert steps
    last = int(steps[-1].split("-")[1])
    recipe = PretrainRecipe(steps=last + 1, batch_tokens=400, max_length=16)
    result = run(tokenizer, rows, recipe, output_dir=tmp_path / "run", log_every=1)
    assert result.history["step"].max() == last + 1


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
def test_a_checkpoint_cut_short_is_refused_by_name(tokenizer, rows, tmp_path, name):
    run(tokenizer, rows, output_dir=tmp_path, checkpoint_every=6)
    damaged = tmp_path / "step-000012" / name
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    with pytest.raises(TrainingError, match=r"step-000012 is damaged .*Delete that folder"):
        run(tokenizer, rows, output_dir=tmp_path)
    for file in damaged.parent.iterdir():
        file.unlink()
    damaged.parent.rmdir()
    assert len(run(tokenizer, rows, output_dir=tmp_path, log_every=6).history) > 0  # goes on from step 6


def test_another_runs_checkpoint_is_refused(tokenizer, rows, tmp_path):
    run(tokenizer, rows, output_dir=tmp_path)
    with pytest.raises(TrainingError, match="other settings"):
        run(tokenizer, rows, replace(RECIPE, learning_rate=1e-4), output_dir=tmp_path)
    larger = small_model(tokenizer, "masked", layers=1, hidden=64, max_length=32)
    with pytest.raises(TrainingError, match="another shape"):
        pretrain(larger, tokenizer, rows, RECIPE, output_dir=tmp_path, progress=False)


def test_only_the_last_checkpoints_are_kept(tokenizer, rows, tmp_path):
    run(tokenizer, rows, output_dir=tmp_path, checkpoint_every=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000009", "step-000012"]


def test_bad_corpora_are_refused_before_training(tokenizer):
    with pytest.raises(DataError, match="corpus is empty"):
        run(tokenizer, [])
    with pytest.raises(DataError, match="needs rows in two languages"):
        run(tokenizer, [{"en": "en1 en2"}], replace(RECIPE, objectives=("mlm", "tlm")))
    with pytest.raises(DataError, match="does not know 'zh'"):
        run(tokenizer, [{"en": "en1 en2", "zh": "中文 文本"}])


def test_models_and_settings_that_do_not_fit_are_refused(tokenizer, rows):
    with pytest.raises(ModelError, match="'clm' needs a causal language model; BertForMaskedLM"):
        run(tokenizer, rows, replace(RECIPE, objectives=("clm",)))
    with pytest.raises(ModelError, match="'mlm' needs a masked language model; GPT2LMHeadModel"):
        run(tokenizer, rows, kind="causal")
    with pytest.raises(TrainingError, match=r"objectives=\['bert'\]"):
        run(tokenizer, rows, replace(RECIPE, objectives=("bert",)))
    with pytest.raises(ModelError, match="max_length=64, but the model has 32 positions"):
        run(tokenizer, rows, replace(RECIPE, max_length=64))
    headless = fresh(tokenizer).base_model
    with pytest.raises(ModelError, match="no language-modelling head like"):
        pretrain(headless, tokenizer, rows, RECIPE, progress=False)
    with pytest.raises(ModelError, match="not a multiple of 32"):
        small_model(tokenizer, "masked", hidden=100)


def test_a_loss_that_is_not_finite_stops_the_run(tokenizer, rows):
    model = fresh(tokenizer)
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="The loss became nan at step 0"):
        pretrain(model, tokenizer, rows, RECIPE, progress=False)


def test_masked_evaluation_is_the_loss_of_transformers_on_the_same_blanks(tokenizer, rows):
    model = fresh(tokenizer).eval()
    table = evaluate_masked(model, tokenizer, rows[:5], max_length=16, mask_rate=0.5)
    assert table.equals(evaluate_masked(model, tokenizer, rows[:5], max_length=16, mask_rate=0.5))
    assert table["n"].sum() == pytest.approx(
        0.5 * sum(len(t.split()) for row in rows[:5] for t in row.values()), rel=0.3
    )
    uniform = torch.zeros(1, len(tokenizer))
    assert abs(table["loss"].mean() - F.cross_entropy(uniform, torch.tensor([7])).item()) < 0.5
