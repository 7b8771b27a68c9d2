"""Make the learner's and the solutions edition of every notebook from its one source.

    python tools/build_notebooks.py               # execute and write what is stale
    python tools/build_notebooks.py 05 --force    # one notebook, stale or not
    python tools/build_notebooks.py --check       # only say what is stale; exit 1 if anything is

Where nothing but Markdown changed, the committed outputs are kept and nothing is executed.

A source (``notebooks/source/NN_name.py``, jupytext's percent format) holds lesson, stubs and solutions:

    # %%
    def my_gap(scores, source):
        # --- stub
        return ...
        # --- solution
        return scores[source] - mean(...)
        # --- end

The learner's edition keeps what stands under ``stub``, the solutions edition what stands under ``solution``. In
Markdown, ``{{badges}}``, ``{{time}}``, ``{{quiz}}`` and ``{{navigation}}`` are filled in. Both editions are executed,
and the outputs are committed without timings, progress bars and widget state.
"""

import argparse
import hashlib
import re
import sys
import tomllib
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbstripout import strip_output

from xlft_helpers.execution import execute
from xlft_helpers.files import write_whole
from xlft_helpers.teaching.quiz import quiz_markdown

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOURCES = NOTEBOOKS / "source"
EDITIONS = {"learner": NOTEBOOKS, "solutions": NOTEBOOKS / "solutions"}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

_EXERCISE = re.compile(
    r"^[ \t]*# --- stub\n(?P<stub>.*?)^[ \t]*# --- solution\n(?P<solution>.*?)^[ \t]*# --- end\n?",
    re.MULTILINE | re.DOTALL,
)


def render(source: Path, edition: str) -> NotebookNode:
    """The notebook of one edition, without outputs.

    Args:
        source: path of the percent-format source.
        edition: ``"learner"`` or ``"solutions"``.
    """
    notebook = jupytext.read(source, fmt="py:percent")
    keep = "stub" if edition == "learner" else "solution"
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            cell.source = _fill(cell.source, source, edition)
        else:
            cell.source = _EXERCISE.sub(lambda match: match[keep], cell.source + "\n").rstrip("\n")
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        cell.id = f"{number:03d}-{digest}"
        cell.metadata = NotebookNode({"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {})
    notebook.metadata = NotebookNode(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def is_stale(source: Path, edition: str) -> bool:
    """Whether the committed notebook is missing or its cells are not those of the source."""
    target = EDITIONS[edition] / f"{source.stem}.ipynb"
    if not target.exists():
        return True

    def cells(notebook: NotebookNode) -> list[tuple[str, str, list[str]]]:
        return [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in notebook.cells]

    return cells(nbformat.read(target, as_version=4)) != cells(render(source, edition))


def build(source: Path, edition: str, force: bool = False) -> str | None:
    """Write one edition, executed where code changed (always with ``force``); returns the error that stopped it, if any."""
    notebook = render(source, edition)
    target = EDITIONS[edition] / f"{source.stem}.ipynb"
    if not force and target.exists() and _keep_outputs(notebook, nbformat.read(target, as_version=4)):
        how = "only its text is new"
    else:
        run = execute(notebook, target.parent, source.stem)
        if run.error:
            return run.error
        _tidy(notebook)
        how = f"{run.seconds:6.1f} s {run.peak_memory / 2**20:6.0f} MB"
    write_whole(target, nbformat.writes(notebook) + "\n")
    print(f"{edition:9} {source.stem:28} {how}")
    return None


def _keep_outputs(notebook: NotebookNode, committed: NotebookNode) -> bool:
    """Copy the outputs of a committed notebook with the same code; ``False`` where the code differs."""
    new, old = ([cell for cell in n.cells if cell.cell_type == "code"] for n in (notebook, committed))
    if [cell.source for cell in new] != [cell.source for cell in old]:
        return False
    for cell, executed in zip(new, old, strict=True):
        cell.outputs, cell.execution_count = executed.outputs, executed.execution_count
    return True


def _tidy(notebook: NotebookNode) -> None:
    notebook.metadata = NotebookNode(METADATA)  # a kernel adds the version of its Python
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Progress bars and warnings of the run are not part of the lesson.
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    strip_output(
        notebook,
        keep_output=True,
        keep_count=True,
        keep_id=True,
        extra_keys=["cell.metadata.execution"],
    )


def _fill(text: str, source: Path, edition: str) -> str:
    parts = {
        "badges": lambda: _badges(source, edition),
        "time": lambda: _settings()["minutes"][source.stem],
        "quiz": lambda: quiz_markdown(source.stem),
        "navigation": lambda: _navigation(source),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]](), text)


def _settings() -> dict:
    return tomllib.loads((SOURCES / "course.toml").read_text(encoding="utf-8"))


def _badges(source: Path, edition: str) -> str:
    settings = _settings()
    path = f"notebooks/{'solutions/' if edition == 'solutions' else ''}{source.stem}.ipynb"
    binder = f"https://mybinder.org/v2/gh/{settings['repository']}/{settings['tag']}?urlpath=lab/tree/{path}"
    return f"[![Launch on Binder](https://mybinder.org/badge_logo.svg)]({binder})"


def _navigation(source: Path) -> str:
    stems = sorted(path.stem for path in SOURCES.glob("[0-9][0-9]_*.py"))
    place = stems.index(source.stem)
    links = []
    if place > 0:
        links.append(f"← [{stems[place - 1]}]({stems[place - 1]}.ipynb)")
    if place + 1 < len(stems):
        links.append(f"[{stems[place + 1]}]({stems[place + 1]}.ipynb) →")
    return " · ".join(links)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="beginnings of notebook names; default: all")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if a notebook is stale")
    parser.add_argument("--force", action="store_true", help="execute everything, stale or not")
    options = parser.parse_args()
    sources = [
        path
        for path in sorted(SOURCES.glob("[0-9][0-9]_*.py"))
        if not options.names or any(path.name.startswith(name) for name in options.names)
    ]
    failed = False
    for source in sources:
        for edition in EDITIONS:
            if not (options.force or is_stale(source, edition)):
                continue
            if options.check:
                print(f"stale: {edition} {source.stem}; run: python tools/build_notebooks.py {source.stem[:2]}")
                failed = True
            elif error := build(source, edition, options.force):
                print(f"failed: {edition} {source.stem}: {error}", file=sys.stderr)
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
