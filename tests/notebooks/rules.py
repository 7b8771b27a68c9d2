"""The notebook contract as far as a program can check it: each function returns the faults it finds."""

import ast
import re

from nbformat import NotebookNode

MAX_LINES = 15


def find_magics(source: str) -> list[str]:
    """Magics and shell lines: a misspelt one fails silently, and the course needs none."""
    return [line for line in source.splitlines() if re.match(r"\s*(?:\w+\s*=\s*)?[%!]", line)]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def images(notebook: NotebookNode) -> list[dict]:
    """Metadata of every displayed PNG."""
    outputs = [output for cell in code_cells(notebook) for output in cell.get("outputs", [])]
    return [output["metadata"].get("image/png", {}) for output in outputs if "image/png" in output.get("data", {})]


def output_text(notebook: NotebookNode) -> str:
    """All text of all outputs."""
    parts = []
    for cell in code_cells(notebook):
        for output in cell.get("outputs", []):
            parts.append(str(output.get("text", "")))
            parts += [str(value) for mime, value in output.get("data", {}).items() if mime.startswith("text/")]
    return "\n".join(parts)


def faults(notebook: NotebookNode) -> list[str]:
    """Everything in a notebook that breaks the contract."""
    found = []
    first, text = notebook.cells[0].source, markdown(notebook)
    if not first.startswith("# "):
        found.append("the first cell has no title")
    found += [f"the first cell lacks **{part}**" for part in ("You will", "You need", "Time:") if part not in first]
    if "mybinder.org" not in first:
        found.append("the first cell has no launch badge")
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if len(cell.source.splitlines()) > MAX_LINES:
            found.append(f"cell {number} has more than {MAX_LINES} lines")
        found += [f"cell {number} uses a magic: {line}" for line in find_magics(cell.source)]
        if "import *" in cell.source:
            found.append(f"cell {number} uses a star import")
        if cell.get("execution_count") is None and cell.source.strip():
            found.append(f"cell {number} was not executed")
        if (
            number
            and notebook.cells[number - 1].cell_type == "code"
            and number > 1
            and notebook.cells[number - 2].cell_type == "code"
        ):
            found.append(f"cell {number} is the third code cell in a row without prose")
    words, code = len(text.split()), len(code_cells(notebook))
    if words < 40 * code:
        found.append(f"{words} words of prose for {code} code cells")
    alternatives = [image.get("alt", "") for image in images(notebook)]
    if any(len(alt.split()) < 5 for alt in alternatives):
        found.append("an image has no meaningful alternative text")
    if len(set(alternatives)) < len(alternatives):
        found.append("two images share their alternative text")
    printed = output_text(notebook)
    found += [f"an output shows {what}" for what, pattern in LEAKS.items() if re.search(pattern, printed)]
    if text.count("<details><summary>Answer") < 5:
        found.append("the quiz has fewer than five questions")
    for heading in ("Recap", "Read on"):
        if not re.search(rf"^## .*{heading}", text, re.MULTILINE | re.IGNORECASE):
            found.append(f"there is no section '{heading}'")
    if not any("explore(" in cell.source or "ask(" in cell.source for cell in code_cells(notebook)):
        found.append("there is no widget")
    if exercises(notebook) < 2:
        found.append("there are fewer than two exercises")
    return found


LEAKS = {
    "a path of somebody's machine": r"(?<![\w/])/(?:home|root|Users|work|tmp|opt)/",
    "a traceback": r"Traceback \(most recent call last\)",
    "a warning": r"\b\w*Warning: ",
    "a progress bar": r"\d+%\|",
}


def exercises(notebook: NotebookNode) -> int:
    """Number of calls of an exercise check."""
    calls = 0
    for cell in code_cells(notebook):
        if find_magics(cell.source):
            continue  # no Python; a fault of its own
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                calls += isinstance(node.func.value, ast.Name) and node.func.value.id == "check"
    return calls
