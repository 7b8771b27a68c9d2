"""Language codes: ISO 639-1 everywhere, with the name, script and direction that Unicode CLDR gives them."""

from difflib import get_close_matches

from babel import Locale
from babel.core import get_global

from xlft_helpers.errors import DataError

_NAMES = {code: name for code, name in Locale("en").languages.items() if len(code) == 2}
_CODES = {name.lower(): code for code, name in _NAMES.items()}
_LIKELY = get_global("likely_subtags")
_RIGHT_TO_LEFT = {"Arab", "Hebr", "Thaa"}
_WITHOUT_SPACES = {"Hans", "Hant", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"}


def check_language(code: str) -> str:
    """Return ``code`` if it is an ISO 639-1 code such as ``fr``.

    Raises:
        DataError: it is not; the message names the code that was probably meant.
    """
    if code in _NAMES:
        return code
    meant = _meant(code)
    hint = f" Did you mean {meant!r} ({_NAMES[meant]})?" if meant else " See the column 'Set 1' of the ISO 639 tables."
    raise DataError(f"{code!r} is not an ISO 639-1 language code (two small letters, such as 'en' or 'fr').{hint}")


def language_name(code: str) -> str:
    """The English name of a language, e.g. ``French`` for ``fr``."""
    return _NAMES[check_language(code)]


def script(code: str) -> str:
    """The ISO 15924 code of the script that the language is most often written in, e.g. ``Cyrl`` for ``ru``."""
    likely = _LIKELY.get(check_language(code), f"{code}_Latn_ZZ")
    return likely.split("_")[1]


def is_right_to_left(code: str) -> bool:
    """Whether the language is written from right to left."""
    return script(code) in _RIGHT_TO_LEFT


def has_spaces(code: str) -> bool:
    """Whether the language puts spaces between words (Chinese, Japanese, Thai and some others do not)."""
    return script(code) not in _WITHOUT_SPACES


def _meant(wrong: str) -> str | None:
    """The code behind a name (``French``), an ISO 639-2 code (``fra``), a locale (``fr-FR``) or a slip (``Fr``)."""
    text = wrong.strip().lower().replace("_", "-")
    alias = get_global("language_aliases").get(text)
    for candidate in (text, _CODES.get(text), alias, text.split("-")[0]):
        if candidate in _NAMES:
            return candidate
    close = get_close_matches(text, _CODES, n=1, cutoff=0.75)
    return _CODES[close[0]] if close else None
