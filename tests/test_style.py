"""ruff and mypy have nothing to say, and a layer of the package imports only from those above it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = [
    ["errors", "files"],
    ["settings"],
    ["distributed"],
    ["data"],
    ["models"],
    ["objectives"],
    ["inference"],
    ["pretraining", "adaptation"],
    ["finetuning"],
    ["evaluation"],
    ["ensembling"],
    ["results"],
    ["jobs"],
    ["comparison"],
    ["plans"],
    ["tasks"],
    ["cause_lab"],
    ["plots"],
    ["teaching"],
    ["reporting"],
    ["doctor", "execution"],
    ["cli"],
    ["__main__"],
]


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=" ".join
)
def test_tool_is_content(command):
    run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def room(path: Path) -> str:
    return path.relative_to(ROOT / "xlft_helpers").parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "xlft_helpers").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_imports_go_up_only(path):
    order = {name: number for number, names in enumerate(LAYERS) for name in names}
    if room(path) == "__init__":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("xlft_helpers"):
            parts = (node.module or "").split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        for name in names:
            assert name == room(path) or order[name] < order[room(path)], f"{room(path)} imports {name}"


def test_no_module_is_longer_than_400_lines():
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "xlft_helpers").rglob("*.py")
    }
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 400} == {}
