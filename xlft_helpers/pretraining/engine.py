"""The pretraining loop.

Why not `transformers.Trainer`: it computes the logits of every position, and here only a seventh of them is predicted;
its batches have a fixed number of rows, not of pieces; it knows one objective at a time; and it cannot report losses
by language. What is left of it would be a loop of a hundred lines, so that loop is written out, in minGPT's spirit.
``benchmarks/pretraining.py`` measures what that gains.
"""

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlft_helpers import settings
from xlft_helpers.errors import ModelError, TrainingError
from xlft_helpers.inference import mean_pooled
from xlft_helpers.objectives import IGNORED

from .checkpoints import load_checkpoint, save_checkpoint
from .corpus import Batch, Corpus, Position, batches, check_corpus
from .distillation import SentenceTargets, sentence_loss
from .masking import mask_batch
from .models import encoder_and_head, uses_bf16

OBJECTIVES = ("clm", "mlm", "tlm")
"""Causal, masked and translation language modelling; see :mod:`xlft_helpers.objectives` for the formulas."""

LARGEST_GRADIENT = 1.0
"""Gradients with a larger norm are scaled down to it."""

TRIM_EVERY = 5
"""Steps after which freed memory goes back to the system: batches of ever-new shapes leave holes between them."""


@dataclass(frozen=True)
class PretrainRecipe:
    """The settings of a pretraining run.

    Attributes:
        objectives: some of ``OBJECTIVES``, taken in turn, one a step; repeating one gives it more steps.
        steps: number of updates.
        batch_tokens: pieces a step, padding included.
        max_length: longest text in pieces; a pair of texts may have twice as many.
        learning_rate: peak of a schedule that rises linearly over ``warmup`` of the steps and falls to zero.
        warmup: share of the steps.
        schedule: how the learning rate falls, ``"linear"`` or ``"cosine"``.
        weight_decay: AdamW's, on the matrices of the layers only.
        mask_rate: share of the pieces that MLM and TLM predict.
        whole_words: mask whole words.
        language_embeddings: languages whose index is fed as ``token_type_ids`` (Conneau & Lample 2019, section 3.1), for a
            model with as many token types; default: 0 and 1 for the first and the second text.
        bf16: compute products in bfloat16. Default: where that gains, see :func:`~.models.uses_bf16`. ``False`` suits a
            run of a few dozen steps: on a CPU every new shape of a batch costs time and megabytes for a kernel of its own.
    """

    objectives: tuple[str, ...] = ("mlm",)
    steps: int = 1000
    batch_tokens: int = 4096
    max_length: int = 64
    learning_rate: float = 1e-3
    warmup: float = 0.1
    schedule: Literal["linear", "cosine"] = "linear"
    weight_decay: float = 0.01
    mask_rate: float = 0.15
    whole_words: bool = False
    language_embeddings: tuple[str, ...] = ()
    bf16: bool | None = None

    def factor(self, step: int) -> float:
        """The share of the peak learning rate at an update, counted from 0: in (0, 1]."""
        rise = max(1, round(self.warmup * self.steps))
        if step < rise:
            return (step + 1) / rise
        done = (step - rise) / max(1, self.steps - rise)
        return 1 - done if self.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class PretrainResult:
    """A pretrained model and the course of its training.

    Attributes:
        model: in evaluation mode.
        history: one row for each logged step, objective and language: ``step``, ``seconds``, ``tokens`` (pieces read so
            far, without padding), ``objective``, ``language``, ``loss`` (mean negative log-likelihood of the predicted
            pieces since the last log, in nats) and ``perplexity`` (its exponential). The sentence term, where there is
            one, has the objective ``sentence``, the language ``all`` and no perplexity.
        seconds: wall time of the training loop, all resumed parts together.
        tokens: pieces read, without padding.
    """

    model: PreTrainedModel
    history: pd.DataFrame
    seconds: float
    tokens: int


