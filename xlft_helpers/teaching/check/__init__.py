"""The checks of all exercises: ``from xlft_helpers.teaching import check``, then ``check.NAME(answer)``."""

from .cause_lab import fake_twin
from .data import has_checksum, jaccard, label_map, translated_leaks
from .evaluation import accuracy_interval, calibration_error, macro_f1, supported_claims
from .merged import language_shares, merging_decision, times_seen
from .objectives import language_weights, objective_from_log, smoothed_push
from .start_here import majority_macro_f1, most_confident
from .why_cross_lingual import input_length, precision_at_1, vocabulary_share
from .zero_shot import transfer_gap, word_fertility, zero_shot_epoch

__all__ = [
    "accuracy_interval",
    "calibration_error",
    "fake_twin",
    "has_checksum",
    "input_length",
    "jaccard",
    "label_map",
    "language_shares",
    "language_weights",
    "macro_f1",
    "majority_macro_f1",
    "merging_decision",
    "most_confident",
    "objective_from_log",
    "precision_at_1",
    "smoothed_push",
    "supported_claims",
    "times_seen",
    "transfer_gap",
    "translated_leaks",
    "vocabulary_share",
    "word_fertility",
    "zero_shot_epoch",
]
