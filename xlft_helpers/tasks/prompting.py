"""Prompts for a generative model: built from a text and a few examples, answered by a label word, read back as a label.

The conversation has the form that chat models expect: one system message with the instruction, then each example as a
question of the user and an answer of the assistant, then the text in question.

Sources: Brown et al. 2020, *Language Models are Few-Shot Learners* (NeurIPS), for few-shot prompts; Zhao et al. 2021,
*Calibrate Before Use: Improving Few-Shot Performance of Language Models* (ICML), sections 4 and 5, for calibration.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray

from xlft_helpers.data import has_spaces
from xlft_helpers.errors import DataError

Message = dict[str, str]
"""A turn of a conversation: ``role`` (``system``, ``user`` or ``assistant``) and ``content``."""

CONTENT_FREE = ("N/A", "[MASK]", "…")
"""Texts without content: what a model answers to them is its bias, not a reading (Zhao et al. 2021 use the like)."""


@dataclass(frozen=True)
class PromptStyle:
    """The words of a prompt in one language.

    Attributes:
        language: ISO 639-1 code of the words (not of the texts).
        instruction: what to do; ``{words}`` stands for the quoted label words.
        text_name: what stands before a text.
        answer_name: what stands before the answer.
        words: one word a label, in the order of the label indices.
    """

    language: str
    instruction: str
    text_name: str
    answer_name: str
    words: tuple[str, ...]


STYLES = {
    "en": PromptStyle(
        "en",
        "Which feeling does the author of the message express? Answer with one word: {words}.",
        "Message",
        "Feeling",
        ("negative", "neutral", "positive"),
    ),
    "fr": PromptStyle(
        "fr",
        "Quel sentiment l'auteur du message exprime-t-il ? Répondez par un seul mot : {words}.",
        "Message",
        "Sentiment",
        ("négatif", "neutre", "positif"),
    ),
    "ar": PromptStyle(
        "ar",
        "ما الشعور الذي يعبّر عنه كاتب الرسالة؟ أجب بكلمة واحدة: {words}.",
        "الرسالة",
        "الشعور",
        ("سلبي", "محايد", "إيجابي"),
    ),
    "zh": PromptStyle(
        "zh",
        "这条消息的作者表达了哪种情绪？请只用一个词回答：{words}。",
        "消息",
        "情绪",
        ("消极", "中性", "积极"),
    ),
}
"""Sentiment prompts for the labels negative, neutral and positive."""


def build_prompt(text: str, style: PromptStyle, examples: Sequence[tuple[str, int]] = ()) -> list[Message]:
    """The conversation that asks for the label of a text.

    Args:
        text: the text in question. Line breaks become spaces, so that a text cannot pass for another turn.
        style: the words of the prompt.
        examples: texts with their label index, in the order in which they are shown. Default: none (zero examples).

    Raises:
        DataError: a text is empty, or an example's label has no word.
    """
    quoted = ", ".join(f'"{word}"' for word in style.words)
    messages = [{"role": "system", "content": style.instruction.format(words=quoted)}]
    for example, label in examples:
        if not 0 <= label < len(style.words):
            raise DataError(
                f"An example has label {label}; the style has words for 0 to {len(style.words) - 1}: {style.words}."
            )
        messages.append({"role": "user", "content": _question(example, style)})
        messages.append({"role": "assistant", "content": style.words[label]})
    return [*messages, {"role": "user", "content": _question(text, style)}]


def choose_examples(rows: Dataset, per_label: int, seed: int, max_characters: int = 80) -> list[tuple[str, int]]:
    """Draw labelled examples for a prompt: equally many of each label, short ones, in random order.

    Args:
        rows: labelled rows of the training split.
        per_label: examples of each label.
        seed: decides the draw and the order.
        max_characters: longer texts are not drawn, since every request pays for its examples again.

    Raises:
        DataError: a label has too few short texts.
    """
    rng, chosen = np.random.default_rng(seed), []
    for label, name in enumerate(rows.features["label"].names):
        texts = [
            text
            for text, own in zip(rows["text"], rows["label"], strict=True)
            if own == label and len(text) <= max_characters
        ]
        if len(texts) < per_label:
            raise DataError(
                f"{per_label} examples of {name!r} with at most {max_characters} characters are asked for, and there "
                f"are {len(texts)}. Ask for fewer, or raise max_characters."
            )
        chosen += [(str(text), label) for text in rng.choice(texts, size=per_label, replace=False)]
    return [chosen[place] for place in rng.permutation(len(chosen))]


def parse_label(reply: str, style: PromptStyle) -> int | None:
    """The label that a reply names: one label word, in any case, with other words around it or not.

    Args:
        reply: what the model wrote.
        style: the label words that were asked for.

    Returns:
        The label index, or ``None`` where the reply names no label word or more than one.
    """
    text = _plain(reply)
    # Where words are not separated by spaces, a label word may stand anywhere; elsewhere it must be a whole word.
    edge = r"\b" if has_spaces(style.language) else ""
    found = [
        label for label, word in enumerate(style.words) if re.search(f"{edge}{re.escape(_plain(word))}{edge}", text)
    ]
    return found[0] if len(found) == 1 else None


def label_probabilities(log_probabilities: Mapping[str, float], words: Sequence[str]) -> NDArray[np.float64] | None:
    """The probabilities of the labels, from those of the first piece of a reply.

    An endpoint reports the most probable first pieces. A piece counts for the one label word that begins with it; a
    piece that begins several words, or none, counts for none.

    Args:
        log_probabilities: piece to natural logarithm of its probability.
        words: C label words.

    Returns:
        (C,) adding up to 1, or ``None`` where no piece begins a label word.
    """
    mass = np.zeros(len(words))
    for piece, value in log_probabilities.items():
        start = _plain(piece)
        fitting = [label for label, word in enumerate(words) if start and _plain(word).startswith(start)]
        if len(fitting) == 1:
            mass[fitting[0]] += np.exp(value)
    return mass / mass.sum() if mass.sum() > 0 else None


def calibrate(probabilities: ArrayLike, content_free: ArrayLike) -> NDArray[np.float64]:
    """Contextual calibration: divide by what the model answers to texts without content, and let it add up to 1 again.

    Zhao et al. (2021, section 5) choose the label with the largest entry of W p with W = diag(p_cf)⁻¹, p_cf being the
    mean of the probabilities for :data:`CONTENT_FREE` texts in the same prompt.

    Args:
        probabilities: (n, C), each row adds up to 1.
        content_free: (m, C) probabilities for m texts without content.

    Returns:
        (n, C), each row adds up to 1.

    Raises:
        DataError: the shapes do not fit, or a label has no probability at all without content.
    """
    p, free = np.asarray(probabilities, dtype=np.float64), np.asarray(content_free, dtype=np.float64)
    if p.ndim != 2 or free.ndim != 2 or p.shape[1] != free.shape[1] or len(free) == 0:
        raise DataError(f"Expected shapes (n, C) and (m, C) with m of at least 1; got {p.shape} and {free.shape}.")
    bias = free.mean(axis=0)
    if (bias <= 0).any():
        raise DataError(
            f"Without content, label {int(bias.argmin())} has probability 0: nothing can be divided by that. Ask the "
            "endpoint for more top_logprobs, or choose label words that the model knows."
        )
    scaled = p / bias
    return scaled / scaled.sum(axis=1, keepdims=True)


def _question(text: str, style: PromptStyle) -> str:
    if not text.strip():
        raise DataError("A prompt needs a text; this one is empty.")
    return f"{style.text_name}: {' '.join(text.split())}\n{style.answer_name}:"


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
