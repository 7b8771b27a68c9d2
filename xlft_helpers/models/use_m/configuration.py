"""Sizes and switches of USE-M."""

from typing import Any

from transformers import PretrainedConfig


class UseMConfig(PretrainedConfig):
    """Configuration of USE-M (Yang et al. 2020, *Multilingual Universal Sentence Encoder for Semantic Retrieval*).

    Args:
        vocab_size: pieces in the vocabulary: SentencePiece's 128,000 and one for padding.
        table_rows: rows of the embedding table, a few more than there are pieces.
        embedding_size: width of a piece embedding.
        branch_size: width of each n-gram branch.
        branch_windows: window of each branch, in tokens.
        branch_left_context: tokens to the left of the current one in each window.
        hidden_size: width of the sentence embedding.
        dnn_size: width of the hidden layers of the residual network after pooling.
        layer_norm_eps: epsilon of the layer norms and of the final length normalization.
        quantized_embeddings: keep the frozen table as it is shipped, one byte a value (65 MB); ``False`` holds it as
            float32 parameters (262 MB) that can be trained.
        classifier_dropout: dropout before the classification head.
        head_scale: factor between the unit-length embedding and the sequence-classification head. A unit vector gives
            a linear head too little range; the factor plays the part of an inverse temperature.
        lexical_expert: classify sequences with a second, lexical expert beside the head: a score for every piece and
            label, see :class:`~xlft_helpers.models.use_m.modeling.LexicalExpert`.
        lexical_scale: factor of the lexical expert's scores. AdamW moves a rare piece's score by some 30 learning rates
            in all; the factor makes that count. Chosen on UMSAB's dev sets (8 was worse).
    """

    model_type = "use-m"

    def __init__(
        self,
        vocab_size: int = 128_001,
        table_rows: int = 128_010,
        embedding_size: int = 512,
        branch_size: int = 256,
        branch_windows: tuple[int, ...] = (2, 3, 5),
        branch_left_context: tuple[int, ...] = (0, 1, 2),
        hidden_size: int = 512,
        dnn_size: int = 320,
        layer_norm_eps: float = 1e-12,
        quantized_embeddings: bool = True,
        classifier_dropout: float = 0.1,
        head_scale: float = 8.0,
        lexical_expert: bool = False,
        lexical_scale: float = 16.0,
        initializer_range: float = 0.02,
        pad_token_id: int = 128_000,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.table_rows = table_rows
        self.embedding_size = embedding_size
        self.branch_size = branch_size
        self.branch_windows = tuple(branch_windows)
        self.branch_left_context = tuple(branch_left_context)
        self.hidden_size = hidden_size
        self.dnn_size = dnn_size
        self.layer_norm_eps = layer_norm_eps
        self.quantized_embeddings = quantized_embeddings
        self.classifier_dropout = classifier_dropout
        self.head_scale = head_scale
        self.lexical_expert = lexical_expert
        self.lexical_scale = lexical_scale
        self.initializer_range = initializer_range
        self.pad_token_id = pad_token_id
        super().__init__(**kwargs)

    @property
    def token_size(self) -> int:
        """Width of a token vector before pooling: the embedding beside the branches (1,280)."""
        return self.embedding_size + self.branch_size * len(self.branch_windows)
