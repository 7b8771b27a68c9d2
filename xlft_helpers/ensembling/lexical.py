"""A linear classifier on n-grams that starts from how often each n-gram goes with each class."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_union


def ngrams() -> FeatureUnion:
    """TF-IDF of word 1-2-grams and of character 2-5-grams within words, of those that occur in two texts or more.

    Punctuation and emoji are words of their own.
    """
    common = {"sublinear_tf": True, "min_df": 2}
    return make_union(
        TfidfVectorizer(analyzer="word", token_pattern=r"\w+|[^\w\s]+", ngram_range=(1, 2), **common),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **common),
    )


class LogCountRatioClassifier:
    """Logistic regression, one class against the rest, on n-grams weighted by their log-count ratio.

    The ratio r = log((p / |p|) / (q / |q|)) compares how many texts of the class (p) and of the rest (q) hold an n-gram,
    each count plus one: the weights of naive Bayes. Wang & Manning 2012, *Baselines and Bigrams: Simple, Good Sentiment
    and Topic Classification* (ACL), section 2.3, here with logistic regression in place of the SVM.
    """

    def __init__(self) -> None:
        self._ratios: list[NDArray[np.float64]] = []
        self._models: list[LogisticRegression] = []

    def fit(self, features: csr_matrix, targets: NDArray[np.float64]) -> "LogCountRatioClassifier":
        """Learn from n texts with F features.

        Args:
            features: (n, F), not negative, e.g. of :func:`ngrams`.
            targets: (n, C) with rows that sum to one: certain labels, or how probable each class is.
        """
        present = features.sign()
        twice = vstack([features, features]).tocsr()
        labels = np.repeat([1, 0], len(targets))
        self._ratios, self._models = [], []
        for share in targets.T:
            counts, rest = 1 + present.T @ share, 1 + present.T @ (1 - share)
            ratio = np.log(counts / counts.sum()) - np.log(rest / rest.sum())
            # A text that is of the class with probability p is p texts of the class and 1 - p texts of the rest.
            model = LogisticRegression(max_iter=60, tol=1e-3)
            model.fit(twice.multiply(ratio).tocsr(), labels, np.concatenate([share, 1 - share]))
            self._ratios.append(ratio)
            self._models.append(model)
        return self

    def log_probabilities(self, features: csr_matrix) -> NDArray[np.float64]:
        """(n, C) for (n, F): the classes' own probabilities, made to sum to one."""
        scores = [
            model.predict_proba(features.multiply(ratio).tocsr())[:, 1]
            for ratio, model in zip(self._ratios, self._models, strict=True)
        ]
        chances = np.stack(scores, axis=1)
        return np.log(chances / chances.sum(axis=1, keepdims=True))
