"""New pieces: old ids stay, old texts keep their answers, and every new row starts where it is said to."""

import numpy as np
import pytest
import torch

from xlft_helpers.adaptation import extend_embeddings, extend_tokenizer
from xlft_helpers.errors import DataError, ModelError
from xlft_helpers.models import load_model, load_tokenizer

GREEK = ["άναψε το φως στην κουζίνα", "σβήσε το φως στο σαλόνι", "άναψε τη λάμπα στο γραφείο"] * 5
FINNISH = ["sammuta valot keittiössä", "sytytä valot olohuoneessa", "sammuta valot makuuhuoneessa"] * 5


@pytest.fixture(scope="module")
def mini():
    return load_model("mini", "masked-lm"), load_tokenizer("mini")


@pytest.fixture(scope="module")
def greek(mini):
    return extend_tokenizer(mini[1], GREEK, pieces=60)


def test_old_pieces_keep_their_ids_and_the_language_can_be_read(mini, greek):
    old = mini[1]
    assert len(greek) > len(old)
    assert greek.convert_ids_to_tokens(list(range(len(old)))) == old.convert_ids_to_tokens(list(range(len(old))))
    text = "turn on the light in the kitchen"
    assert greek(text)["input_ids"] == old(text)["input_ids"]
    assert old.unk_token_id in old(GREEK[0])["input_ids"]
    assert greek.unk_token_id not in greek(GREEK[0])["input_ids"]
    assert greek.decode(greek(GREEK[0], add_special_tokens=False)["input_ids"]) == GREEK[0]
    assert greek.special_tokens_map == old.special_tokens_map


def test_drawn_rows_differ_and_look_like_the_table(mini, greek):
    model, old = mini
    wider = extend_embeddings(model, old, greek)
    table = wider.get_input_embeddings().weight.detach()
    new = table[len(old) :]
    assert len(table) == len(greek)
    assert len(torch.unique(new, dim=0)) == len(new)
    assert 0.5 < float(new.std() / table[: len(old)].std()) < 2
    assert wider.get_output_embeddings().weight.data_ptr() == wider.get_input_embeddings().weight.data_ptr()


def test_known_pieces_start_from_their_mean(mini):
    model, old = mini
    new = extend_tokenizer(old, FINNISH, pieces=60)
    table = extend_embeddings(model, old, new).get_input_embeddings().weight.detach()
    checked = 0
    for number in range(len(old), len(new)):
        piece = new.convert_ids_to_tokens(number)
        # The old tokenizer's own cut of the word; a piece in the middle of a word has no text of its own.
        if piece.startswith("▁"):
            ids = old(piece.removeprefix("▁"), add_special_tokens=False)["input_ids"]
            expected = model.get_input_embeddings().weight.detach()[ids].mean(dim=0)
            assert torch.allclose(table[number], expected, atol=1e-5), piece
            checked += 1
    assert checked


def test_the_given_model_and_its_answers_stay(mini, greek):
    model, old = mini
    before = model.get_input_embeddings().weight.detach().clone()
    wider = extend_embeddings(model, old, greek)
    assert torch.equal(model.get_input_embeddings().weight, before)
    batch = old(["turn on the light"], return_tensors="pt")
    with torch.no_grad():
        one, other = (m(**batch).logits[..., : len(old)] for m in (model, wider))
    assert np.allclose(one, other, atol=1e-4)


def test_misfits_are_refused(mini, greek):
    model, old = mini
    with pytest.raises(ModelError, match="do not belong"):
        extend_embeddings(model, greek, greek)
    with pytest.raises(DataError, match="no piece that the tokenizer lacks"):
        extend_tokenizer(old, ["a b"], pieces=20)
