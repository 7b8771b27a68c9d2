"""Two tasks on one shared layer.

Source: Caruana (1997), *Multitask Learning*, Machine Learning 28: tasks share a hidden layer, and each has its own output.
The shared layer here stands on frozen embeddings, so that a run takes a second; an encoder would be shared likewise.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xlft_helpers.errors import TrainingError


class SharedLayer(nn.Module):
    """A hidden layer that all tasks share, and a linear head for each task."""

    def __init__(self, inputs: int, classes: Mapping[str, int], hidden: int = 64) -> None:
        super().__init__()
        self.shared = nn.Linear(inputs, hidden)
        self.heads = nn.ModuleDict({task: nn.Linear(hidden, count) for task, count in classes.items()})

    def forward(self, embeddings: Tensor, task: str) -> Tensor:
        """``embeddings`` (n, H) give the logits (n, C) of a task."""
        return self.heads[task](torch.relu(self.shared(embeddings)))

    def predict(self, embeddings: NDArray[np.float32], task: str) -> NDArray[np.int64]:
        """The most probable class of each row, (n,)."""
        with torch.inference_mode():
            return self(torch.from_numpy(embeddings), task).argmax(dim=1).numpy()


def train_shared_layer(
    embeddings: NDArray[np.float32],
    labels: Mapping[str, NDArray[np.int64]],
    weights: Mapping[str, float],
    *,
    epochs: int = 60,
    batch_size: int = 64,
    seed: int = 0,
) -> SharedLayer:
    """Minimize the weighted sum of the tasks' mean negative log-likelihoods.

    Args:
        embeddings: (n, H), of unit length.
        labels: task to (n,) class indices; -1 where a row has no label for the task.
        weights: task to its factor in the sum; a task without a weight is left out.
        epochs: passes over the rows. Default 60, AdamW with a learning rate of 2e-3.
        batch_size: rows a step.
        seed: of the first weights and the order of the rows.

    Raises:
        TrainingError: a weighted task has no labels, or another number of them than there are rows.
    """
    for task in weights:
        if task not in labels or len(labels[task]) != len(embeddings):
            count = len(labels[task]) if task in labels else 0
            raise TrainingError(f"Task {task!r} has {count} labels for {len(embeddings)} rows: every row needs one.")
    scale = math.sqrt(embeddings.shape[1])  # entries of unit-length rows become about 1
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SharedLayer(embeddings.shape[1], {task: int(labels[task].max()) + 1 for task in weights})
    inputs = torch.from_numpy(embeddings) * scale
    targets = {task: torch.from_numpy(labels[task]) for task in weights}
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs), generator=generator).split(batch_size):
            terms = [
                weight * nn.functional.cross_entropy(model(inputs[rows], task), targets[task][rows], ignore_index=-1)
                for task, weight in weights.items()
            ]
            optimizer.zero_grad()
            torch.stack(terms).sum().backward()
            optimizer.step()
    model.shared.weight.data *= scale  # so that it takes embeddings as they are
    return model.eval()
