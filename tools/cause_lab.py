"""Run the grid of the cause lab and write ``xlft_helpers/cause_lab/grid.csv``.

    python tools/cause_lab.py              # three seeds of every setting
    python tools/cause_lab.py --seeds 5    # two more; finished runs are kept

A finished run is in the file at once, so the script can be stopped at any time and goes on from there. The file holds the
results of one text and one recipe: delete it after a change of either.
"""

import argparse
import os
import platform
import time
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch

from xlft_helpers.cause_lab import GRID, run_setting, summarize

RESULTS = Path(__file__).resolve().parent.parent / "xlft_helpers" / "cause_lab" / "grid.csv"
HEADER = """# The grid of the cause lab, made by: python tools/cause_lab.py --seeds {seeds}
# Python {python}, torch {torch}, one thread; the text is that of the packages pinned in requirements.txt.
"""


def main() -> None:
    """Run what is missing, seed by seed, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0 on (default: 3)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the file of the results")
    options = parser.parse_args()
    torch.set_num_threads(1)  # so small a model gains nothing from more, and the results do not depend on their number
    runs = pd.read_csv(options.output, comment="#").to_dict("records") if options.output.is_file() else []
    done = {(run["setting"], run["seed"]) for run in runs}
    for seed in range(options.seeds):
        for name, setting in GRID.items():
            if (name, seed) in done:
                continue
            start = time.process_time()
            found = run_setting(setting, seed, progress=False)
            loss = found.history["loss"].iloc[-1] if len(found.history) else float("nan")
            figures = {key: round(float(value), 4) for key, value in (asdict(found.measures) | {"loss": loss}).items()}
            seconds = round(time.process_time() - start, 1)
            runs.append({"setting": name, "seed": seed, **asdict(setting), **figures, "cpu_seconds": seconds})
            write(pd.DataFrame(runs), options.output, options.seeds)
            print(f"{name}, seed {seed}: {figures}, {seconds} s", flush=True)
    summary = summarize(pd.DataFrame(runs))
    print((100 * summary.drop(columns="n")).round(1).assign(n=summary["n"]).to_string())


def write(runs: pd.DataFrame, path: Path, seeds: int) -> None:
    """Write the runs whole or not at all, in the order of seeds and settings."""
    places = runs["setting"].map(list(GRID).index)
    runs = runs.assign(place=places).sort_values(["seed", "place"]).drop(columns="place")
    temporary = path.with_suffix(f".{os.getpid()}.part")
    header = HEADER.format(seeds=seeds, python=platform.python_version(), torch=torch.__version__)
    temporary.write_text(header + runs.to_csv(index=False), encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    main()
