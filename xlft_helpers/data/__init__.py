"""Data: sources, schema, checks, sampling and tokenization."""

from .languages import check_language, has_spaces, is_right_to_left, language_name
from .sampling import class_priors, sample_languages, sampling_probabilities
from .schema import COLUMNS, SPLITS, build_dataset, label_names, languages_of, require_rows, select_language
from .tokenization import tokenize, tokenizer_report
from .tweets import load_tweets


def load_data(source="tweets", *, data_dir=None, languages=None, label_map=None):
    return load_tweets(languages)
