"""A plan's jobs, run one by one in any order, give the figures of one process; whatever does not fit is refused."""

import json
import shutil

import numpy as np
import pytest

from xlft_helpers import plans
from xlft_helpers.cli import main
from xlft_helpers.comparison import compare, prepare
from xlft_helpers.data import load_data
from xlft_helpers.errors import PlanError
from xlft_helpers.finetuning import Recipe
from xlft_helpers.plans import PlannedRun, job_numbers, job_ranges, read_plan, write_plan

from .test_cli import reviews

QUICK = Recipe(epochs=1, lexical_expert=True)
COMPARISON = {"model": "use-m", "methods": ["zero-shot", "merged"], "source": "en", "seeds": 2}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A plan whose jobs were all run, the last one first, each by a reader of the file of its own."""
    folder = tmp_path_factory.mktemp("plan")
    table = reviews(folder / "reviews.tsv")
    plan = write_plan(folder / "plan.json", {"source": str(table), "data_dir": None}, COMPARISON, QUICK)
    assert PlannedRun(plan).missing() == [0, 1, 2, 3]
    for number in (3, 2, 1, 0):
        assert PlannedRun(read_plan(plan.path)).run(number, progress=False)
    return plan


@pytest.fixture
def copied(finished, tmp_path):
    """The finished plan in a folder of the test's own."""
    shutil.copytree(finished.results, tmp_path / "plan.runs")
    return read_plan(shutil.copy(finished.path, tmp_path / "plan.json"))


def figures(comparison):
    return {key: value for key, value in comparison.to_dict().items() if key not in ("settings", "runs")}


def test_collected_figures_are_those_of_one_process_to_the_last_digit(finished):
    collected = PlannedRun(finished).collect()
    whole = compare(load_data(finished.data["source"]), **COMPARISON, recipe=QUICK, progress=False)
    assert figures(collected) == figures(whole)
    for one, other in zip(collected.predictions, whole.predictions, strict=True):
        assert (one.method, one.seed, one.test_language) == (other.method, other.seed, other.test_language)
        assert np.array_equal(one.probabilities, other.probabilities)
    assert collected.settings["precision"] in ("float32 in 4 jobs", "bfloat16 in 4 jobs")
    del collected.settings["precision"], whole.settings["precision"]
    assert collected.settings == whole.settings


def test_a_finished_job_is_not_run_again(finished, monkeypatch):
    monkeypatch.setattr(plans, "prepare", lambda *a, **k: NeverRun(prepare(*a, **k)))
    assert not PlannedRun(finished).run(1)


class NeverRun:
    """A prepared comparison that must not train."""

    def __init__(self, prepared):
        self.__dict__.update(
            {name: getattr(prepared, name) for name in ("fingerprint", "settings", "jobs", "finished", "store")}
        )

    def run(self, job, store, progress):
        raise AssertionError(f"{job} was trained again")


@pytest.mark.parametrize("damage", ["lost", "cut", "empty", "other rows", "text"])
def test_a_lost_or_damaged_job_is_named_and_run_again(copied, damage):
    path = next(copied.results.glob("*-en-seed1.npz"))
    content = path.read_bytes()
    if damage == "lost":
        path.unlink()
    elif damage == "other rows":
        np.savez(path, en=np.ones((3, 2)), fr=np.ones((3, 2)), _seconds=1.0, _bf16=True)
    else:
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "text": b"not an archive"}[damage])
    run = PlannedRun(copied)
    assert run.missing() == [2]
    with pytest.raises(PlanError, match=r"1 of the 4 jobs of .* is not done: 2\. Run them: .* --job 2$"):
        run.collect()
    assert run.run(2, progress=False)
    assert run.missing() == []
    assert not list(copied.results.glob("*.tmp"))


def test_two_processes_that_run_one_job_at_once_do_no_harm(copied):
    first, second = PlannedRun(copied), PlannedRun(copied)
    path = next(copied.results.glob("*-en-seed0.npz"))
    before = first._finished(0)
    path.unlink()
    answers = [run._prepared.run(copied.jobs[0], progress=False) for run in (first, second)]
    for run, found in zip((first, second), answers, strict=True):
        run._store.write(copied.jobs[0], found)
    for old, new in zip(before, first._finished(0), strict=True):
        assert np.array_equal(old.probabilities, new.probabilities)
    assert len(list(copied.results.iterdir())) == 4


