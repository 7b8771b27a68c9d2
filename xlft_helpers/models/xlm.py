"""XLM's tokenizer with the language of each text, which XLM wants and `transformers` leaves to its callers.

Lample & Conneau 2019, "Cross-lingual Language Model Pretraining", section 3.1: texts are split into words by the rules
of their language before BPE, and the language's embedding is added to every piece (in XLM-15, not in XLM-100).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import transformers
from transformers import BatchEncoding, PretrainedConfig

from xlft_helpers.errors import ModelError

WORD_SPLITTERS = {"zh": "rjieba", "th": "pythainlp", "ja": "Mykytea"}
"""Languages without spaces, and the module that splits their texts into words."""


class XLMTokenizer(transformers.XLMTokenizer):
    """`transformers`' XLM tokenizer, called with ``languages``, one ISO 639-1 code a text.

    The name is that of the parent, so that other programs read what it saves.

    Attributes:
        takes_languages: how callers know that ``languages`` is understood.
        language_ids: code to row of the model's language embeddings; empty where the model has none. Where it has
            some, the encoding has ``langs`` beside ``input_ids``: the id of the text's language for every piece.
    """

    takes_languages = True
    language_ids: dict[str, int] = {}  # noqa: RUF012 (replaced, never changed)
    _language = "en"

    def __call__(self, text: Any, *args: Any, languages: Sequence[str] | None = None, **options: Any) -> BatchEncoding:
        """Encode texts, each by the rules of its language.

        Args:
            text: n strings, or one; as for every tokenizer.
            languages: n codes. Without them, texts are split as English ones are.

        Raises:
            ModelError: the model has language embeddings and ``languages`` is missing or has one that it does not know;
                or the words of a language cannot be told apart because a package is not installed.
        """
        if languages is None:
            if self.language_ids and options.get("add_special_tokens", True):
                raise ModelError(
                    "This XLM model adds an embedding of the text's language, and the texts come without languages. Give "
                    "rows with a column 'language' instead of plain strings."
                )
            return super().__call__(text, *args, **options)
        rows: dict[str, list[Any]] = {}
        for string, language in zip(text, languages, strict=True):
            encoded = self._encode_in(language, string, *args, **options)
            for name, values in encoded.items():
                rows.setdefault(name, []).append(values)
        return BatchEncoding(rows or super().__call__(text, *args, **options))

    def _encode_in(self, language: str, text: str, *args: Any, **options: Any) -> BatchEncoding:
        if self.language_ids and language not in self.language_ids:
            raise ModelError(
                f"This XLM model has no embedding for the language {language!r}; it has {', '.join(self.language_ids)}. "
                "Leave the language out, or choose 'xlmr'."
            )
        self._language = language
        try:
            encoded = super().__call__(text, *args, **options)
        except ImportError as error:
            raise ModelError(
                f"XLM splits texts in {language!r} into words with the package {WORD_SPLITTERS.get(language)}, which is not "
                "installed. Install it with pip, leave the language out, or choose 'xlmr', which needs none."
            ) from error
        finally:
            self._language = "en"
        if self.language_ids:
            encoded["langs"] = [self.language_ids[language]] * len(encoded["input_ids"])
        return encoded

    def _tokenize(
        self, text: str, lang: str | None = None, bypass_tokenizer: bool = False, **options: Any
    ) -> list[str]:
        return super()._tokenize(text, lang=lang or self._language, bypass_tokenizer=bypass_tokenizer, **options)

    def _pad(self, encoded_inputs: Any, *args: Any, **options: Any) -> dict:
        """Pad ``langs`` along: padding has the language of its row, and attention does not see it."""
        padded = super()._pad(encoded_inputs, *args, **options)
        if "langs" in padded:
            langs = list(padded["langs"])
            padded["langs"] = langs + langs[:1] * (len(padded["input_ids"]) - len(langs))
        return padded


def load_xlm_tokenizer(folder: Path, config: PretrainedConfig) -> XLMTokenizer:
    """The tokenizer of an XLM model's folder, with the language ids of its configuration.

    Raises:
        ModelError: the folder has no vocabulary, or the languages have no ids.
    """
    file = folder / "tokenizer_config.json"
    stated = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    # The models without language embeddings, XLM-17 and XLM-100, are the ones that keep capitals and accents.
    lower = stated.get("do_lowercase_and_remove_accent", config.use_lang_emb)
    try:
        tokenizer = XLMTokenizer.from_pretrained(folder, local_files_only=True, do_lowercase_and_remove_accent=lower)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"The tokenizer in {folder} cannot be loaded: {error}") from error
    if config.use_lang_emb and config.n_langs > 1:
        ids = getattr(config, "lang2id", None) or tokenizer.lang2id
        if not ids:
            raise ModelError(
                f"The model in {folder} has language embeddings, but neither config.json nor tokenizer_config.json says "
                "which language is which (lang2id). Add it there, or choose another model."
            )
        tokenizer.language_ids = {code: int(index) for code, index in ids.items()}
    return tokenizer
