"""Evaluation: scores, how far to believe them, what is lost in transfer, retrieval, calibration and baselines."""

from .baselines import BASELINES, baseline_predictions, tfidf_classifier
from .calibration import expected_calibration_error, fit_temperature, reliability
from .interference import GradientCosines, gradient_cosines
from .many_classes import class_report, confused_pairs, f1_averages, top_k_accuracy
from .metrics import Scores, confusion_matrix, macro_f1_from_confusion, score
from .rejection import auroc, risk_coverage
from .retrieval import ranking_metrics, retrieval_hits
from .transfer import gap_weights, mean_difference, transfer_gap, transfer_matrix
from .uncertainty import Interval, PairedTest, bootstrap_macro_f1, bootstrap_mean, bootstrap_weighted_sum, paired_test

__all__ = [
    "BASELINES",
    "GradientCosines",
    "Interval",
    "PairedTest",
    "Scores",
    "auroc",
    "baseline_predictions",
    "bootstrap_macro_f1",
    "bootstrap_mean",
    "bootstrap_weighted_sum",
    "class_report",
    "confused_pairs",
    "confusion_matrix",
    "expected_calibration_error",
    "f1_averages",
    "fit_temperature",
    "gap_weights",
    "gradient_cosines",
    "macro_f1_from_confusion",
    "mean_difference",
    "paired_test",
    "ranking_metrics",
    "reliability",
    "retrieval_hits",
    "risk_coverage",
    "score",
    "tfidf_classifier",
    "top_k_accuracy",
    "transfer_gap",
    "transfer_matrix",
]
