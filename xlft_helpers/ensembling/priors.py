"""How often a classifier answers each class, made to fit what is expected."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

ROUNDS = 100
"""Fixed-point iterations; a few tens are enough to the third digit."""


def match_prior(log_probabilities: ArrayLike, prior: ArrayLike) -> NDArray[np.float64]:
    """The shift of the log-probabilities, one value a class, with which the mean answer is the prior.

    It needs texts without labels, and the assumption that classes are as frequent among them as ``prior`` says. Unlike
    the EM of Saerens, Latinne & Decaestecker 2002 (*Adjusting the Outputs of a Classifier to New a Priori
    Probabilities*), which estimates the new prior, it takes the prior as known and corrects the classifier's bias.

    Args:
        log_probabilities: (n, C) of the unlabelled texts.
        prior: (C,), positive, of sum one.

    Returns:
        (C,) to be added to log-probabilities before the softmax.
    """
    scores, wanted = np.asarray(log_probabilities, dtype=np.float64), np.asarray(prior, dtype=np.float64)
    shift = np.zeros(scores.shape[1])
    for _ in range(ROUNDS):
        shift += np.log(wanted) - np.log(softmax(scores + shift, axis=1).mean(axis=0))
    return shift - shift.mean()
