"""Choose templates and sentences for train, dev and test, so that nothing of a test sentence's pattern is trained on."""

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hassil.expression import Alternative, RuleReference, Sequence

from ..schema import SPLITS
from .drawing import Sentence, draw_sentence
from .reading import Grammar, Template

ROUNDS = 30
"""How many times each template is drawn from before a split that is not full yet is left as it is."""


def templates_by_intent(grammar: Grammar, intents: tuple[str, ...]) -> dict[str, list[Template]]:
    """The different templates of each intent; a pattern that stands under two intents is in neither.

    (``start {name}`` starts a vacuum cleaner or a script: the recogniser looks the name up, a classifier of text cannot.)
    An intent with fewer than three templates, one a split, has them opened at their widest choice: ``(add|put) {item}``
    becomes two.
    """
    owners = defaultdict(set)
    for template in grammar.templates:
        owners[template.text].add(template.intent)
    found: dict[str, dict[str, Template]] = {intent: {} for intent in intents}
    for template in grammar.templates:
        if template.intent in found and len(owners[template.text]) == 1:
            found[template.intent].setdefault(template.text, template)
    return {intent: _at_least_three(list(templates.values()), grammar) for intent, templates in found.items()}


def _at_least_three(templates: list[Template], grammar: Grammar) -> list[Template]:
    if len(templates) >= len(SPLITS):
        return templates
    return [opened for template in templates for opened in open_template(template, grammar)]


def open_template(template: Template, grammar: Grammar) -> list[Template]:
    """Make one template of each alternative of the widest choice in it, so that they can go to different splits."""
    row = _flat(template.expression, grammar)
    widths = [len(item.items) if isinstance(item, Alternative) else 1 for item in row]
    if max(widths) == 1:
        return [template]
    place = widths.index(max(widths))
    return [
        replace(
            template,
            text=f"{template.text} #{number}",
            parsed=Sequence(items=[*row[:place], choice, *row[place + 1 :]]),
        )
        for number, choice in enumerate(row[place].items, 1)
    ]


def _flat(expression: Any, grammar: Grammar) -> list[Any]:
    """The expression as one row of items, rules written out; permutations and choices stay whole."""
    if isinstance(expression, RuleReference) and expression.rule_name in grammar.rules:
        return _flat(grammar.rules[expression.rule_name].expression, grammar)
    if isinstance(expression, Sequence):
        return [flat for item in expression.items for flat in _flat(item, grammar)]
    return [expression]


def split_templates(templates: list[Template], generator: random.Random) -> dict[str, list[Template]]:
    """Half of the templates for train, a quarter each for dev and test, at random; no splits if there are not three."""
    if len(templates) < len(SPLITS):
        return {}
    shuffled = generator.sample(templates, len(templates))
    quarter = max(1, len(templates) // 4)
    return {"test": shuffled[:quarter], "dev": shuffled[quarter : 2 * quarter], "train": shuffled[2 * quarter :]}


def draw_splits(
    grammar: Grammar, intents: tuple[str, ...], sizes: Mapping[str, int], seed: int
) -> dict[tuple[str, str], list[Sentence]]:
    """Draw the sentences of one language.

    No template stands in two splits; and since different templates can allow the same words, no *skeleton* (a sentence
    with its slots' names in place of their words) does either. No text occurs twice, and none that was drawn for two
    intents occurs at all. An intent stays if every split has at least half of the sentences asked for.

    Args:
        grammar: the language.
        intents: the intents to draw for.
        sizes: sentences an intent and split.
        seed: fixes everything that is drawn.

    Returns:
        The sentences by intent and split.
    """
    drawn: dict[tuple[str, str], list[Sentence]] = {}
    split_of: dict[str, str] = {}  # skeletons and texts, to the split that they belong to
    for intent, templates in templates_by_intent(grammar, intents).items():
        # A generator an intent: an intent's sentences do not change when another one is added.
        generator = random.Random(f"{seed} {grammar.language} {intent}")
        parts = split_templates(templates, generator)
        for split, part in parts.items():  # test first: it has the first choice of skeletons
            drawn[intent, split] = _fill(part, split, sizes[split], split_of, grammar, generator)
    _drop_ambiguous(drawn)
    kept = [
        intent for intent in intents if all(2 * len(drawn.get((intent, split), ())) >= sizes[split] for split in SPLITS)
    ]
    return {(intent, split): drawn[intent, split] for intent in kept for split in SPLITS}


def _fill(
    templates: list[Template],
    split: str,
    size: int,
    split_of: dict[str, str],
    grammar: Grammar,
    generator: random.Random,
) -> list[Sentence]:
    """Draw round after round, one sentence a template, until there are ``size`` different ones."""
    sentences: dict[str, Sentence] = {}
    for _ in range(ROUNDS):
        for template in generator.sample(templates, len(templates)):
            sentence = draw_sentence(template, grammar, generator)
            text = sentence.text.casefold()
            if text and all(split_of.setdefault(key, split) == split for key in (sentence.skeleton, text)):
                sentences.setdefault(text, sentence)
            if len(sentences) == size:
                return list(sentences.values())
    return list(sentences.values())


def _drop_ambiguous(drawn: dict[tuple[str, str], list[Sentence]]) -> None:
    owners = defaultdict(set)
    for (intent, _), sentences in drawn.items():
        for sentence in sentences:
            owners[sentence.text.casefold()].add(intent)
    for key, sentences in drawn.items():
        drawn[key] = [sentence for sentence in sentences if len(owners[sentence.text.casefold()]) == 1]
