"""The baseline: look up the slot values that the training rows hold."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from datasets import Dataset

from xlft_helpers.data import has_spaces
from xlft_helpers.errors import DataError

from .tags import Span, spans_of


class Gazetteer:
    """A list of words with their slot; where words were seen in several slots, the most frequent one.

    The longest entry wins, upper and lower case do not count, and in languages with spaces an entry must be whole words.

    Raises:
        DataError: the rows have no slots.
    """

    def __init__(self, rows: Dataset) -> None:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            for span in spans_of(row):
                counts[row["text"][span.start : span.end].lower()][span.name] += 1
        if not counts:
            raise DataError(
                "The rows have no slots, so there is nothing to look up. Check the languages and the split."
            )
        self.entries = {words: names.most_common(1)[0][0] for words, names in counts.items()}
        longest_first = "|".join(map(re.escape, sorted(self.entries, key=len, reverse=True)))
        self._anywhere = re.compile(longest_first, re.IGNORECASE)
        self._whole_words = re.compile(rf"(?<!\w)(?:{longest_first})(?!\w)", re.IGNORECASE)

    def find_spans(self, texts: Sequence[str], language: str) -> list[list[Span]]:
        """The entries in each text, from left to right."""
        pattern = self._whole_words if has_spaces(language) else self._anywhere
        return [
            [Span(self.entries[match[0].lower()], *match.span()) for match in pattern.finditer(text)] for text in texts
        ]