def pretrain(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    corpus: Corpus,
    recipe: PretrainRecipe | None = None,
    *,
    sentence_targets: SentenceTargets | None = None,
    seed: int = settings.SEED,
    output_dir: Path | str | None = None,
    checkpoint_every: int = 200,
    log_every: int = 20,
    progress: bool = True,
) -> PretrainResult:
    """Pretrain a language model in place.

    Args:
        model: with a language-modelling head: a causal one for CLM, a masked one for MLM and TLM.
        tokenizer: of the model.
        corpus: rows of language to text, such as a list or :class:`~xlft_helpers.pretraining.JsonLines`.
        recipe: default ``PretrainRecipe()``.
        sentence_targets: adds the sentence-level term to every MLM step.
        seed: fixes order, pairs, masks and dropout. The model's first weights are the caller's.
        output_dir: where checkpoints go. A run that was interrupted goes on from the last one and ends with the same
            weights; at most ``checkpoint_every`` steps are done again. Default: no checkpoints.
        checkpoint_every: steps between checkpoints.
        log_every: steps between rows of the history.
        progress: show a bar with the loss and the perplexity of every language.

    Raises:
        DataError: the corpus is empty, has no pairs for TLM, or has a language that the tokenizer does not know.
        ModelError: the model does not fit the objective, or its positions do not reach ``max_length``.
        TrainingError: the loss is not finite, or the checkpoint in ``output_dir`` is damaged or of another run.
    """
    recipe = recipe or PretrainRecipe()
    _check(model, tokenizer, recipe)
    check_corpus(corpus, tokenizer, pairs="tlm" in recipe.objectives)
    torch.manual_seed(seed)
    device = settings.device()
    model.to(device).train()  # type: ignore[arg-type]
    optimizer = _optimizer(model, recipe)
    bf16 = uses_bf16(model) if recipe.bf16 is None else recipe.bf16
    folder = Path(output_dir) if output_dir else None
    described: dict[str, Any] = {"recipe": asdict(recipe) | {"steps": None}, "seed": seed}
    log = _Log()
    start, positions = 0, {objective: Position() for objective in recipe.objectives}
    state = load_checkpoint(folder, model, optimizer) if folder else None
    if state:
        if state["described"] != _as_json(described):
            raise TrainingError(
                f"{folder} holds a run with other settings: {state['described']}. Choose another output folder, or delete it."
            )
        start, log = state["step"], _Log.restored(state["log"])
        positions = {name: Position(**position) for name, position in state["positions"].items()}
    streams = {
        objective: _stream(corpus, tokenizer, recipe, objective, seed, positions[objective])
        for objective in dict.fromkeys(recipe.objectives)
    }
    bar = tqdm(total=recipe.steps, initial=start, desc="pretraining", disable=not progress, mininterval=1)
    log.clock = time.perf_counter()
    for step in range(start, recipe.steps):
        objective = recipe.objectives[step % len(recipe.objectives)]
        batch, positions[objective] = next(streams[objective])
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * recipe.factor(step)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            nll, languages, sentence = _forward(
                model, tokenizer, batch, objective, recipe, generator, device, sentence_targets
            )
        loss = nll.mean() if sentence is None else nll.mean() + sentence
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss.item()} at step {step}. Use a smaller rate than {recipe.learning_rate}."
            )
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        log.add(objective, nll, languages, batch, sentence)
        done = step + 1
        if done % log_every == 0 or done == recipe.steps:
            log.write(done)
            bar.set_postfix_str(log.summary())
        if done % TRIM_EVERY == 0:
            settings.trim_memory()
        if folder and (done % checkpoint_every == 0 or done == recipe.steps):
            log.tick()
            saved = {name: asdict(position) for name, position in positions.items()}
            save_checkpoint(
                folder,
                done,
                model,
                optimizer,
                {"step": done, "positions": saved, "log": log.state(), "described": described},
            )
        bar.update()
    bar.close()
    log.tick()
    settings.trim_memory()
    return PretrainResult(model.eval(), pd.DataFrame(log.rows), log.seconds, log.tokens)


def _check(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, recipe: PretrainRecipe) -> None:
    unknown = [objective for objective in recipe.objectives if objective not in OBJECTIVES]
    if unknown or not recipe.objectives:
        raise TrainingError(f"objectives={list(recipe.objectives)} is not valid; choose from {', '.join(OBJECTIVES)}.")
    causal = bool(model.can_generate())
    for objective in recipe.objectives:
        if (objective == "clm") != causal:
            wanted = "causal" if objective == "clm" else "masked"
            raise ModelError(
                f"Objective {objective!r} needs a {wanted} language model; {type(model).__name__} is none."
            )
    encoder_and_head(model)
    positions = model.config.max_position_embeddings
    if recipe.max_length > positions:
        raise ModelError(f"max_length={recipe.max_length}, but the model has {positions} positions. Use at most that.")
    if len(tokenizer) > model.config.vocab_size:
        raise ModelError(
            f"The tokenizer has {len(tokenizer)} pieces and the model {model.config.vocab_size}: they do not belong together."
        )


def _optimizer(model: PreTrainedModel, recipe: PretrainRecipe) -> torch.optim.Optimizer:
    table = model.get_input_embeddings().weight
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1 and p is not table]
    others = [p for p in model.parameters() if p.requires_grad and (p.ndim <= 1 or p is table)]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=True)


