"""Which model to try first, from languages, labels and hardware: rules that say their reasons.

Coverage is published: USE-M by Yang et al. 2020, *Multilingual Universal Sentence Encoder for Semantic Retrieval*; mBERT by
the list in ``multilingual.md`` of google-research/bert (104 Wikipedias; those without an ISO 639-1 code, such as Cebuano,
are not listed here); XLM-R by Conneau et al. 2020, appendix A (100 corpora, of which seven are second scripts or
spellings of a language). ``mini`` is the course's own, see its MODEL_CARD.md. The order of the rules is the authors'
judgement from what the notebooks measured; it is where to start, and no substitute for a comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xlft_helpers.data import check_language, language_name
from xlft_helpers.errors import ModelError


@dataclass(frozen=True)
class Candidate:
    """What is known of a model before it is loaded.

    Attributes:
        languages: ISO 639-1 codes of the text it was pretrained on; empty for a model without pretraining.
        parameters: millions in all.
        trained: millions that the course's recipe trains.
        storage: gigabytes of the weights in memory.
        aligned: pretrained so that translations lie together (on pairs of translations).
    """

    languages: frozenset[str]
    parameters: float
    trained: float
    storage: float
    aligned: bool


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


CANDIDATES = {
    "tf-idf": Candidate(frozenset(), 0, 0, 0.05, aligned=False),
    "use-m": Candidate(_codes("ar de en es fr it ja ko nl pl pt ru th tr zh"), 69, 3.4, 0.1, aligned=True),
    "mini": Candidate(_codes("en fr de es it pt ru zh"), 7.4, 3.3, 0.03, aligned=True),
    "mbert": Candidate(
        _codes(
            "af an ar az ba be bg bn br bs ca ce cs cv cy da de el en es et eu fa fi fr fy ga gl gu he hi hr ht hu hy id "
            "io is it ja jv ka kk kn ko ky la lb lt lv mg mk ml mn mr ms my nb ne nl nn oc pa pl pt ro ru sh sk sl sq sr "
            "su sv sw ta te tg th tl tr tt uk ur uz vi vo yo zh"
        ), 178, 178, 0.7, aligned=False,
    ),
    "xlmr": Candidate(
        _codes(
            "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he hi hr hu hy id "
            "is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl no om or pa pl ps pt ro ru sa sd si "
            "sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh yi zh"
        ), 278, 278, 1.1, aligned=False,
    ),
}  # fmt: skip
"""The models of the course, and TF-IDF with logistic regression, which knows no language and so excludes none."""

BYTES_A_TRAINED_PARAMETER = 16
"""Weight, gradient and AdamW's two moments, four bytes each, before activations (Rajbhandari et al. 2020, section 3.1)."""
OVERHEAD = 1.0
"""Gigabytes for Python, torch and the activations of a small batch."""
MANY_LABELS = 100
"""Labelled examples a language from which TF-IDF on them beat zero-shot outside a model's coverage (notebook 11)."""
NORWEGIAN = {"no": ("nb", "nn"), "nb": ("no",), "nn": ("no",)}


@dataclass(frozen=True)
class Recommendation:
    """One model, and what speaks for and against it.

    Attributes:
        model: a key of :data:`CANDIDATES`.
        usable: whether it fits the memory, and can say anything about all of the languages.
        covered: the languages it was pretrained on.
        memory_gb: an estimate of what fine-tuning takes.
        reasons: sentences, the weightiest first.
    """

    model: str
    usable: bool
    covered: tuple[str, ...]
    memory_gb: float
    reasons: tuple[str, ...]


def recommend(
    languages: Sequence[str], *, n_labels: int = 0, memory_gb: float = 2.0, gpu: bool = False
) -> list[Recommendation]:
    """Rank the models for a classification task; the first is the one to try first.

    The rules, in their order: what does not fit comes last; then a model that covers more of the languages; then, without
    a GPU, one that trains on a CPU in minutes; then the larger one. TF-IDF needs labels in every language. With
    ``MANY_LABELS`` it comes before a model that covers less than half of the languages, with fewer before one that covers
    none, and without any it cannot be used.

    Args:
        languages: ISO 639-1 codes of the texts that are to be classified, the source language too.
        n_labels: labelled examples in each target language; 0 (default) is zero-shot.
        memory_gb: memory for the training: the GPU's with ``gpu``, else the computer's. Default 2, as on Binder.
        gpu: whether there is one.

    Returns:
        Every model of :data:`CANDIDATES`, best first, each with its reasons.

    Raises:
        DataError: a language is no ISO 639-1 code.
        ModelError: no language, a negative number of labels, or no memory.
    """
    wanted = list(dict.fromkeys(check_language(code) for code in languages))
    if not wanted or n_labels < 0 or memory_gb <= 0:
        raise ModelError(
            f"languages={list(languages)}, n_labels={n_labels}, memory_gb={memory_gb}: give at least one language, 0 labels "
            "or more, and some memory."
        )
    judged = {name: _judge(name, wanted, n_labels, memory_gb, gpu) for name in CANDIDATES}
    return sorted(judged.values(), key=lambda r: _order(r, len(wanted), n_labels, gpu))


def _judge(name: str, wanted: list[str], n_labels: int, memory_gb: float, gpu: bool) -> Recommendation:
    candidate = CANDIDATES[name]
    covered = tuple(code for code in wanted if _covers(candidate, code))
    memory = OVERHEAD + candidate.storage + BYTES_A_TRAINED_PARAMETER * candidate.trained * 1e6 / 2**30
    if name == "tf-idf":
        usable = n_labels > 0 and memory <= memory_gb
        reasons = [
            f"It learns from your {n_labels} labels a language and needs no pretraining, so no language is excluded."
            if n_labels
            else "Without labels in the target language it has nothing to learn from.",
            "It shares nothing between languages but names, numbers and emoji.",
        ]
    else:
        missing = [language_name(code) for code in wanted if code not in covered]
        usable = bool(covered) and memory <= memory_gb
        reasons = [
            f"It was pretrained on all {len(wanted)} language(s)."
            if not missing
            else f"It was not pretrained on {', '.join(missing)}: expect little there, whatever the labels."
        ]
        if missing and n_labels >= MANY_LABELS:
            reasons.append("Where it has no coverage, TF-IDF on the labels of that language is the one to beat.")
        if candidate.aligned:
            reasons.append("It was taught that translations lie together, which zero-shot transfer and retrieval need.")
        if not gpu and candidate.trained > 50:
            reasons.append(f"{candidate.trained:.0f} million trained parameters take hours on a CPU; use a GPU.")
        elif not gpu:
            reasons.append(f"{candidate.trained:.1f} million trained parameters take seconds to minutes on a CPU.")
    if memory > memory_gb:
        reasons.insert(0, f"Fine-tuning it takes about {memory:.1f} GB, more than the {memory_gb:g} GB there are.")
    return Recommendation(name, usable, covered, memory, tuple(reasons))


def _order(found: Recommendation, wanted: int, n_labels: int, gpu: bool) -> tuple[float, ...]:
    """What sorts before: smaller values."""
    candidate = CANDIDATES[found.model]
    coverage = len(found.covered) / wanted
    if found.model == "tf-idf":  # just behind a model that covers half of the languages, or just before one of none
        coverage = 0.499 if n_labels >= MANY_LABELS else 0.001 if n_labels else 0.0
    slow = not gpu and candidate.trained > 50
    return (not found.usable, -coverage, slow, -candidate.parameters)


def _covers(candidate: Candidate, code: str) -> bool:
    return any(one in candidate.languages for one in (code, *NORWEGIAN.get(code, ())))