def edited(plan, **changes):
    content = json.loads(plan.path.read_text(encoding="utf-8"))
    plan.path.write_text(json.dumps({**content, **changes}), encoding="utf-8")
    return plan.path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, r"format 99 of xlft-helpers .*reads its own plans in format 2\. Install the other version"),
        ({"package": "0.0.1"}, r"xlft-helpers 0\.0\.1; this is xlft-helpers"),
        ({"jobs": None}, "'jobs' is missing or damaged"),
        ({"jobs": [{"seed": 0}]}, "'jobs' or 'recipe' is damaged"),
        ({"recipe": {"speed": 9}}, "'jobs' or 'recipe' is damaged .*speed"),
        ({"fingerprint": "0" * 64}, "other rows than .* the data have changed"),
        ({"model_sha256": "0" * 64}, "another model than use-m holds now: the model has changed"),
        ({"jobs": [{"methods": ["merged"], "seed": 7, "train_languages": ["en"]}]}, "changed by hand"),
        (
            {"recipe": {"epochs": 2, "lexical_expert": True}},
            r"plan\.runs holds results of another plan, such as .*\.npz",
        ),
    ],
)
def test_a_plan_that_cannot_be_followed_says_why(copied, changes, message):
    with pytest.raises(PlanError, match=message):
        PlannedRun(read_plan(edited(copied, **changes)))


def test_a_corrupt_file_is_named_with_line_and_column(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"format": 1,\n "jobs": [}', encoding="utf-8")
    with pytest.raises(PlanError, match=r"plan\.json, line 2, column 11: this is not JSON"):
        read_plan(path)
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(PlanError, match="not a plan of xlft compare"):
        read_plan(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(PlanError, match="cannot be read as a plan"):
        read_plan(path)


def test_a_plan_is_not_overwritten_and_needs_its_folder(copied, tmp_path):
    for path, message in (
        (copied.path, "not overwritten"),
        (tmp_path / "plan", "ends in .json"),
        (tmp_path / "nowhere" / "plan.json", "does not exist"),
    ):
        with pytest.raises(PlanError, match=message):
            write_plan(path, copied.data, copied.comparison)


def test_job_numbers_are_written_as_a_slurm_array_writes_them(finished):
    assert job_ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
    assert job_numbers(finished, "0-1,3") == [0, 1, 3]
    for text in ("", "x", "-1", "1-", "1..2", "1,"):
        with pytest.raises(PlanError, match="expected numbers and ranges"):
            job_numbers(finished, text)
    for text in ("4", "0-99999999999999"):
        with pytest.raises(PlanError, match="its 4 jobs are 0 to 3"):
            job_numbers(finished, text)


def test_the_command_writes_runs_and_collects(tmp_path, capsys):
    table = reviews(tmp_path / "reviews.tsv")
    plan, out = str(tmp_path / "plan.json"), tmp_path / "out.json"
    what = ["compare", "--data", str(table), "--label-map", "1=bad", "5=good", "--methods", "zero-shot", "--seeds", "2"]
    assert main([*what, "--plan", plan]) == 0
    assert "2 jobs" in capsys.readouterr().out
    assert main([*what, "--plan", plan]) == 0  # the same again changes nothing
    assert "0 of 2 jobs done; missing: 0-1" in capsys.readouterr().out
    assert main(["compare", "--plan", plan, "--job", "1"]) == 0
    assert main(["compare", "--plan", plan, "--collect", "--json", str(out)]) == 2
    assert "1 of the 2 jobs" in capsys.readouterr().err
    assert not out.exists()
    assert main(["compare", "--plan", plan, "--job", "0-1"]) == 0
    printed = capsys.readouterr().out
    assert "seed 0): done\n" in printed
    assert "seed 1): was done already\n" in printed
    assert main(["compare", "--plan", plan, "--collect", "--json", str(out)]) == 0
    assert "mean of targets" in capsys.readouterr().out
    assert json.loads(out.read_text(encoding="utf-8"))["settings"]["labels"] == ["bad", "good"]
    assert main(["compare", "--plan", plan, "--seeds", "3"]) == 2
    assert "planned with seeds = 2, not 3" in capsys.readouterr().err
    assert main(["compare", "--plan", plan, "--job", "2"]) == 2
    assert "its 2 jobs are 0 to 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--job", "0"], "need --plan"),
        (["--collect"], "need --plan"),
        (["--plan", "p.json", "--job", "0", "--collect"], "exclude each other"),
        (["--plan", "p.json", "--json", "o.json"], "belong to --collect"),
        (["--plan", "p.json", "--job", "0", "--figure", "o.png"], "belong to --collect"),
        (["--plan", "p.json", "--output-dir", "x"], "p.runs"),
        (["--plan", "p.json", "--job", "0"], "no such plan. Write it first"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_plan_of_the_best_recipe_says_so(tmp_path):
    data, comparison = {"source": "tweets", "data_dir": None, "languages": None, "label_map": None}, COMPARISON
    plan = write_plan(tmp_path / "plan.json", data, comparison, recipe="best")
    assert plan.recipe.ensemble
    assert read_plan(plan.path).recipe == plan.recipe
