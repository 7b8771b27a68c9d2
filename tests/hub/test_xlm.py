"""XLM: the language of each text reaches the word splitting and, in XLM-15, the embeddings."""

import sys

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset

from xlft_helpers.data import load_tweets, tokenize, tokenizer_report
from xlft_helpers.errors import ModelError
from xlft_helpers.finetuning import Recipe, finetune
from xlft_helpers.inference import embed, predict
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.hub import fetch_snapshot

LABELS = ["negative", "neutral", "positive"]
XLM_15 = "some/xlm-15"


def rows(texts, languages):
    return Dataset.from_dict({"text": texts, "language": languages})


def reference_logits(model, text, language):
    """One text at a time, with transformers' own tokenizer and `langs` as its documentation has them."""
    tokenizer = transformers.XLMTokenizer.from_pretrained(fetch_snapshot(XLM_15))
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        return model(ids, langs=torch.full_like(ids, model.config.lang2id[language])).logits[0]


def test_language_ids_reach_the_model(server):
    torch.manual_seed(0)
    model, tokenizer = load_model(XLM_15, label_names=LABELS), load_tokenizer(XLM_15)
    texts = ["good", "bon café gut", "so gut good bon"]
    data = rows(texts * 2, ["en"] * 3 + ["fr"] * 3)
    probabilities = predict(model, tokenizer, data)
    for row, found in zip(data, probabilities, strict=True):
        expected = reference_logits(model, row["text"], row["language"]).softmax(-1)
        np.testing.assert_allclose(found, expected, atol=5e-3)  # batches may run in bfloat16
    assert np.abs(probabilities[:3] - probabilities[3:]).max() > 0.01  # same texts, another language
    assert not torch.allclose(embed(model, tokenizer, data)[:3], embed(model, tokenizer, data)[3:], atol=0.02)


def test_training_sees_the_languages_and_the_checkpoint_keeps_them(server, tmp_path):
    train = load_tweets(["en", "fr", "de"])["train"].shuffle(seed=0).select(range(24))
    before = load_model(XLM_15, label_names=LABELS).base_model.lang_embeddings.weight.clone()
    result = finetune(XLM_15, train, recipe=Recipe(epochs=1, batch_size=8, learning_rate=1e-2), progress=False)
    moved = (result.model.base_model.lang_embeddings.weight - before).abs().amax(dim=1)
    ids = result.model.config.lang2id
    assert all(moved[ids[code]] > 1e-4 for code in ("en", "fr", "de"))
    result.model.save_pretrained(tmp_path)
    result.tokenizer.save_pretrained(tmp_path)
    again = predict(load_model(str(tmp_path), label_names=LABELS), load_tokenizer(str(tmp_path)), train)
    np.testing.assert_allclose(again, predict(result.model, result.tokenizer, train), atol=1e-5)
    assert type(transformers.AutoTokenizer.from_pretrained(tmp_path)) is transformers.XLMTokenizer


def test_padding_and_cutting_keep_pieces_and_languages_together(server):
    tokenizer = load_tokenizer(XLM_15)
    encoded = tokenize(rows(["good", "bon " * 20], ["en", "fr"]), tokenizer, max_length=10)
    assert [len(langs) for langs in encoded["langs"]] == [len(ids) for ids in encoded["input_ids"]] == [4, 10]
    batch = tokenizer.pad(
        {name: encoded[name][:] for name in ("input_ids", "attention_mask", "langs")}, return_tensors="pt"
    )
    assert batch["langs"].tolist() == [[1] * 10, [2] * 10]


def test_language_without_an_embedding_and_text_without_a_language(server):
    model, tokenizer = load_model(XLM_15, label_names=LABELS), load_tokenizer(XLM_15)
    with pytest.raises(ModelError, match=r"no embedding for the language 'it'; it has de, en, fr, zh\. Leave"):
        predict(model, tokenizer, rows(["ciao"], ["it"]))
    with pytest.raises(ModelError, match="rows with a column 'language'"):
        predict(model, tokenizer, ["good"])


def test_xlm_100_needs_no_ids_and_keeps_capitals(server):
    model, tokenizer = load_model("xlm", label_names=LABELS), load_tokenizer("xlm")
    data = rows(["Café", "café", "ciao"], ["fr", "fr", "it"])
    assert "langs" not in tokenize(data, tokenizer).column_names
    assert tokenizer.tokenize("Café") != tokenizer.tokenize("café")
    assert load_tokenizer(XLM_15).tokenize("Café") == load_tokenizer(XLM_15).tokenize("cafe")
    assert predict(model, tokenizer, data).shape == (3, 3)
    assert predict(model, tokenizer, ["plain strings"]).shape == (1, 3)


def test_words_are_split_by_the_rules_of_the_language(server):
    """French elision: Moses parts the article from its noun in French and not in English."""
    tokenizer = load_tokenizer("xlm")
    english, french = tokenizer(["l'orange"] * 2, languages=["en", "fr"])["input_ids"]
    assert english != french
    reference = transformers.XLMTokenizer.from_pretrained(fetch_snapshot("FacebookAI/xlm-mlm-100-1280"))
    reference.do_lowercase_and_remove_accent = False
    pieces = reference.convert_tokens_to_ids(reference._tokenize("l'orange", lang="fr"))
    assert french == [tokenizer.bos_token_id, *pieces, tokenizer.sep_token_id]
    report = tokenizer_report(rows(["l'orange", "l'orange"], ["en", "fr"]), tokenizer)
    assert len(report) == 2


def test_language_whose_words_cannot_be_split(server, monkeypatch):
    class Absent:
        def find_spec(self, name, *_):
            if name == "rjieba":
                raise ImportError(name)

    monkeypatch.delitem(sys.modules, "rjieba", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(ModelError, match=r"'zh' into words with the package rjieba, which is not installed.*'xlmr'"):
        tokenize(rows(["很好"], ["zh"]), load_tokenizer("xlm"))
