"""The checks of all exercises: ``from xlft_helpers.teaching import check``, then ``check.NAME(answer)``."""

from .evaluation import accuracy_interval, calibration_error, macro_f1, supported_claims
from .merged import language_shares, merging_decision, times_seen
from .start_here import majority_macro_f1, most_confident
from .zero_shot import transfer_gap, word_fertility, zero_shot_epoch

__all__ = [
    "accuracy_interval",
    "calibration_error",
    "language_shares",
    "macro_f1",
    "majority_macro_f1",
    "merging_decision",
    "most_confident",
    "supported_claims",
    "times_seen",
    "transfer_gap",
    "word_fertility",
    "zero_shot_epoch",
]
