"""The ``xlft`` command: ``doctor``, ``run``, ``compare`` and ``pretrain``, on the same engine as the notebooks.

Exit codes: 0 all well; 1 the course cannot run, or a notebook failed; 2 a wrong argument or unusable input.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from xlft_helpers.errors import XlftError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; ``arguments`` default to those of the process. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except XlftError as error:
        print(f"xlft: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("xlft: interrupted.", file=sys.stderr)
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

    compare = commands.add_parser(
        "compare",
        help="zero-shot, per-language and merged fine-tuning side by side",
        description="Train and test every method with every seed; print macro-F1 with intervals, baselines, the transfer "
        "gap and which differences are distinguishable.",
        epilog="Your own data: a .tsv, .csv or .jsonl file (UTF-8) with the columns text, label, language (ISO 639-1) and "
        "split (train, dev, test); or a folder per language with a file per split, such as fr/train.tsv.",
    )
    compare.add_argument("--data", default="tweets", metavar="tweets|umsab|FILE|FOLDER", help="default: tweets")
    compare.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with UMSAB's files")
    compare.add_argument(
        "--label-map", nargs="+", metavar="NAME=LABEL", help="rename labels, e.g. 1=positive 0=negative"
    )
    compare.add_argument(
        "--model", default="use-m", metavar="NAME", help="use-m, mbert, xlm, xlmr, a Hub id or a folder"
    )
    compare.add_argument(
        "--methods", nargs="+", default=["zero-shot", "per-language", "merged"], metavar="METHOD",
        help="zero-shot, per-language, merged (default: all three)",
    )  # fmt: skip
    compare.add_argument("--source", default="en", metavar="CODE", help="source language (default: en)")
    compare.add_argument("--languages", nargs="+", metavar="CODE", help="default: all in the data")
    compare.add_argument("--seeds", type=int, default=3, metavar="N", help="runs with different seeds (default: 3)")
    compare.add_argument("--alpha", type=float, default=1.0, help="language sampling, 0 to 1 (default: 1)")
    compare.add_argument(
        "--centre", action=argparse.BooleanOptionalAction, default=True,
        help="mean-centre target languages in zero-shot, from unlabelled training texts (default: yes)",
    )  # fmt: skip
    compare.add_argument(
        "--output-dir", type=Path, metavar="DIR", help="keep finished runs here; a second call goes on"
    )
    compare.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    compare.add_argument("--figure", type=Path, metavar="FILE.png", help="draw the scores here")
    compare.add_argument("--report", type=Path, metavar="FILE.html", help="write data, scores and errors here")
    compare.set_defaults(run=_compare)

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
    label_map = _label_map(options.label_map)

    from xlft_helpers.comparison import compare
    from xlft_helpers.data import load_data
    from xlft_helpers.plots import figure_png, plot_scores, set_style

    data = load_data(options.data, data_dir=options.data_dir, languages=None, label_map=label_map)
    comparison = compare(
        data,
        options.model,
        options.methods,
        source=options.source,
        languages=options.languages,
        seeds=options.seeds,
        alpha=options.alpha,
        centre=options.centre,
        output_dir=options.output_dir,
    )
    print(comparison.report())
    if options.json:
        comparison.to_json(options.json)
    if options.figure:
        set_style()
        temporary = options.figure.with_name(options.figure.name + ".tmp")
        temporary.write_bytes(figure_png(plot_scores(comparison.summary)))
        temporary.replace(options.figure)
    if options.report:
        from xlft_helpers.reporting import write_report

        write_report(options.report, comparison, data)
    return 0


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
