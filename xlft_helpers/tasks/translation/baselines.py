"""Two translators that learn from sentence pairs without a neural network, or without training one.

The third baseline, copying the source, needs no code.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Self

from xlft_helpers.data import has_spaces
from xlft_helpers.errors import DataError
from xlft_helpers.tasks.retrieval import Retriever

_NOTHING = ""
"""The source word that target words without a partner come from."""


class TranslationMemory:
    """Answers with the stored translation of the most similar source sentence, as translators' tools do.

    Args:
        sources: n sentences.
        targets: n sentences, their translations.
        model: the encoder that judges similarity, for :class:`~xlft_helpers.tasks.retrieval.Retriever`.

    Raises:
        DataError: unequal numbers of sentences, or none.
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str], model: str = "use-m") -> None:
        _check_pairs(sources, targets)
        self._retriever = Retriever(model)
        self._retriever.index(sources, progress=False)
        self._targets = list(targets)

    def translate(self, texts: Sequence[str]) -> list[str]:
        """The translation of each text's nearest neighbour; nothing for no texts."""
        if not texts:
            return []
        numbers, _ = self._retriever.rank(texts, k=1)
        return [self._targets[number] for number in numbers[:, 0]]


class WordDictionary:
    """Translates word by word with a dictionary learned from sentence pairs by IBM model 1.

    IBM model 1 (Brown et al. 1993, *The Mathematics of Statistical Machine Translation*, Computational Linguistics 19,
    section 4.1) assumes that every target word comes from one word of the source, or from nothing, whatever the order.
    Its probabilities t(target word | source word) are found by expectation maximization: share each target word out
    among the source words by the current probabilities, count the shares, take them as the new probabilities.

    Attributes:
        best: source word to the target word with the largest probability.
    """

    def __init__(self, best: dict[str, str], source: str, target: str) -> None:
        self.best = best
        self._source, self._target = source, target

    @classmethod
    def learn(
        cls, sources: Sequence[str], targets: Sequence[str], target: str, *, source: str = "en", rounds: int = 6
    ) -> Self:
        """Learn the dictionary.

        Args:
            sources: n sentences.
            targets: n sentences, their translations.
            target: language of the targets; where it has no spaces, a character counts as a word.
            source: language of the sources.
            rounds: of expectation maximization.

        Raises:
            DataError: unequal numbers of sentences, or none.
        """
        _check_pairs(sources, targets)
        pairs = [
            ([_NOTHING, *(word.lower() for word in words(sentence, source))], words(translation, target))
            for sentence, translation in zip(sources, targets, strict=True)
        ]
        probability: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(lambda: 1.0))
        for _ in range(rounds):
            count: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
            for source_words, target_words in pairs:
                for word in target_words:
                    shares = [probability[source_word][word] for source_word in source_words]
                    total = sum(shares)
                    for source_word, share in zip(source_words, shares, strict=True):
                        count[source_word][word] += share / total
            probability = count
            for row in probability.values():
                total = sum(row.values())
                for word in row:
                    row[word] /= total
        best = {
            source_word: max(row, key=lambda word: row[word])
            for source_word, row in probability.items()
            if source_word != _NOTHING
        }
        return cls(best, source, target)

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Each word's best translation in the order of the source; unknown words stay as they are."""
        return [self._sentence(text) for text in texts]

    def _sentence(self, text: str) -> str:
        translated = [self.best.get(word.lower(), word) for word in words(text, self._source)]
        if not has_spaces(self._target):
            return "".join(translated)
        joined = re.sub(r" (?=[.,…)\]])", "", " ".join(translated))
        return joined[:1].upper() + joined[1:] if text[:1].isupper() else joined


def words(text: str, language: str) -> list[str]:
    """Words and punctuation marks; placeholders such as ``%1`` are words.

    Where the language has no spaces, every character that is no Latin letter or digit is one word.
    """
    letters = r"[\w%'’]" if has_spaces(language) else r"[A-Za-z0-9_%]"
    return re.findall(rf"{letters}+|\S", text)


def _check_pairs(sources: Sequence[str], targets: Sequence[str]) -> None:
    if len(sources) != len(targets) or not sources:
        raise DataError(
            f"There are {len(sources)} source sentences and {len(targets)} translations; sentence i of one must be the "
            "translation of sentence i of the other, and there must be at least one."
        )
