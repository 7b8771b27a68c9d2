"""The checks of all exercises: ``from xlft_helpers.teaching import check``, then ``check.NAME(answer)``."""

from .start_here import majority_macro_f1, most_confident

__all__ = ["majority_macro_f1", "most_confident"]
