"""Set the course up and use it; needs only Python 3.11 or newer and pip.

    python3 course.py          # install, then open the course in JupyterLab
    python3 course.py run      # install, then execute the notebooks headless and print time and memory
    python3 course.py test     # install, then run every test, the notebooks through nbval included

Everything is installed into the virtual environment ``.venv`` in this folder, from the versions that requirements.txt
pins. A second call finds it there and installs nothing.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install() -> None:
    """Create the virtual environment and install the pinned packages and the course's own, once."""
    wanted = hashlib.sha256(
        (ROOT / "requirements.txt").read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    ).hexdigest()
    stamp = ENVIRONMENT / "installed.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing into {ENVIRONMENT.name}; this takes a few minutes once.", flush=True)
    if not PYTHON.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-r", str(ROOT / "requirements.txt")], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", str(ROOT)], check=True)
    stamp.write_text(wanted)


def main() -> int:
    if sys.version_info < (3, 11):
        print(f"The course needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    command, *rest = sys.argv[1:] or ["open"]
    commands = {
        "open": ["-m", "jupyterlab", "notebooks/00_start_here.ipynb"],
        "run": ["-m", "xlft_helpers", "run"],
        "test": ["-m", "pytest"],
    }
    if command not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        install()
    except subprocess.CalledProcessError as error:
        print(f"The installation failed (exit code {error.returncode}); pip's message is above.", file=sys.stderr)
        return 1
    return subprocess.run([str(PYTHON), *commands[command], *rest], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
