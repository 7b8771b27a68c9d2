"""The USE-M encoder and its heads in torch.

Shapes: B sentences, T tokens, E = 512 (piece embedding), C = 256 (a branch), D = 1280 (a token vector), H = 512 (the
sentence embedding). The n-gram branches and the sum over tokens never see padding, so padding a batch further leaves
every output unchanged.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput, TokenClassifierOutput

from .configuration import UseMConfig

QUANTIZATION_CHUNKS = 17
"""The table is quantized in 17 groups of rows: row r belongs to group r mod 17."""


class QuantizedEmbedding(nn.Module):
    """A frozen embedding table at one byte a value: row r is ``table[r] * scale[r % 17] + offset[r % 17]``.

    Rows are restored to float32 as they are looked up, so the 262 MB float table never exists.
    """

    def __init__(self, rows: int, size: int) -> None:
        super().__init__()
        self.table: Tensor
        self.scale: Tensor
        self.offset: Tensor
        self.register_buffer("table", torch.zeros(rows, size, dtype=torch.uint8))
        self.register_buffer("scale", torch.ones(QUANTIZATION_CHUNKS))
        self.register_buffer("offset", torch.zeros(QUANTIZATION_CHUNKS))

    def forward(self, input_ids: Tensor) -> Tensor:
        """Look up ``input_ids`` (any shape) and return float32 embeddings with one more axis, of width E."""
        chunk = (input_ids % QUANTIZATION_CHUNKS).unsqueeze(-1)
        return self.table[input_ids].to(self.scale.dtype) * self.scale[chunk] + self.offset[chunk]


class NgramBranch(nn.Module):
    """Two residual convolutions over a window of tokens."""

    def __init__(self, config: UseMConfig, window: int, left_context: int) -> None:
        super().__init__()
        self.window, self.left_context = window, left_context
        self.convolutions = nn.ModuleList(nn.Linear(window * config.branch_size, config.branch_size) for _ in range(2))

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """``hidden`` (B, T, C) and ``mask`` (B, T, 1) of ones and zeros give (B, T, C)."""
        length = hidden.shape[1]
        for convolution in self.convolutions:
            padded = F.pad(hidden * mask, (0, 0, self.left_context, self.window - 1 - self.left_context))
            windows = torch.cat([padded[:, i : i + length] for i in range(self.window)], dim=-1)
            hidden = hidden + F.relu(convolution(windows))
        return hidden


class SumProjection(nn.Linear):
    """A projection of each token, computed on their sum, with which it commutes: one row a sentence is projected."""

    def forward(self, total: Tensor, length: Tensor) -> Tensor:  # type: ignore[override]
        """``total`` (B, D) over ``length`` (B, 1) tokens gives the sum (B, H) of the projected tokens."""
        return F.linear(total, self.weight) + length * self.bias


class UseMPreTrainedModel(PreTrainedModel):
    """Common ground of the USE-M classes: configuration, initialization and naming."""

    config_class = UseMConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, QuantizedEmbedding):
            init.zeros_(module.table)
            init.ones_(module.scale)
            init.zeros_(module.offset)
        elif isinstance(module, LexicalExpert):
            init.zeros_(module.scores.weight)
            init.zeros_(module.bias)


class UseMModel(UseMPreTrainedModel):
    """The encoder: token vectors of width 1,280 and one unit-length sentence embedding of width 512."""

    def __init__(self, config: UseMConfig) -> None:
        super().__init__(config)
        self.embeddings: nn.Module = (
            QuantizedEmbedding(config.table_rows, config.embedding_size)
            if config.quantized_embeddings
            else nn.Embedding(config.table_rows, config.embedding_size)
        )
        # One projection and one layer norm serve all branches together, as in the reference.
        branches_size = config.branch_size * len(config.branch_windows)
        self.branch_projection = nn.Linear(config.embedding_size, branches_size)
        self.branch_norm = nn.LayerNorm(branches_size, eps=config.layer_norm_eps)
        self.branches = nn.ModuleList(
            NgramBranch(config, window, left)
            for window, left in zip(config.branch_windows, config.branch_left_context, strict=True)
        )
        self.norm = nn.LayerNorm(config.token_size, eps=config.layer_norm_eps)
        self.token_projection = SumProjection(config.token_size, config.hidden_size)
        self.dnn_in = nn.Linear(config.hidden_size, config.dnn_size, bias=False)
        self.dnn_middle = nn.Linear(config.dnn_size, config.dnn_size, bias=False)
        self.dnn_skip_middle = nn.Linear(config.hidden_size, config.dnn_size, bias=False)
        self.dnn_out = nn.Linear(config.dnn_size, config.hidden_size, bias=False)
        self.dnn_last = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.dnn_skip_last = nn.Linear(config.dnn_size, config.hidden_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.embeddings = value

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **kwargs: object
    ) -> BaseModelOutputWithPooling:
        """Encode a batch.

        Args:
            input_ids: (B, T) piece ids, with ``<s>`` in front and ``</s>`` behind.
            attention_mask: (B, T), 1 for tokens and 0 for padding; all ones by default.

        Returns:
            ``last_hidden_state`` (B, T, 1280), zero at padding, and ``pooler_output`` (B, 512) of unit length.
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        embeddings = self.embeddings(input_ids)
        mask = attention_mask.unsqueeze(-1).to(embeddings.dtype)
        inputs = self.branch_norm(self.branch_projection(embeddings)).chunk(len(self.branches), dim=-1)
        branches = [branch(hidden, mask) for branch, hidden in zip(self.branches, inputs, strict=True)]
        tokens = self.norm(torch.cat([embeddings, *branches], dim=-1)) * mask
        length = mask.sum(dim=1).clamp(min=1)
        pooled = self.token_projection(tokens.sum(dim=1), length)
        return BaseModelOutputWithPooling(
            last_hidden_state=tokens, pooler_output=self._sentence_embedding(pooled / length.sqrt())
        )

    def _sentence_embedding(self, pooled: Tensor) -> Tensor:
        first = F.relu(self.dnn_in(pooled))
        second = F.relu(self.dnn_skip_middle(pooled) + self.dnn_middle(first))
        third = F.relu(self.dnn_out(second))
        last = torch.tanh((self.dnn_skip_last(second) + self.dnn_last(third)).float())
        return last * torch.rsqrt(last.square().sum(-1, keepdim=True).clamp(min=self.config.layer_norm_eps))


