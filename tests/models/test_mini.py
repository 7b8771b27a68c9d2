"""The packaged checkpoint: small, whole, loadable in every way, and able to do what the course shows with it."""

import json
import shutil

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from xlft_helpers.data import load_tweets, tokenizer_report
from xlft_helpers.errors import ModelError
from xlft_helpers.inference import embed, language_shift, predict
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.loading import MINI
from xlft_helpers.pretraining import translation_pair

LABELS = ["negative", "neutral", "positive"]
SENTENCES = {
    "en": ["Choose the printer and click OK.", "The spreadsheet has too many rows.", "Your password is not correct."],
    "fr": ["Choisissez l'imprimante et cliquez sur OK.", "La feuille de calcul a trop de lignes.", "Votre mot de passe n'est pas correct."],
    "de": ["Wählen Sie den Drucker und klicken Sie auf OK.", "Die Tabelle hat zu viele Zeilen.", "Ihr Passwort ist nicht korrekt."],
    "es": ["Elija la impresora y pulse Aceptar.", "La hoja de cálculo tiene demasiadas filas.", "Su contraseña no es correcta."],
}  # fmt: skip


def test_it_is_small_and_in_safetensors_only():
    files = {path.name: path.stat().st_size for path in MINI.iterdir()}
    assert sum(files.values()) <= 16_000_000
    assert {"config.json", "model.safetensors", "tokenizer.json", "MODEL_CARD.md"} <= files.keys()
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]


def test_it_loads_with_the_auto_classes_alone():
    tokenizer = AutoTokenizer.from_pretrained(MINI)
    inputs = tokenizer("Save the file.", return_tensors="pt")
    states = AutoModel.from_pretrained(MINI, dtype=torch.float32)(**inputs).last_hidden_state
    assert states.shape == (1, inputs["input_ids"].shape[1], 256)
    ours = load_model("mini", "embedding")(**inputs).last_hidden_state
    torch.testing.assert_close(states, ours)
    logits = AutoModelForMaskedLM.from_pretrained(MINI, dtype=torch.float32)(**inputs).logits
    assert logits.shape[-1] == len(tokenizer) == 16_000


@pytest.mark.parametrize("task", ["sequence-classification", "token-classification"])
def test_it_takes_a_head_and_trains_in_float32(task):
    model = load_model("mini", task, label_names=LABELS, trainable_embeddings=True)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.config.id2label == dict(enumerate(LABELS))
    assert model.get_input_embeddings().weight.requires_grad
    with pytest.raises(ModelError, match="label_names"):
        load_model("mini", task)


def test_use_m_cannot_fill_blanks_and_says_who_can():
    with pytest.raises(ModelError, match="Choose 'mini'"):
        load_model("use-m", "masked-lm")


def test_it_fills_blanks_of_its_domain():
    model, tokenizer = load_model("mini", "masked-lm"), load_tokenizer("mini")
    inputs = tokenizer("Click [MASK] to close the dialog.", return_tensors="pt")
    at = int((inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero())
    best = tokenizer.convert_ids_to_tokens(model(**inputs).logits[0, at].topk(100).indices.tolist())
    assert "▁OK" in best
    pair = translation_pair(tokenizer, "Save the file.", "Enregistrez le fichier.")
    assert model(**pair).logits.shape[:2] == pair["input_ids"].shape


def test_translations_are_neighbours():
    model, tokenizer = load_model("mini", "embedding"), load_tokenizer("mini")
    vectors = {code: F.normalize(embed(model, tokenizer, texts), dim=-1) for code, texts in SENTENCES.items()}
    for code in ("fr", "de", "es"):
        assert (vectors["en"] @ vectors[code].T).argmax(dim=1).tolist() == [0, 1, 2]


def test_embeddings_are_means_over_the_pieces_and_ignore_padding():
    model, tokenizer = load_model("mini", "embedding"), load_tokenizer("mini")
    texts = SENTENCES["en"] + ["OK"]
    together = embed(model, tokenizer, texts)
    for vector, text in zip(together, texts, strict=True):
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            alone = model(**inputs).last_hidden_state[0].mean(dim=0)
        assert F.cosine_similarity(vector, alone, dim=0) > 0.999  # the one in bfloat16, the other in float32
    shift = language_shift(model, tokenizer, SENTENCES["en"], SENTENCES["fr"])
    assert shift.shape == (256,)


def test_a_classifier_of_a_first_piece_cannot_be_centred():
    model, tokenizer = load_model("mini", label_names=LABELS), load_tokenizer("mini")
    assert predict(model, tokenizer, ["hello"]).shape == (1, 3)
    with pytest.raises(ModelError, match="no sentence embeddings to centre"):
        predict(model, tokenizer, ["hello"], shift=torch.zeros(256))


def test_the_tokenizer_knows_the_courses_languages():
    report = tokenizer_report(load_tweets()["train"], load_tokenizer("mini"))
    assert len(report) == 10
    assert report["unknown"].max() < 0.06


def test_the_tokenizer_keeps_the_words_around_a_mask():
    tokenizer = load_tokenizer("mini")
    pieces = tokenizer.convert_ids_to_tokens(tokenizer("Click [MASK] to save", add_special_tokens=False)["input_ids"])
    assert pieces == ["▁Click", "[MASK]", "▁to", "▁save"]
    assert tokenizer("a")["input_ids"][0] == tokenizer.cls_token_id


def test_a_copy_cut_short_is_refused(tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(MINI, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(folder), "masked-lm")


def test_the_card_says_how_its_figures_are_reproduced():
    card = (MINI / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "python tools/pretrain_mini.py --evaluate" in card
    assert "MPL-2.0" in card
    config = json.loads((MINI / "config.json").read_text(encoding="utf-8"))
    assert (config["num_hidden_layers"], config["hidden_size"]) == (4, 256)
