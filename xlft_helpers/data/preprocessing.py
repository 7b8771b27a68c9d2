"""Preprocessing that throws something away on purpose; :mod:`.cleaning` is what keeps the text's meaning."""

import unicodedata

from xlft_helpers.errors import DataError


def strip_accents(text: str) -> str:
    """Letters without their marks: ``é`` becomes ``e``, ``й`` becomes ``и``; Arabic and Hindi lose vowel signs.

    Every character is decomposed (Unicode NFD), and its combining marks (category Mn) are left out.
    """
    kept = (c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFC", "".join(kept))


def stem(text: str, length: int = 5) -> str:
    """Cut every word after ``length`` characters, a stemmer that needs no knowledge of the language.

    Truncation is a strong baseline beside real stemmers in retrieval in many languages (McNamee and Mayfield 2004,
    *Character N-Gram Tokenization for European Language Text Retrieval*). Words are what stands between white space.

    Raises:
        DataError: ``length`` is below 1.
    """
    if length < 1:
        raise DataError(f"length={length}: a stem needs at least one character; 4 to 6 are usual.")
    return " ".join(word[:length] for word in text.split())
