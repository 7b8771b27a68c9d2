"""A comparison as independent jobs in a file, for a SLURM array or any other queue: write the plan, run jobs, collect.

The plan holds everything that a job needs but the data and the model themselves. What jobs answered is kept in a folder
beside it (``plan.json``: ``plan.runs``), one file a job, so that a job may be run on any machine that sees the two.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from xlft_helpers import distributed
from xlft_helpers.comparison import prepare
from xlft_helpers.data import SOURCES, load_data
from xlft_helpers.errors import PlanError
from xlft_helpers.files import write_whole
from xlft_helpers.finetuning import Recipe
from xlft_helpers.jobs import Job, JobStore
from xlft_helpers.results import Comparison, Prediction

FORMAT = 2
"""Of the file; goes up whenever an older version would misread it."""

ENTRIES = {"data": dict, "fingerprint": str, "comparison": dict, "recipe": dict, "jobs": list}


@dataclass(frozen=True)
class Plan:
    """What a plan file says.

    Attributes:
        path: of the file.
        data: arguments of :func:`~xlft_helpers.data.load_data`: ``source``, ``data_dir``, ``label_map``.
        fingerprint: of the rows that were planned for.
        model_sha256: of the model, if it is a folder's.
        comparison: arguments of :func:`~xlft_helpers.comparison.prepare`, but for the data and the recipe.
        recipe: of every training.
        jobs: the models to train; a job's number is its place here, from 0 on.
    """

    path: Path
    data: dict[str, Any]
    fingerprint: str
    model_sha256: str | None
    comparison: dict[str, Any]
    recipe: Recipe
    jobs: tuple[Job, ...]

    @property
    def results(self) -> Path:
        """The folder beside the plan where finished jobs are kept."""
        return self.path.with_suffix(".runs")


def write_plan(
    path: Path | str,
    data: Mapping[str, Any],
    comparison: Mapping[str, Any],
    recipe: Recipe | Literal["best"] | None = None,
) -> Plan:
    """List the jobs of a comparison in a new file.

    Args:
        path: of the file, ``.json``; the finished jobs will be kept beside it.
        data: arguments of :func:`~xlft_helpers.data.load_data`. Paths become absolute, as jobs may start anywhere.
        comparison: arguments of :func:`~xlft_helpers.comparison.prepare`, but for the data and the recipe.
        recipe: as for :func:`~xlft_helpers.comparison.compare`.

    Raises:
        PlanError: the file exists, its folder does not, or its name does not end in ``.json``.
        XlftError: what :func:`~xlft_helpers.comparison.prepare` or :func:`~xlft_helpers.data.load_data` raise.
    """
    path = Path(path)
    if path.suffix != ".json":
        raise PlanError(f"{path}: the name of a plan ends in .json, such as {path.with_suffix('.json')}.")
    if path.exists():
        raise PlanError(f"{path} exists: a plan is not overwritten. Give another name, or delete it with its results.")
    if not path.resolve().parent.is_dir():
        raise PlanError(f"{path} cannot be written: the folder {path.resolve().parent} does not exist. Make it first.")
    data, comparison = with_absolute_paths(data, comparison)
    prepared = prepare(load_data(**data), **comparison, recipe=recipe)
    content = {
        "format": FORMAT,
        "package": version("xlft-helpers"),
        "data": data,
        "fingerprint": prepared.fingerprint,
        "model_sha256": prepared.settings["model_sha256"],
        "comparison": comparison,
        "recipe": asdict(prepared.recipe),
        "jobs": [asdict(job) for job in prepared.jobs],
    }
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return read_plan(path)


def read_plan(path: Path | str) -> Plan:
    """Read a plan file.

    Raises:
        PlanError: there is no such file, it is not JSON, it lacks an entry, or another version of the package wrote it.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PlanError(f"{path}: no such plan. Write it first: xlft compare --plan {path} --data …") from error
    except json.JSONDecodeError as error:
        raise PlanError(
            f"{path}, line {error.lineno}, column {error.colno}: this is not JSON ({error.msg}). "
            "Restore the file, or delete it and write the plan anew."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} cannot be read as a plan: {error}. Delete it and write the plan anew.") from error
    _check_version(path, content)
    for name, kind in ENTRIES.items():
        if not isinstance(content.get(name), kind):
            raise PlanError(
                f"{path}: the entry {name!r} is missing or damaged. Delete the file and write the plan anew."
            )
    try:
        jobs = tuple(
            Job(tuple(job["methods"]), int(job["seed"]), tuple(job["train_languages"])) for job in content["jobs"]
        )
        settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content["recipe"].items()}
        recipe = Recipe(**settings)
    except (KeyError, TypeError, ValueError) as error:
        raise PlanError(
            f"{path}: 'jobs' or 'recipe' is damaged ({error}). Delete the file and write the plan anew."
        ) from error
    return Plan(
        path, content["data"], content["fingerprint"], content.get("model_sha256"), content["comparison"], recipe, jobs
    )


