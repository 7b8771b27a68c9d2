"""``python -m xlft_helpers`` is the ``xlft`` command."""

import sys

from xlft_helpers.cli import main

sys.exit(main())
