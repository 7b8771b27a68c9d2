"""What `mini` takes over from USE-M: first embeddings, and the sentence targets of its pretraining."""

import json

import torch
from sklearn.decomposition import PCA
from torch import Tensor
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from xlft_helpers.inference import embed
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.use_m import UseMConfig, UseMModel
from xlft_helpers.models.use_m.pretrained import load_use_m

EMBEDDING_SCALE = 0.04
"""Standard deviation of the copied embeddings; fresh ones have 0.02, so a piece weighs more than its position."""


FITTED = 20_000
"""Sentences from which the main components are computed."""


@torch.no_grad()
def initialize(model: BertForMaskedLM, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a fresh model what is known beforehand.

    The pieces that USE-M has too start from the main components of its embeddings, and the output's bias from the
    logarithm of the pieces' probabilities, which the tokenizer knows: the first guesses are the frequent pieces.
    """
    theirs = load_tokenizer("use-m").get_vocab()
    shared = [(number, theirs[piece]) for piece, number in tokenizer.get_vocab().items() if piece in theirs]
    ours, numbers = map(torch.tensor, zip(*shared, strict=True))
    table = load_use_m(UseMModel, UseMConfig()).get_input_embeddings()(numbers)
    vectors = torch.from_numpy(PCA(model.config.hidden_size).fit_transform(table.numpy())).float()
    model.get_input_embeddings().weight[ours] = vectors * (EMBEDDING_SCALE / vectors.std())
    scores = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"]
    special = set(tokenizer.all_special_tokens)
    least = min(score for piece, score in scores if piece not in special)
    model.cls.predictions.bias.copy_(torch.tensor([least if piece in special else score for piece, score in scores]))


@torch.inference_mode()
def sentence_targets(texts: list[str], size: int) -> Tensor:
    """The main components of USE-M's embeddings of the texts: (n, size) of unit length, in half precision."""
    vectors = embed(load_model("use-m", "embedding"), load_tokenizer("use-m"), texts)
    components = PCA(size).fit(vectors[:FITTED].numpy()).transform(vectors.numpy())
    return torch.nn.functional.normalize(torch.from_numpy(components).float(), dim=-1).half()


def turned_towards(
    model: BertForMaskedLM, tokenizer: PreTrainedTokenizerBase, texts: list[str], targets: Tensor
) -> Tensor:
    """The targets, turned as a whole so that they lie where the untrained model has the texts already.

    Only the angles between targets matter, and a rotation keeps them. With this one (orthogonal Procrustes) the model
    starts near the targets instead of having to turn its whole space.

    Args:
        model: before training.
        tokenizer: of the model.
        texts: some texts (n of them).
        targets: (R, H), whose first n rows belong to the texts.
    """
    vectors = embed(model, tokenizer, texts)
    left, _, right = torch.linalg.svd(targets[: len(texts)].float().T @ (vectors - vectors.mean(dim=0)))
    return (targets.float() @ (left @ right)).half()