class PlannedRun:
    """A plan with its data at hand: runs jobs, says which are missing, collects.

    Attributes:
        plan: the plan.
        rows: the planned data.

    Raises:
        PlanError: the data are not those that were planned for, the plan was changed by hand, or its folder of results
            holds those of another plan.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rows = load_data(**plan.data)
        self._prepared = prepare(self.rows, **plan.comparison, recipe=plan.recipe)
        if self._prepared.fingerprint != plan.fingerprint:
            raise PlanError(
                f"{plan.path} was made for other rows than {plan.data['source']} holds now: the data have changed. Bring "
                "back the data of then, or write a new plan under another name."
            )
        if self._prepared.settings["model_sha256"] != plan.model_sha256:
            raise PlanError(
                f"{plan.path} was made for another model than {plan.comparison['model']} holds now: the model has changed. Bring "
                "back the model of then, or write a new plan under another name."
            )
        if list(plan.jobs) != self._prepared.jobs:
            raise PlanError(
                f"{plan.path}: its jobs are not those that its settings need; it was changed by hand. "
                "Write a new plan under another name."
            )
        self._store: JobStore = self._prepared.store(plan.results)
        if strangers := self._store.strangers():
            raise PlanError(
                f"{plan.results} holds results of another plan, such as {strangers[0]}. Move that folder away, or write "
                "this plan under another name."
            )

    def missing(self) -> list[int]:
        """The numbers of the jobs that are not done."""
        return [number for number in range(len(self.plan.jobs)) if self._finished(number) is None]

    def run(self, number: int, progress: bool = True) -> bool:
        """Run one job and keep its answers. Returns whether it had to be run; a finished job is left alone.

        Raises:
            PlanError: there is no job with this number.
        """
        _require_job(self.plan, number)
        if self._finished(number) is not None:
            return False
        self._prepared.run(self.plan.jobs[number], self._store, progress)
        return True

    def collect(self) -> Comparison:
        """The comparison of all jobs' answers, with the baselines, which are computed now.

        Raises:
            PlanError: jobs are missing; the message has their numbers.
        """
        predictions: list[Prediction] = []
        missing = self.missing()
        if missing:
            raise PlanError(
                f"{len(missing)} of the {len(self.plan.jobs)} jobs of {self.plan.path} {'is' if len(missing) == 1 else 'are'} not done: "
                f"{job_ranges(missing)}. Run them: xlft compare --plan {self.plan.path} --job {job_ranges(missing)}"
            )
        for number in range(len(self.plan.jobs)):
            predictions += self._finished(number) or []
        precisions = distributed.from_main(lambda: Counter(self._store.precision(job) for job in self.plan.jobs))
        used = ", ".join(f"{name} in {count} jobs" for name, count in precisions.items())
        prepared = replace(self._prepared, settings={**self._prepared.settings, "precision": used})
        return prepared.conclude(predictions)

    def _finished(self, number: int) -> list[Prediction] | None:
        return self._prepared.finished(self.plan.jobs[number], self._store)


def job_ranges(numbers: Sequence[int]) -> str:
    """Sorted job numbers as a SLURM array writes them: ``0-3,7``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def job_numbers(plan: Plan, text: str) -> list[int]:
    """The jobs that a text such as ``3`` or ``0-3,7`` means.

    Raises:
        PlanError: the text is something else, or the plan has no such jobs.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise PlanError(f"--job {text}: expected numbers and ranges, such as 3 or 0-3,7.")
        for number in (int(first), int(last or first)):
            _require_job(plan, number)
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def with_absolute_paths(
    data: Mapping[str, Any], comparison: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of :func:`write_plan` as the plan keeps them: paths from the root on."""
    return (
        {**data, "source": _absolute(data["source"], SOURCES), "data_dir": _absolute(data["data_dir"])},
        {**comparison, "model": _absolute(comparison["model"], ("use-m", "mini"))},
    )


def _require_job(plan: Plan, number: int) -> None:
    if not 0 <= number < len(plan.jobs):
        raise PlanError(f"{plan.path} has no job {number}: its {len(plan.jobs)} jobs are 0 to {len(plan.jobs) - 1}.")


def _absolute(name: Any, bundled: Collection[str] = ()) -> Any:
    """A path of something that exists, from the root on; a name such as ``tweets`` or a Hub id as it is."""
    return str(Path(name).resolve()) if name is not None and name not in bundled and Path(name).exists() else name


def _check_version(path: Path, content: Any) -> None:
    if not isinstance(content, dict) or "format" not in content:
        raise PlanError(
            f"{path} is not a plan of xlft compare. Give another name, or delete it and write the plan anew."
        )
    here = version("xlft-helpers")
    if (content["format"], content.get("package")) != (FORMAT, here):
        raise PlanError(
            f"{path} is a plan in format {content['format']} of xlft-helpers {content.get('package')}; this is xlft-helpers "
            f"{here}, which reads its own plans in format {FORMAT}. Install the other version, or write a new plan."
        )
