"""Set the course up and use it; needs only Python 3.11 or newer and pip.

    python3 course.py          # install, then open the course in JupyterLab
    python3 course.py run      # install, then execute the notebooks headless and print time and memory
    python3 course.py test     # install, then run every test, the notebooks through nbval included
    python3 course.py open --allow-root --port 9999    # what follows the command goes on to the program behind it

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
START = "notebooks/00_start_here.ipynb"
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
    print(f"Installing into {ENVIRONMENT.name}; this takes a few minutes and about 2 GB, once.", flush=True)
    if not PYTHON.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "-r", str(ROOT / "requirements.txt")], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", str(ROOT)], check=True)
    # JupyterLab's first question would be whether it may fetch news.
    overrides = ENVIRONMENT / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    overrides.parent.mkdir(parents=True, exist_ok=True)
    overrides.write_text('{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}')
    stamp.write_text(wanted)


def main() -> int:
    if sys.version_info < (3, 11):
        print(f"The course needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    command, *rest = sys.argv[1:] or ["open"]
    commands = {
        # The folder is the root, so that the README is at hand; the start page is in the printed address, too.
        "open": ["-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{START}"],
        "run": ["-m", "xlft_helpers", "run"],
        # Two at a time: two of the largest notebooks need 3 GB together.
        "test": ["-m", "pytest", "-n", "2"],
    }
    if command in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    if command not in commands:
        print(f"There is no command {command!r}.\n\n{__doc__}", file=sys.stderr)
        return 2
    if command == "open" and hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in rest:
        print("JupyterLab does not run as root. If you mean it: python3 course.py open --allow-root", file=sys.stderr)
        return 1
    try:
        install()
    except subprocess.CalledProcessError as error:
        print(f"The installation failed (exit code {error.returncode}); pip's message is above.", file=sys.stderr)
        return 1
    return subprocess.run([str(PYTHON), *commands[command], *rest], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
