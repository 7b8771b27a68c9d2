"""``python -m xlft_helpers`` is the ``xlft`` command."""

import sys

try:
    from xlft_helpers.cli import main
except ModuleNotFoundError as error:
    sys.exit(
        f"xlft: this Python ({sys.executable}) lacks the package {error.name!r}. Use the one that `python3 course.py` set "
        "up: call .venv/bin/xlft, or first `source .venv/bin/activate`."
    )

sys.exit(main())
