"""A sentence-level term with a teacher: translations are pulled to one place by the teacher's sentence embedding.

After Reimers & Gurevych 2020, *Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation*,
section 2: a student learns to give a sentence and its translation the embedding that the teacher gives the sentence.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 0.05
"""Divides the cosines before the softmax over the batch; small values make near neighbours count."""


@dataclass(frozen=True)
class SentenceTargets:
    """What the mean-pooled states are to become.

    Attributes:
        vectors: (R, H) of unit length, one for each corpus row, H being the student's hidden size.
        weight: of the term, beside the language-modelling loss.
    """

    vectors: Tensor
    weight: float = 1.0


def sentence_loss(vectors: Tensor, rows: Tensor, targets: SentenceTargets) -> Tensor:
    """How far sentence vectors are from their targets.

    The sum of two terms: one minus the cosine to the target, which copies the teacher's geometry, and the cross-entropy
    of finding the target among all those of the batch, which keeps similar sentences apart.

    Args:
        vectors: (B, H) of the student.
        rows: (B,) the corpus row of each; rows may repeat, as translations do.
        targets: by row.

    Returns:
        A scalar, differentiable with respect to ``vectors``.
    """
    unique, own = torch.unique(rows, return_inverse=True)
    wanted = targets.vectors[unique].to(vectors.device, torch.float32)
    with torch.autocast(vectors.device.type, enabled=False):  # half precision blurs near neighbours
        cosines = F.normalize(vectors.float(), dim=-1) @ wanted.T
    near = 1 - cosines.gather(1, own.unsqueeze(1)).mean()
    return near + F.cross_entropy(cosines / TEMPERATURE, own)
