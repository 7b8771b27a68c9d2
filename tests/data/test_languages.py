"""Language codes, with facts that anybody can look up."""

import pytest

from xlft_helpers.data import check_language, has_spaces, is_right_to_left, language_name, script
from xlft_helpers.errors import DataError


@pytest.mark.parametrize(
    ("code", "name", "script_code", "right_to_left", "spaces"),
    [
        ("en", "English", "Latn", False, True),
        ("ru", "Russian", "Cyrl", False, True),
        ("hi", "Hindi", "Deva", False, True),
        ("ko", "Korean", "Kore", False, True),
        ("ar", "Arabic", "Arab", True, True),
        ("fa", "Persian", "Arab", True, True),
        ("he", "Hebrew", "Hebr", True, True),
        ("yi", "Yiddish", "Hebr", True, True),
        ("dv", "Divehi", "Thaa", True, True),
        ("zh", "Chinese", "Hans", False, False),
        ("ja", "Japanese", "Jpan", False, False),
        ("th", "Thai", "Thai", False, False),
    ],
)
def test_name_script_and_direction(code, name, script_code, right_to_left, spaces):
    assert check_language(code) == code
    assert (language_name(code), script(code)) == (name, script_code)
    assert (is_right_to_left(code), has_spaces(code)) == (right_to_left, spaces)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("French", "fr"),
        ("FR", "fr"),
        ("fra", "fr"),
        ("fre", "fr"),
        ("deu", "de"),
        ("pt_BR", "pt"),
        ("zh-Hant-TW", "zh"),
        ("spansh", "es"),
    ],
)
def test_wrong_code_gets_the_code_that_was_meant(wrong, meant):
    with pytest.raises(DataError, match=rf"'{wrong}' is not an ISO 639-1.*Did you mean '{meant}'"):
        check_language(wrong)


@pytest.mark.parametrize("wrong", ["xx", "", "qqq", "12"])
def test_code_that_resembles_nothing_gets_no_guess(wrong):
    with pytest.raises(DataError, match=r"is not an ISO 639-1") as caught:
        check_language(wrong)
    assert "Did you mean" not in str(caught.value)
