"""`translate`: one call for the course's small translators and the published ones."""

from collections.abc import Sequence
from pathlib import Path

from xlft_helpers.data.languages import check_language
from xlft_helpers.errors import DataError, ModelError

from .checkpoints import translate_with_checkpoint
from .training import Translator


def translate(
    texts: Sequence[str], source: str, target: str, *, model: str | Path | Translator, num_beams: int = 4
) -> list[str]:
    """Translate texts.

    Args:
        texts: n texts, none of them blank. No texts give no translations.
        source: language of the texts, as ISO 639-1 code.
        target: language of the translations.
        model: a :class:`Translator` or the folder it was saved to; in the ``full`` profile ``"opus-mt"`` (Marian),
            ``"m2m100"`` or ``"nllb"``, see ``HUB_TRANSLATORS``; or the Hub id or folder of a model of these families.
        num_beams: width of the beam search; 1 is greedy search.

    Returns:
        n translations, in order. A text that is longer than 126 pieces is cut.

    Raises:
        DataError: one string instead of a list, a blank text, an unknown language code, or two equal ones.
        ModelError: the model cannot be loaded or does not translate in this direction; or ``num_beams`` is below 1.
    """
    if isinstance(texts, str):
        raise DataError("The texts are one string; put it into a list.")
    if blank := [number for number, text in enumerate(texts) if not text.strip()]:
        raise DataError(f"The texts with the indices {blank[:5]} are empty: there is nothing to translate in them.")
    if check_language(source) == check_language(target):
        raise DataError(f"source and target are both {source!r}; there is nothing to translate.")
    if num_beams < 1:
        raise ModelError(f"num_beams={num_beams}: use 1 for greedy search, 4 or 5 for beam search.")
    if not texts:
        return []
    if isinstance(model, Translator) or (Path(model) / "translation.json").is_file():
        translator = model if isinstance(model, Translator) else Translator.load(model)
        if (source, target) != (translator.source, translator.target):
            raise ModelError(
                f"This model translates from {translator.source!r} to {translator.target!r}, not from {source!r} to "
                f"{target!r}. Train another one, or use a many-to-many model such as 'nllb'."
            )
        return translator.translate(texts, num_beams)
    return translate_with_checkpoint(texts, source, target, str(model), num_beams)
