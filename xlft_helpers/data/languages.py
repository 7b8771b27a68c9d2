"""Language codes: ISO 639-1 everywhere, with name, script and direction from CLDR."""

from difflib import get_close_matches

from babel import Locale

from xlft_helpers.errors import DataError

_NAMES = {code: name for code, name in Locale("en").languages.items() if len(code) == 2}


def check_language(code: str) -> str:
    """Return ``code`` if it is an ISO 639-1 code.

    Raises:
        DataError: it is not; the message names the code that was probably meant.
    """
    if code in _NAMES:
        return code
    by_name = {name.lower(): known for known, name in _NAMES.items()}
    close = get_close_matches(code.lower(), [*by_name, *_NAMES], n=1)
    hint = f" Did you mean {by_name.get(close[0], close[0])!r}?" if close else ""
    raise DataError(f"{code!r} is not an ISO 639-1 language code such as 'en' or 'fr'.{hint}")


def language_name(code: str) -> str:
    """The English name of a language, e.g. ``French`` for ``fr``."""
    return _NAMES[check_language(code)]


def is_right_to_left(code: str) -> bool:
    """Whether the language is written from right to left."""
    return Locale(check_language(code)).text_direction == "rtl"


def has_spaces(code: str) -> bool:
    """Whether the language separates words by spaces; Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan do not."""
    return check_language(code) not in {"zh", "ja", "th", "lo", "km", "my", "bo"}
