"""The ``xlft`` command: ``doctor``, ``run``, ``compare`` and ``pretrain``, on the same engine as the notebooks.

Exit codes: 0 all well; 1 the course cannot run, or a notebook failed; 2 a wrong argument or unusable input.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlft_helpers.errors import MainProcessError, XlftError

if TYPE_CHECKING:
    from datasets import DatasetDict

    from xlft_helpers.results import Comparison


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; ``arguments`` default to those of the process. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except MainProcessError:
        return 2
    except XlftError as error:
        print(f"xlft: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = ""
        if options.run is _compare:
            goes_on = options.output_dir or options.plan
            kept = " The same command goes on." if goes_on else " With --output-dir, a second call goes on."
        print(f"xlft: interrupted.{kept}", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xlft", description="The cross-lingual fine-tuning course on the command line."
    )
    parser.add_argument("--version", action="version", version=f"xlft-helpers {version('xlft-helpers')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="check the installation and say what is missing")
    doctor.set_defaults(run=_doctor)

    run = commands.add_parser("run", help="execute notebooks headless")
    run.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="path, name or number; default: all")
    run.add_argument(
        "--folder", type=Path, default=Path("notebooks"), help="where the notebooks are (default: notebooks)"
    )
    run.set_defaults(run=_run)

    _add_compare(commands)

    pretrain = commands.add_parser("pretrain", help="pretrain a small language model on a text of your own")
    pretrain.add_argument("--corpus", type=Path, required=True, metavar="FILE.jsonl",
                          help='a JSON object a line: {"en": "a text", "fr": "its translation, if there is one"}')  # fmt: skip
    pretrain.add_argument("--output-dir", type=Path, required=True, metavar="DIR",
                          help="checkpoints, and the finished model in DIR/model; a second call goes on")  # fmt: skip
    pretrain.add_argument("--objectives", nargs="+", default=["mlm"], metavar="clm|mlm|tlm",
                          help="taken in turn, one a step (default: mlm)")  # fmt: skip
    pretrain.add_argument("--model", default="mini", metavar="NAME",
                          help="whose tokenizer to use, and whose weights to start from (default: mini)")  # fmt: skip
    pretrain.add_argument("--from-scratch", action="store_true",
                          help="start a small model from random weights; always so for clm")  # fmt: skip
    pretrain.add_argument("--layers", type=int, default=2, metavar="N", help="from scratch: layers (default: 2)")
    pretrain.add_argument("--hidden", type=int, default=128, metavar="N", help="from scratch: size (default: 128)")
    pretrain.add_argument("--steps", type=int, default=1000, metavar="N", help="updates (default: 1000)")
    pretrain.add_argument("--batch-tokens", type=int, default=4096, metavar="N", help="pieces a step (default: 4096)")
    pretrain.add_argument(
        "--max-length", type=int, default=64, metavar="N", help="longest text in pieces (default: 64)"
    )
    pretrain.add_argument("--learning-rate", type=float, default=1e-3, metavar="X", help="its peak (default: 0.001)")
    pretrain.add_argument("--checkpoint-every", type=int, default=200, metavar="N", help="steps (default: 200)")
    pretrain.add_argument("--seed", type=int, default=0, metavar="N")
    pretrain.set_defaults(run=_pretrain)
    return parser


COMPARE_DEFAULTS: dict[str, Any] = {
    "data": "tweets",
    "data_dir": None,
    "label_map": None,
    "model": "use-m",
    "methods": ["zero-shot", "per-language", "merged"],
    "source": "en",
    "languages": None,
    "seeds": 3,
    "alpha": 1.0,
    "centre": True,
    "matrix": False,
}
"""What is compared, unless an argument says otherwise; a plan fixes these. An argument that was not given is absent from the
parsed options, so that one that contradicts a plan can be told from a default."""


def _add_compare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    compare = commands.add_parser(
        "compare",
        help="zero-shot, per-language and merged fine-tuning side by side",
        description="Train and test every method with every seed; print macro-F1 with intervals, baselines, the transfer "
        "gap and which differences are distinguishable.",
        epilog="Your own data: a .tsv, .csv or .jsonl file (UTF-8) with the columns text, label, language (ISO 639-1) and "
        "split (train, dev, test); or a folder per language with a file per split, such as fr/train.tsv. "
        "Several processes on one comparison: 'torchrun --nproc-per-node 2 -m xlft_helpers compare ...' shares out every "
        "batch; a plan shares out whole models, on one machine or many.",
        argument_default=argparse.SUPPRESS,
    )
    compare.add_argument("--data", metavar="tweets|intents|umsab|massive|FILE|FOLDER", help="default: tweets")
    compare.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with the files of umsab or massive")
    compare.add_argument(
        "--label-map", nargs="+", metavar="NAME=LABEL", help="rename labels, e.g. 1=positive 0=negative"
    )
    compare.add_argument("--model", metavar="NAME", help="use-m, mini, mbert, xlm, xlmr, a Hub id or a folder")
    compare.add_argument(
        "--methods", nargs="+", metavar="METHOD", help="zero-shot, per-language, merged (default: all three)"
    )
    compare.add_argument("--source", metavar="CODE", help="source language (default: en)")
    compare.add_argument("--languages", nargs="+", metavar="CODE", help="default: all in the data")
    compare.add_argument("--seeds", type=int, metavar="N", help="runs with different seeds (default: 3)")
    compare.add_argument("--alpha", type=float, help="language sampling, 0 to 1 (default: 1)")
    compare.add_argument(
        "--centre", action=argparse.BooleanOptionalAction,
        help="mean-centre target languages in zero-shot, from unlabelled training texts (default: yes)",
    )  # fmt: skip
    compare.add_argument(
        "--matrix", action="store_true",
        help="let every language's model answer in all of them: the transfer matrix in --json (default: no, it costs time)",
    )  # fmt: skip
    compare.add_argument(
        "--recipe", choices=["best"], default=None,
        help="best: an ensemble of encoder, probe and n-grams, for balanced classes (default: one fine-tuned model)",
    )  # fmt: skip
    compare.add_argument(
        "--output-dir", type=Path, default=None, metavar="DIR", help="keep finished runs here; a second call goes on"
    )
    compare.add_argument("--json", type=Path, default=None, metavar="FILE", help="write all figures here")
    compare.add_argument("--figure", type=Path, default=None, metavar="FILE.png", help="draw the scores here")
    compare.add_argument(
        "--report", type=Path, default=None, metavar="FILE.html", help="write data, scores and errors here"
    )
    planned = compare.add_argument_group(
        "a plan",
        "Write the comparison's models as numbered jobs into a file, run each job anywhere that sees the file, then collect. "
        "A job that is done is skipped, and one that was lost is run again by the same command.",
    )
    planned.add_argument(
        "--plan", type=Path, default=None, metavar="FILE.json",
        help="write the jobs here; of a file that exists, say what is done and what is missing",
    )  # fmt: skip
    planned.add_argument("--job", nargs="+", default=None, metavar="I", help="run these jobs of the plan: 3, or 0-3,7")
    planned.add_argument(
        "--collect", action="store_true", default=False,
        help="print the report of all jobs; --json, --figure and --report belong here; exit code 2 if jobs are missing",
    )  # fmt: skip
    compare.set_defaults(run=_compare)


# The commands import what they need themselves: `xlft --help` should not wait for torch.


def _doctor(_: argparse.Namespace) -> int:
    from xlft_helpers.doctor import examine

    findings = examine()
    for finding in findings:
        print(f"{'ok     ' if finding.ok else 'MISSING'}  {finding.subject}: {finding.text}")
    return 0 if all(finding.ok for finding in findings) else 1


def _run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from xlft_helpers.execution import execute_file, find_notebooks

    paths = find_notebooks(options.notebooks, options.folder)
    runs = [execute_file(path) for path in tqdm(paths, desc="notebooks")]
    print(f"{'notebook':36} {'seconds':>8} {'peak MB':>8}")
    for run in runs:
        print(f"{run.name:36} {run.seconds:8.1f} {run.peak_memory / 2**20:8.0f}  {run.error or ''}")
    return 1 if any(run.error for run in runs) else 0


def _compare(options: argparse.Namespace) -> int:
    for path in (options.json, options.figure, options.report):
        if path and not path.resolve().parent.is_dir():
            raise XlftError(
                f"{path} cannot be written: the folder {path.resolve().parent} does not exist. Make it first."
            )
    _check_plan_arguments(options)
    given = {name: value for name, value in vars(options).items() if name in COMPARE_DEFAULTS}
    from xlft_helpers import distributed

    with distributed.together():
        return _compare_by_plan(options, given) if options.plan else _compare_at_once(options, given)


def _compare_at_once(options: argparse.Namespace, given: dict[str, Any]) -> int:
    from xlft_helpers import distributed
    from xlft_helpers.comparison import compare
    from xlft_helpers.data import load_data

    data, arguments = _what_to_compare({**COMPARE_DEFAULTS, **given})
    rows = distributed.main_first(lambda: load_data(**data))
    comparison = compare(rows, **arguments, recipe=options.recipe, output_dir=options.output_dir)
    return _report(comparison, rows, options) if distributed.is_main() else 0


def _report(comparison: "Comparison", rows: "DatasetDict", options: argparse.Namespace) -> int:
    from xlft_helpers.files import write_whole
    from xlft_helpers.plots import figure_png, plot_scores, set_style

    print(comparison.report())
    if options.json:
        comparison.to_json(options.json)
    if options.figure:
        set_style()
        write_whole(options.figure, figure_png(plot_scores(comparison.summary)))
    if options.report:
        from xlft_helpers.reporting import write_report

        write_report(options.report, comparison, rows)
    return 0


def _compare_by_plan(options: argparse.Namespace, given: dict[str, Any]) -> int:
    from xlft_helpers import distributed
    from xlft_helpers.plans import PlannedRun, job_numbers, job_ranges, read_plan, with_absolute_paths, write_plan

    path: Path = options.plan
    what = _what_to_compare({**COMPARE_DEFAULTS, **given})
    say = print if distributed.is_main() else lambda _: None
    if distributed.from_main(lambda: not path.exists() and not (options.job or options.collect)):
        plan = distributed.from_main(lambda: write_plan(path, *what, recipe=options.recipe))
        say(f"{path}: {len(plan.jobs)} jobs, to be run by xlft compare --plan {path} --job I")
        for number, job in enumerate(plan.jobs):
            say(f"{number:4}  {job}")
        return 0
    plan = read_plan(path)
    if options.recipe and not plan.recipe.ensemble:
        raise XlftError(f"{path} was planned without --recipe best. Leave it out, or write another plan.")
    data, arguments = with_absolute_paths(*what)
    for name in given:
        key, asked, fixed = (name, arguments, plan.comparison) if name in arguments else (name, data, plan.data)
        if name == "data":
            key = "source"
        if asked[key] != fixed[key]:
            raise XlftError(
                f"{path} was planned with {name.replace('_', '-')} = {fixed[key]}, not {asked[key]}. Leave the argument "
                "out, or write another plan under another name."
            )
    numbers = [number for text in options.job or () for number in job_numbers(plan, text)]
    run = PlannedRun(plan)
    if options.collect:
        comparison = run.collect()
        return _report(comparison, run.rows, options) if distributed.is_main() else 0
    for number in numbers:
        was_run = run.run(number)
        say(f"job {number} ({plan.jobs[number]}): {'done' if was_run else 'was done already'}")
    if not numbers:
        missing = run.missing()
        ends = f"missing: {job_ranges(missing)}" if missing else "collect them with --collect"
        say(f"{path}: {len(plan.jobs) - len(missing)} of {len(plan.jobs)} jobs done; {ends}")
    return 0


def _check_plan_arguments(options: argparse.Namespace) -> None:
    """A plan is written, run or collected by one call each; what belongs to one of them is refused elsewhere."""
    if (options.job or options.collect) and not options.plan:
        raise XlftError("--job and --collect need --plan FILE.json, the plan that they belong to.")
    if options.job and options.collect:
        raise XlftError("--job and --collect exclude each other: collect once all jobs are done.")
    if options.plan and not options.collect and (options.json or options.figure or options.report):
        raise XlftError(
            "With --plan, --json, --figure and --report belong to --collect: there is nothing to show before."
        )
    if options.plan and options.output_dir:
        raise XlftError(
            f"--output-dir does not go with --plan: its finished jobs are kept in {options.plan.with_suffix('.runs')}."
        )


def _what_to_compare(chosen: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of `load_data` and those of `compare`."""
    data = {
        "source": chosen["data"],
        "data_dir": chosen["data_dir"] and str(chosen["data_dir"]),
        # Intents are restricted to those that the languages share, so it matters which ones are loaded.
        "languages": chosen["languages"] if chosen["data"] in ("intents", "massive") else None,
        "label_map": _label_map(chosen["label_map"]),
    }
    names = ("model", "methods", "source", "languages", "seeds", "alpha", "centre", "matrix")
    return data, {name: chosen[name] for name in names}