def _stream(
    corpus: Corpus,
    tokenizer: PreTrainedTokenizerBase,
    recipe: PretrainRecipe,
    objective: str,
    seed: int,
    position: Position,
) -> Iterator[tuple[Batch, Position]]:
    return batches(
        corpus,
        tokenizer,
        pairs=objective == "tlm",
        max_length=recipe.max_length,
        batch_tokens=recipe.batch_tokens,
        seed=seed,
        position=position,
        language_embeddings=recipe.language_embeddings,
    )


def _forward(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    batch: Batch,
    objective: str,
    recipe: PretrainRecipe,
    generator: torch.Generator,
    device: torch.device,
    targets: SentenceTargets | None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Negative log-likelihood and language of each predicted piece, both (M,), and the weighted sentence term."""
    encoder, head = encoder_and_head(model)
    inputs = {"attention_mask": batch.attention_mask, "position_ids": batch.position_ids}
    if objective == "clm":
        inputs["input_ids"] = batch.input_ids
        # The state at a position predicts the next one.
        labels = F.pad(batch.input_ids.masked_fill(batch.attention_mask == 0, IGNORED)[:, 1:], (0, 1), value=IGNORED)
        languages = F.pad(batch.language_ids[:, 1:], (0, 1))
    else:
        masked = mask_batch(batch, tokenizer, generator, recipe.mask_rate, recipe.whole_words)
        inputs |= {"input_ids": masked.input_ids, "token_type_ids": batch.token_type_ids}
        labels, languages = masked.labels, batch.language_ids
    states = encoder(**{name: value.to(device) for name, value in inputs.items()}).last_hidden_state
    rows, columns = (labels != IGNORED).nonzero(as_tuple=True)
    logits = head(states[rows.to(device), columns.to(device)])  # only where something is predicted
    nll = F.cross_entropy(logits.float(), labels[rows, columns].to(device), reduction="none")
    sentence = None
    if targets is not None and objective == "mlm":
        vectors = mean_pooled(states, batch.attention_mask.to(device))
        sentence = targets.weight * sentence_loss(vectors, batch.rows.to(device), targets)
    return nll, languages[rows, columns], sentence


class _Log:
    """Losses summed by objective and language since the last row of the history, and the totals of the run."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.seconds, self.tokens, self.clock = 0.0, 0, time.perf_counter()
        self.sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def add(self, objective: str, nll: Tensor, languages: Tensor, batch: Batch, sentence: Tensor | None) -> None:
        self.tokens += int(batch.attention_mask.sum())
        count = len(batch.languages)
        sums = torch.bincount(languages, nll.detach().float().cpu(), count).tolist()
        numbers = torch.bincount(languages, minlength=count).tolist()
        for language, total, number in zip(batch.languages, sums, numbers, strict=True):
            self._add(f"{objective} {language}", total, number)
        if sentence is not None:
            self._add("sentence all", sentence.item(), 1)

    def _add(self, key: str, total: float, number: float) -> None:
        if number:
            self.sums[key][0] += total
            self.sums[key][1] += number

    def tick(self) -> None:
        now = time.perf_counter()
        self.seconds, self.clock = self.seconds + now - self.clock, now

    def write(self, step: int) -> None:
        self.tick()
        for key, (total, number) in sorted(self.sums.items()):
            objective, language = key.split()
            loss = total / number
            self.rows.append(
                {
                    "step": step,
                    "seconds": self.seconds,
                    "tokens": self.tokens,
                    "objective": objective,
                    "language": language,
                    "loss": loss,
                    "perplexity": float("nan") if objective == "sentence" else math.exp(min(loss, 700)),
                }
            )
        self.sums.clear()

    def summary(self) -> str:
        last = [row for row in self.rows if row["step"] == self.rows[-1]["step"]]
        parts = [
            f"{row['objective']} {row['language']} {row['loss']:.2f}" for row in last if row["objective"] == "sentence"
        ]
        parts += [
            f"{row['objective']} {row['language']} {row['loss']:.2f} (ppl {row['perplexity']:.0f})"
            for row in last
            if row["objective"] != "sentence"
        ]
        return ", ".join(parts)

    def state(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": self.seconds, "tokens": self.tokens, "sums": dict(self.sums)}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "_Log":
        log = cls()
        log.rows, log.seconds, log.tokens = state["rows"], state["seconds"], state["tokens"]
        log.sums.update(state["sums"])
        return log


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """What ``value`` is after a way through a file."""
    return json.loads(json.dumps(value))