class LexicalExpert(nn.Module):
    """A bag of pieces: one score for every piece and label, summed over the text and divided by √length.

    It starts from zero and learns which strings go with which label, whatever they mean. So it is right about words that
    the encoder never learned (slang, names, emoji), and says nothing about languages that it was not trained on.
    """

    def __init__(self, config: UseMConfig) -> None:
        super().__init__()
        self.scores = nn.Embedding(config.table_rows, cast(int, config.num_labels))
        self.bias = nn.Parameter(torch.zeros(cast(int, config.num_labels)))
        self.scale = config.lexical_scale

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """``input_ids`` and ``attention_mask`` (B, T) give logits (B, num_labels) in float32."""
        mask = attention_mask.unsqueeze(-1).to(self.scores.weight.dtype)
        total = (self.scores(input_ids) * mask).sum(dim=1)
        return self.scale * total * mask.sum(dim=1).clamp(min=1).rsqrt() + self.bias


class UseMForSequenceClassification(UseMPreTrainedModel):
    """USE-M with a linear head on the scaled sentence embedding, and a lexical expert where the configuration says so.

    The two experts are trained side by side, each on its own log-likelihood. Trained together, the encoder explains the
    training texts first and leaves the lexical expert nothing to learn. Their answers are multiplied (a product of experts,
    Hinton 2002): ``logits = ENCODER_WEIGHT * log p_encoder + log p_lexical``.
    """

    ENCODER_WEIGHT = 0.5
    """Below 1, since the encoder ends up far more confident than it is right; chosen on UMSAB's dev sets."""

    def __init__(self, config: UseMConfig) -> None:
        super().__init__(config)
        self.num_labels = cast(int, config.num_labels)
        self.encoder = UseMModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.hidden_size, self.num_labels)
        self.lexical = LexicalExpert(config) if config.lexical_expert else None
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        embedding_shift: Tensor | None = None,
        lexical: bool = True,
        **kwargs: object,
    ) -> SequenceClassifierOutput:
        """Classify a batch.

        Args:
            input_ids: (B, T) piece ids.
            attention_mask: (B, T), all ones by default.
            labels: (B,) class indices.
            embedding_shift: (H,), taken off the sentence embeddings before the head (default: nothing).
            lexical: let the lexical expert speak, if there is one (default); ``False`` for texts of a language that it
                was not trained on.

        Returns:
            ``logits`` (B, num_labels) and, with ``labels``, the mean negative log-likelihood in nats: the sum of both
            experts' where two speak.
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        embedding = self.encoder(input_ids, attention_mask).pooler_output
        if embedding_shift is not None:
            embedding = embedding - embedding_shift
        logits = self.classifier(self.dropout(embedding * self.config.head_scale)).float()
        experts = [logits]
        if self.lexical is not None and lexical:
            experts.append(self.lexical(input_ids, attention_mask))
            logits = self.ENCODER_WEIGHT * experts[0].log_softmax(-1) + experts[1].log_softmax(-1)
        loss = None if labels is None else torch.stack([F.cross_entropy(expert, labels) for expert in experts]).sum()
        return SequenceClassifierOutput(loss=loss, logits=logits)


class UseMForTokenClassification(UseMPreTrainedModel):
    """USE-M with a linear head on each token vector."""

    def __init__(self, config: UseMConfig) -> None:
        super().__init__(config)
        self.num_labels = cast(int, config.num_labels)
        self.encoder = UseMModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.token_size, self.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: object,
    ) -> TokenClassifierOutput:
        """``input_ids`` (B, T), ``labels`` (B, T) with -100 where nothing counts; ``logits`` (B, T, num_labels)."""
        tokens = self.encoder(input_ids, attention_mask).last_hidden_state
        logits = self.classifier(self.dropout(tokens)).float()
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return TokenClassifierOutput(loss=loss, logits=logits)
