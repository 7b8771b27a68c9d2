"""Give a translation the signs back that the tokenizer writes in a plainer form.

Before cutting, `mini`'s tokenizer replaces compatibility characters by plain ones (NFKC): "…" by "...", and the wide
punctuation of Chinese by the narrow one. A translation can therefore not hold them, and its readers expect them.
"""

import re

_WIDE = {",": "，", "?": "？", "!": "！", ":": "：", ";": "；"}
_CHINESE = r"[㐀-鿿”』」》）]"


def restore(text: str, language: str) -> str:
    """The text with "…" for three dots and, in Chinese, wide punctuation behind Chinese characters."""
    text = text.replace("...", "…")
    if language == "zh":
        text = re.sub(rf"(?<={_CHINESE})([,?!:;]) ?", lambda sign: _WIDE[sign[1]], text)
        text = re.sub(rf"\((?={_CHINESE})", "（", text)
        text = re.sub(rf"(?<={_CHINESE})\)", "）", text)
    return text
