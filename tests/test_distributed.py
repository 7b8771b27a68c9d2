"""Two processes at one comparison on the CPU: the figures of one, every example once, one writer, no hang."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xlft_helpers import distributed
from xlft_helpers.cli import main
from xlft_helpers.errors import MainProcessError, TrainingError
from xlft_helpers.finetuning import Recipe, engine, finetune

from . import distributed_worker as worker
from .test_cli import reviews

# `accelerate launch --cpu` starts one process unless there is MPI; this is how it starts two without a GPU.
ACCELERATE = ["-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu", "--num_processes", "2"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def launch(*arguments: str, launcher=TORCHRUN, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *launcher, *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", **environment},
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """The folder in which two processes wrote what they found."""
    folder = tmp_path_factory.mktemp("work")
    worker.interrupted(folder / "by-one")
    run = launch(worker.__file__, "work", str(folder))
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module")
def alone():
    return worker.train()


def found(work: Path, rank: int) -> dict:
    return json.loads((work / f"found-{rank}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("count", [13, 1])
def test_every_example_is_scored_once_though_they_do_not_divide(work, count):
    for rank in (0, 1):
        assert found(work, rank)[f"scored {count}"] == list(range(count))


def test_rows_are_shared_out_and_put_together_in_order(work):
    for rank in (0, 1):
        assert found(work, rank)["shared"] == [[10.0 * n for n in range(7)], [0.0], []]
        assert found(work, rank)["first"] == rank


def test_all_compute_in_the_precision_of_the_main_process(work):
    main, other = (found(work, rank)["precision"] for rank in (0, 1))
    assert main == other != "said by the test"


def test_two_processes_train_the_model_that_one_trains(work, alone):
    first, second = (np.load(work / f"weights-{rank}.npy") for rank in (0, 1))
    assert np.array_equal(first, second)
    pretrained = worker.weights(finetune("use-m", worker.rows(64), recipe=Recipe(epochs=1, learning_rate=0.0)).model)
    # The same batches with gradients of the same size, but for the arithmetic: as far as training moves, it moves alike.
    apart = np.linalg.norm(first - worker.weights(alone.model)) / np.linalg.norm(first - pretrained)
    assert apart < 0.3
    assert found(work, 0)["history"]["train_loss"] == pytest.approx(list(alone.history["train_loss"]), abs=0.02)


def test_a_checkpoint_of_one_process_goes_on_with_two(work, alone):
    resumed = np.load(work / "resumed-0.npy")
    assert np.array_equal(resumed, np.load(work / "resumed-1.npy"))
    assert found(work, 0)["scored after resuming"] == 2
    assert np.corrcoef(resumed, worker.weights(alone.model))[0, 1] > 0.99


def test_a_checkpoint_of_two_processes_goes_on_with_one(work, alone, monkeypatch):
    scored, real = [], engine._macro_f1
    monkeypatch.setattr(engine, "_macro_f1", lambda prediction: scored.append(1) or real(prediction))
    resumed = worker.train(work / "by-two")
    assert len(scored) == 2  # epochs; the first was done by two
    assert list(resumed.history["epoch"]) == [1, 2, 3]
    assert list(resumed.history["train_loss"]) == pytest.approx(list(alone.history["train_loss"]), abs=0.1)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return str(reviews(tmp_path_factory.mktemp("data") / "reviews.tsv"))


@pytest.fixture(scope="module")
def one_process(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "scores.json"
    assert main(["compare", "--data", table, "--seeds", "1", "--json", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_compare_gives_the_figures_of_one_process_and_one_process_writes(table, one_process, tmp_path):
    arguments = ["compare", "--data", table, "--seeds", "1", "--json", str(tmp_path / "scores.json")]
    run = launch("-m", "xlft_helpers", *arguments)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("macro-F1 in points") == 1
    assert "Warning" not in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]
    written = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    for one, other in zip(written["summary"], one_process["summary"], strict=True):
        assert (one["method"], one["test_language"], one["n"]) == (other["method"], other["test_language"], other["n"])
        if one["method"] not in ("zero-shot", "per-language", "merged"):
            assert one == other  # the baselines
    answers = [[run["macro_f1"] for run in c["runs"] if run["method"] == "zero-shot"] for c in (written, one_process)]
    assert answers[0] == pytest.approx(answers[1], abs=0.2)


def test_a_killed_process_ends_the_run_and_what_was_finished_is_kept(table, tmp_path):
    runs = tmp_path / "runs"
    arguments = ["compare", "--data", table, "--methods", "zero-shot", "--seeds", "2", "--output-dir", str(runs)]
    run = launch(worker.__file__, "killed", *arguments, launcher=ACCELERATE)
    assert run.returncode != 0
    assert "Process 0 of 2 lost contact with another one, which was killed or failed" in run.stderr
    assert "SIGKILL" in run.stderr
    assert "mean of targets" not in run.stdout
    assert len(list(runs.iterdir())) == 1
    assert main(arguments) == 0
    assert len(list(runs.iterdir())) == 2


def test_an_error_of_the_main_process_reaches_the_others(work):
    assert found(work, 0)["error"] == ["DataError", "no rows"]
    assert found(work, 1)["error"] == ["MainProcessError", "The main process failed: no rows"]


def test_a_process_that_ends_because_of_the_main_one_says_nothing(monkeypatch, capsys):
    def fail(compute):
        raise MainProcessError("The main process failed: it says why.")

    monkeypatch.setattr(distributed, "main_first", fail)
    assert main(["compare"]) == 2
    assert capsys.readouterr() == ("", "")


def test_a_batch_that_does_not_divide_says_which_numbers_do(monkeypatch):
    monkeypatch.setattr(distributed, "processes", lambda: 3)
    monkeypatch.setattr(distributed, "from_main", lambda compute: compute())
    with pytest.raises(
        TrainingError, match="A batch of 32 cannot be shared equally by 3 processes: start 1, 2, 4, 8, 16, 32"
    ):
        finetune("use-m", worker.rows(8), recipe=Recipe(), progress=False)
