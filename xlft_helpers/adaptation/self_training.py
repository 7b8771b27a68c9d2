"""Self-training: a model labels messages for itself, and learns from the labels it is sure of.

Sources: Scudder (1965), *Probability of Error of Some Adaptive Pattern-Recognition Machines*; Lee (2013), *Pseudo-Label*,
ICML workshop on challenges in representation learning; Dong and de Melo (2019), *A Robust Self-Learning Framework for
Cross-Lingual Text Classification*, EMNLP-IJCNLP (the case of an unlabelled target language).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from xlft_helpers.errors import TrainingError

from .features import Features, fit_head


@dataclass(frozen=True, eq=False)
class SelfTraining:
    """What self-training did.

    Attributes:
        heads: the head before the first round, and after each.
        pseudo_labels: for each round (m,) class indices, -1 where the model was not sure enough.
    """

    heads: list[LogisticRegression]
    pseudo_labels: list[NDArray[np.int64]]


def self_train(
    source: Features,
    unlabelled: NDArray[np.float32],
    *,
    threshold: float = 0.8,
    rounds: int = 3,
    strength: float = 10.0,
) -> SelfTraining:
    """Fit a head on the source; in each round, label what it is sure of and fit anew on the source and those.

    Pseudo-labels are given anew in each round: an earlier one can be taken back.

    Args:
        source: labelled rows of the source language.
        unlabelled: (m, H) embeddings of target texts, centred already if they are to be.
        threshold: smallest confidence for a pseudo-label, in (0, 1].
        rounds: how often; at least 1.
        strength: as for :func:`~xlft_helpers.adaptation.fit_head`. Default 10: the default head's confidence seldom
            reaches a threshold.

    Raises:
        TrainingError: a threshold outside (0, 1], or no round.
    """
    if not 0 < threshold <= 1 or rounds < 1:
        raise TrainingError(f"threshold={threshold} must lie in (0, 1] and rounds={rounds} be at least 1.")
    heads, pseudo_labels = [fit_head(source, strength)], []
    for _ in range(rounds):
        probabilities = heads[-1].predict_proba(unlabelled)
        answers = heads[-1].classes_[probabilities.argmax(axis=1)]
        labels = np.where(probabilities.max(axis=1) >= threshold, answers, -1)
        sure = np.flatnonzero(labels >= 0)
        taken = Features(unlabelled[sure], labels[sure], np.full(len(sure), "", dtype=source.languages.dtype))
        heads.append(fit_head(source.joined(taken), strength))
        pseudo_labels.append(labels)
    return SelfTraining(heads, pseudo_labels)
