"""Tweets spelt so that an encoder of ordinary text can read them."""

import html
import re
import unicodedata

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_HASHTAG = re.compile(r"#(\w+)")
_CAMEL_CASE = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")
_LONG = re.compile(r"(\w)\1{2,}")
_MENTIONS = re.compile(r"(@\w+\s*){2,}")
# "smiling face with tears of joy": what all faces share says nothing about the one.
_COMMON = re.compile(r"^(?:(?:smiling )?face with |black |white |heavy )")
_KIND = re.compile(r" (?:sign|symbol)\b")
_LEFT_OUT = {"\ufe0f", "\u200d", *map(chr, range(0x1F3FB, 0x1F400))}  # variation selector, joiner, skin tones


def plain_text(text: str) -> str:
    r"""Undo what keeps an encoder from reading a tweet.

    Escapes that were left in the file (``\u2019``, ``&amp;``) become characters, emoji their English Unicode names, hashtags
    words (``#GoodNews`` to ``Good News``), three or more equal letters two, and a row of mentions one ``@user``.

    Args:
        text: of any language.
    """
    unescaped = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    paired = unescaped.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    # UMSAB's English file has quotes within quotes, and entities that were escaped twice.
    quoted = html.unescape(html.unescape(paired)).replace('\\""', '"').replace("\\n", " ")
    worded = _HASHTAG.sub(_words, re.sub('"{2,}', '"', quoted))
    named = "".join(map(_named, worded))
    return " ".join(_MENTIONS.sub("@user ", _LONG.sub(r"\1\1", named)).split())


def _words(hashtag: re.Match[str]) -> str:
    return f" {_CAMEL_CASE.sub(' ', hashtag[1].replace('_', ' '))} "


def _named(character: str) -> str:
    if character in _LEFT_OUT:
        return ""
    if unicodedata.category(character) != "So":
        return character
    name = _KIND.sub("", unicodedata.name(character, "").lower())
    return f" {_COMMON.sub('', _COMMON.sub('', name))} "
