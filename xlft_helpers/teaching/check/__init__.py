"""The checks of all exercises: ``from xlft_helpers.teaching import check``, then ``check.NAME(answer)``."""

from .cause_lab import fake_twin
from .choosing_models import largest_batch, lora_parameters, transformer_parameters
from .data import has_checksum, jaccard, label_map, translated_leaks
from .evaluation import accuracy_interval, calibration_error, macro_f1, supported_claims
from .knowledge_extraction import piece_labels, span_f1, tokenizer_ceiling
from .merged import language_shares, merging_decision, times_seen
from .objectives import language_weights, objective_from_log, smoothed_push
from .outlook import messages_to_label, piece_start, pseudo_labels
from .pretraining_objectives import causal_loss, masked_labels, to_bits_per_character
from .retrieval import mean_reciprocal_rank, rank_fusion, two_margins
from .start_here import majority_macro_f1, most_confident
from .text_classification import acceptance_threshold, answered_risk, top_k
from .tools_tour import calibrated_label, experiment_cost, padding_waste, reply_label
from .translation import beam_search, decoder_input, ngram_f_score
from .why_cross_lingual import input_length, precision_at_1, vocabulary_share
from .zero_shot import transfer_gap, word_fertility, zero_shot_epoch

__all__ = [
    "acceptance_threshold",
    "accuracy_interval",
    "answered_risk",
    "beam_search",
    "calibrated_label",
    "calibration_error",
    "causal_loss",
    "decoder_input",
    "experiment_cost",
    "fake_twin",
    "has_checksum",
    "input_length",
    "jaccard",
    "label_map",
    "language_shares",
    "language_weights",
    "largest_batch",
    "lora_parameters",
    "macro_f1",
    "majority_macro_f1",
    "masked_labels",
    "mean_reciprocal_rank",
    "merging_decision",
    "messages_to_label",
    "most_confident",
    "ngram_f_score",
    "objective_from_log",
    "padding_waste",
    "piece_labels",
    "piece_start",
    "precision_at_1",
    "pseudo_labels",
    "rank_fusion",
    "reply_label",
    "smoothed_push",
    "span_f1",
    "supported_claims",
    "times_seen",
    "to_bits_per_character",
    "tokenizer_ceiling",
    "top_k",
    "transfer_gap",
    "transformer_parameters",
    "translated_leaks",
    "two_margins",
    "vocabulary_share",
    "word_fertility",
    "zero_shot_epoch",
]
