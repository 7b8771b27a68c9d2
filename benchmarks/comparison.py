"""How long a comparison takes: at once, its parts one after another, and its jobs side by side; and how the cost grows.

    python benchmarks/comparison.py
    python benchmarks/comparison.py --languages 3 --seeds 1 --rows 200 --growth-rows 1000 --growth-languages 1 2

The parts are what one would otherwise start: a process for each model to train, or one for each method and seed, which
loads, tokenizes, trains and evaluates by itself. All sides run the `xlft` command on the same file, in turn, each in
processes of its own. Times are wall times; CPU seconds stand beside them, because they depend less on what else the
machine does.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch
from tqdm import tqdm

from xlft_helpers.data import languages_of, load_tweets, load_umsab

METHODS = ("zero-shot", "per-language", "merged")


@dataclass(frozen=True)
class Cost:
    """Wall seconds, CPU seconds of all processes, and the largest resident memory of one of them in MB."""

    wall: float
    cpu: float
    memory: float


def xlft(*arguments: str) -> list[str]:
    """The command line of `xlft compare`."""
    return [sys.executable, "-m", "xlft_helpers", "compare", *arguments]


def cost(*rounds: list[list[str]], threads: int | None = None) -> Cost:
    """Run rounds of commands: those of a round at the same time, the rounds one after another."""
    environment = dict(os.environ) | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    start, cpu, memory = time.perf_counter(), 0.0, 0.0
    for commands in rounds:
        running = [
            subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands
        ]
        for process in running:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"exit code {process.returncode} of: {' '.join(map(str, process.args))}")
            cpu += usage.ru_utime + usage.ru_stime
            memory = max(memory, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))
    return Cost(time.perf_counter() - start, cpu, memory)


def write_rows(path: Path, data_dir: str | None, languages: list[str], rows: int | None) -> Path:
    """A table with at most ``rows`` training messages a language, and all dev and test messages."""
    data = load_umsab(data_dir, languages) if data_dir else load_tweets(languages)
    frames = []
    for split, part in data.items():
        frame = part.to_pandas()[["text", "label", "language"]].assign(split=split)
        frame["label"] = [part.features["label"].int2str(label) for label in frame["label"]]
        # Shuffled first: the messages may stand in the order of their labels.
        frame = frame.sample(frac=1, random_state=0)
        frames.append(frame.groupby("language").head(rows if rows and split == "train" else len(frame)))
    pd.concat(frames).to_json(path, orient="records", lines=True, force_ascii=False)
    return path


def sides(table: Path, seeds: int, workers: int) -> dict[str, list[list[list[str]]]]:
    """The ways to the same figures; plans are written beside the table."""
    data = ["--data", str(table)]
    # Two plans of the same jobs: a plan does not run a job again that is done.
    plan, again = (["--plan", str(table.with_suffix(f".{name}.json"))] for name in ("models", "workers"))
    for options in (plan, again):
        subprocess.run(xlft(*data, "--seeds", str(seeds), *options), check=True, stdout=subprocess.DEVNULL)
    jobs = json.loads(Path(plan[1]).read_text(encoding="utf-8"))["jobs"]
    shares = share_out([job["train_languages"] for job in jobs], table, workers)
    return {
        "a process for each model, one after another": [
            *([xlft(*plan, "--job", str(job))] for job in range(len(jobs))),
            [xlft(*plan, "--collect")],
        ],
        "one for each method and seed": [
            [xlft(*data, "--methods", method, "--seeds", "1")] for _ in range(seeds) for method in METHODS
        ],
        "xlft compare": [[xlft(*data, "--seeds", str(seeds))]],
        f"xlft compare --plan, {workers} jobs at a time": [
            [xlft(*again, "--job", *share) for share in shares if share],
            [xlft(*again, "--collect")],
        ],
    }


def share_out(train_languages: list[list[str]], table: Path, workers: int) -> list[list[str]]:
    """Job numbers for each worker: the job with the most rows first, each to the worker that has the fewest so far."""
    frame = pd.read_json(table, lines=True)
    rows = frame.loc[frame["split"] == "train", "language"].value_counts()
    sizes = {job: rows[languages].sum() for job, languages in enumerate(train_languages)}
    shares: list[list[str]] = [[] for _ in range(workers)]
    totals = [0] * workers
    for job in sorted(sizes, key=lambda job: -sizes[job]):
        worker = min(range(workers), key=totals.__getitem__)
        shares[worker].append(str(job))
        totals[worker] += sizes[job]
    return shares


def grow(folder: Path, options: argparse.Namespace) -> pd.DataFrame:
    """The cost of a comparison with one seed by the number of languages, and of one model by the number of rows."""
    found = []
    for count in tqdm(options.growth_languages, desc="languages", leave=False):
        table = write_rows(folder / "growth.jsonl", options.data_dir, options.chosen[:count], options.rows)
        for method in ("zero-shot", "merged", "per-language"):
            spent = cost([xlft("--data", str(table), "--seeds", "1", "--methods", method)])
            found.append({"grows": "languages", "method": method, "count": count, **asdict(spent)})
    for count in tqdm(options.growth_rows, desc="rows", leave=False):
        spent = cost([[sys.executable, __file__, "--only-rows", str(count)]])
        found.append({"grows": "rows", "method": "one epoch of one model", "count": count, **asdict(spent)})
    return pd.DataFrame(found)


def train_on(count: int) -> None:
    """One epoch on ``count`` English rows, then their predictions: what grows with the rows in a comparison.

    Texts are cut after 16 pieces, so that a million take minutes.
    """
    from xlft_helpers.finetuning import Recipe, finetune
    from xlft_helpers.inference import predict

    english = load_tweets(["en"])["train"]
    rows = english.select([number % len(english) for number in range(count)])
    result = finetune("use-m", rows, recipe=Recipe(epochs=1, max_length=16), progress=False)
    predict(result.model, result.tokenizer, rows, max_length=16)


def draw(growth: pd.DataFrame, path: Path) -> None:
    """Wall time against languages and rows, with what it would be if it were proportional; and memory against rows."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    panels = (
        ("languages", "wall", "wall seconds"),
        ("rows", "wall", "wall seconds"),
        ("rows", "memory", "peak memory, MB"),
    )
    for axis, (grows, column, label) in zip(axes, panels, strict=True):
        for (method, lines), marker in zip(
            growth[growth["grows"] == grows].groupby("method", sort=False), "os^", strict=False
        ):
            axis.plot(lines["count"], lines[column], marker=marker, label=method)
            if column == "wall":
                last = lines.iloc[-1]
                axis.plot(
                    lines["count"],
                    lines["count"] * last[column] / last["count"],
                    color="grey",
                    linestyle=":",
                    linewidth=1,
                )
        axis.set(xlabel=grows, ylabel=label)
        if grows == "rows":
            axis.set_xscale("log")
        if (grows, column) == ("rows", "wall"):
            axis.set_yscale("log")
        else:
            axis.set_ylim(0, 1.1 * growth.loc[growth["grows"] == grows, column].max())
        axis.legend(frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", metavar="DIR", help="UMSAB's files; default: the bundled tweets")
    parser.add_argument("--languages", type=int, default=8, metavar="N", help="how many to compare (default: 8)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="default: 3")
    parser.add_argument("--rows", type=int, metavar="N", help="training messages a language (default: all)")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), metavar="N", help="jobs at a time (default: one a core)"
    )
    parser.add_argument("--growth-languages", type=int, nargs="*", default=[1, 2, 4, 8], metavar="N")
    parser.add_argument("--growth-rows", type=int, nargs="*", default=[10**n for n in range(3, 7)], metavar="N")
    parser.add_argument("--figure", type=Path, default=Path("comparison.png"), metavar="FILE.png")
    parser.add_argument("--only-rows", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_rows:
        train_on(options.only_rows)
        return
    options.chosen = languages_to_compare(options.data_dir)
    most = max([options.languages, *options.growth_languages])
    if most > len(options.chosen):
        parser.error(f"{most} languages are asked for and the data have {len(options.chosen)}: {options.chosen}")
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, {platform.processor() or platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        languages = options.chosen[: options.languages]
        table = write_rows(Path(folder) / "table.jsonl", options.data_dir, languages, options.rows)
        print(f"{len(METHODS)} methods, {len(languages)} languages ({' '.join(languages)}), {options.seeds} seeds")
        print(f"{'':44} {'wall s':>8} {'share':>9} {'CPU s':>8} {'peak MB':>8}", flush=True)
        whole = None
        for name, rounds in sides(table, options.seeds, options.workers).items():
            spent = cost(*rounds, threads=max(1, (os.cpu_count() or 1) // max(map(len, rounds))))
            whole = whole or spent.wall
            print(
                f"{name:44} {spent.wall:8.1f} {spent.wall / whole:9.2f} {spent.cpu:8.1f} {spent.memory:8.0f}",
                flush=True,
            )
        growth = grow(Path(folder), options)
    if len(growth):
        print(growth.round(1).to_string(index=False))
        draw(growth, options.figure)


def languages_to_compare(data_dir: str | None) -> list[str]:
    """English first, then the others in the order of the data, those with test messages only."""
    data = load_umsab(data_dir) if data_dir else load_tweets()
    return ["en", *(language for language in languages_of(data["test"]) if language != "en")]


if __name__ == "__main__":
    main()
