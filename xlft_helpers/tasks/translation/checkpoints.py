"""Published translation models: how each family is told which language to write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

from xlft_helpers import settings
from xlft_helpers.errors import ModelError

from .decoding import generate_texts

HUB_TRANSLATORS = {
    "opus-mt": "Helsinki-NLP/opus-mt-{source}-{target}",
    "m2m100": "facebook/m2m100_418M",
    "nllb": "facebook/nllb-200-distilled-600M",
}
"""The short names of the ``full`` profile. OPUS-MT has one model a direction, the others one for all."""

FLORES = {
    "ar": "arb_Arab", "de": "deu_Latn", "en": "eng_Latn", "es": "spa_Latn", "fr": "fra_Latn", "hi": "hin_Deva",
    "it": "ita_Latn", "ja": "jpn_Jpan", "ko": "kor_Hang", "nl": "nld_Latn", "pl": "pol_Latn", "pt": "por_Latn",
    "ru": "rus_Cyrl", "sw": "swh_Latn", "th": "tha_Thai", "tr": "tur_Latn", "uk": "ukr_Cyrl", "vi": "vie_Latn",
    "zh": "zho_Hans",
}  # fmt: skip
"""ISO 639-1 to the code of language and script by which NLLB knows a language (NLLB Team 2022, table 1)."""

_MARIAN_CODES = {"zh": ("cmn_Hans", "cmn", "zho_Hans")}
"""How Marian models with several target languages call a language, where it is not its ISO 639-1 or 639-3 code."""


def translate_with_checkpoint(texts: Sequence[str], source: str, target: str, model: str, num_beams: int) -> list[str]:
    """Translate with Marian (OPUS-MT), M2M100 or NLLB, from the Hub or a folder.

    - A Marian model has one target language, or is told it by a piece such as ``>>fra<<`` before the source.
    - M2M100 and NLLB read the source's language from a piece that the tokenizer adds, and write the language of the piece
      that the decoder is forced to begin with (``forced_bos_token_id``).

    Raises:
        ModelError: the model cannot be loaded, is no translation model, or does not know one of the languages.
    """
    repository = HUB_TRANSLATORS.get(model, model).format(source=source, target=target)
    kind, tokenizer, network = _load(repository)
    options: dict[str, Any] = {}
    if kind == "marian":
        texts = _with_marian_target(texts, tokenizer, target, repository)
    else:
        tokenizer.src_lang, _ = _language_piece(tokenizer, source, repository)
        _, options["forced_bos_token_id"] = _language_piece(tokenizer, target, repository)
    return generate_texts(network, tokenizer, texts, num_beams, **options)


def _load(repository: str) -> tuple[str, Any, Any]:
    is_folder = Path(repository).is_dir()
    local: Any = {"local_files_only": is_folder or settings.profile() == "offline"}
    try:
        kind = AutoConfig.from_pretrained(repository, **local).model_type
        if kind not in ("marian", "m2m_100"):
            raise ModelError(
                f"{repository} is a {kind} model; translate() knows Marian (OPUS-MT), M2M100, NLLB and the course's own."
            )
        tokenizer = AutoTokenizer.from_pretrained(repository, **local)
        network = AutoModelForSeq2SeqLM.from_pretrained(repository, use_safetensors=True, **local).eval()
    except (OSError, ValueError, ImportError) as error:
        if isinstance(error, ModelError):
            raise
        if is_folder:
            raise ModelError(f"The model in {repository} cannot be loaded: {error}") from error
        if local["local_files_only"]:
            raise ModelError(
                f"{repository} is not in the local cache and the offline profile downloads nothing. Set XLFT_PROFILE=full "
                "where there is a network, or give the folder of a saved copy."
            ) from error
        raise ModelError(f"{repository} cannot be loaded from the Hub: {error}") from error
    return kind, tokenizer, network.to(settings.device())


def _with_marian_target(texts: Sequence[str], tokenizer: Any, target: str, repository: str) -> list[str]:
    """The texts, led by the piece of the target language where the model has several."""
    known = [piece.strip("><") for piece in tokenizer.supported_language_codes]
    if not known:
        return list(texts)
    for code in (target, *_MARIAN_CODES.get(target, ()), FLORES.get(target, target).split("_")[0]):
        if code in known:
            return [f">>{code}<< {text}" for text in texts]
    raise ModelError(f"{repository} does not write {target!r}; it knows {', '.join(sorted(known)[:20])}.")


def _language_piece(tokenizer: Any, language: str, repository: str) -> tuple[str, int]:
    """How a many-to-many model calls a language, and the id of its piece: M2M100 by ISO 639-1, NLLB by language and script."""
    is_nllb = "Nllb" in type(tokenizer).__name__
    code = FLORES.get(language, "") if is_nllb else language
    number = tokenizer.convert_tokens_to_ids(code if is_nllb else f"__{code}__")
    if not code or number in (None, tokenizer.unk_token_id):
        known = f"; the course knows NLLB's codes of {', '.join(FLORES)}" if is_nllb else ""
        raise ModelError(f"{repository} does not know the language {language!r}{known}.")
    return code, number