def _pretrain(options: argparse.Namespace) -> int:
    import torch

    from xlft_helpers.models import load_model, load_tokenizer
    from xlft_helpers.pretraining import JsonLines, PretrainRecipe, pretrain, small_model

    corpus = JsonLines(options.corpus)
    recipe = PretrainRecipe(
        objectives=tuple(options.objectives),
        steps=options.steps,
        batch_tokens=options.batch_tokens,
        max_length=options.max_length,
        learning_rate=options.learning_rate,
    )
    tokenizer = load_tokenizer(options.model)
    if options.from_scratch or "clm" in options.objectives:
        torch.manual_seed(options.seed)
        model = small_model(
            tokenizer,
            "causal" if "clm" in options.objectives else "masked",
            layers=options.layers,
            hidden=options.hidden,
            max_length=max(128, options.max_length),
        )
    else:
        model = load_model(options.model, "masked-lm", trainable_embeddings=True)
    result = pretrain(
        model,
        tokenizer,
        corpus,
        recipe,
        seed=options.seed,
        output_dir=options.output_dir,
        checkpoint_every=options.checkpoint_every,
    )
    folder = options.output_dir / "model"
    result.model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    result.history.to_csv(folder / "history.csv", index=False)
    last = result.history[result.history["step"] == result.history["step"].max()]
    print(last[["objective", "language", "loss", "perplexity"]].round(2).to_string(index=False))
    print(f"{result.tokens:,} tokens in {result.seconds:,.0f} s. The model is in {folder}.")
    return 0


def _label_map(pairs: Sequence[str] | None) -> dict[str, str] | None:
    if pairs is None:
        return None
    split = [pair.partition("=") for pair in pairs]
    for pair, (name, equals, label) in zip(pairs, split, strict=True):
        if not (name and equals and label):
            raise XlftError(f"--label-map {pair}: expected NAME=LABEL, e.g. 1=positive.")
    return {name: label for name, _, label in split}
