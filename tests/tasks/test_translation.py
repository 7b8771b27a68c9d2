"""Translation: pairs without overlap, scores against sacrebleu, a translator that learns, published families, errors."""

import json

import numpy as np
import pandas as pd
import pytest
import sentencepiece
import torch
from sacrebleu.metrics import CHRF
from sacrebleu.significance import PairedTest
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    NllbTokenizer,
    set_seed,
)

from xlft_helpers.errors import DataError, ModelError
from xlft_helpers.finetuning import Recipe
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.tasks.translation import (
    FAULTS,
    TranslationMemory,
    WordDictionary,
    bare,
    bootstrap_chrf,
    chrf,
    fault_counts,
    sacrebleu_scores,
    train_translator,
    translate,
    translation_pairs,
)
from xlft_helpers.tasks.translation.architecture import encoder_decoder, small_tokenizer
from xlft_helpers.tasks.translation.faults import find_faults
from xlft_helpers.tasks.translation.measured import load_measured
from xlft_helpers.tasks.translation.scores import ngram_counts
from xlft_helpers.tasks.translation.typography import restore

HYPOTHESES = ["Le chat dort.", "", "Fermer tout", "Redémarrer le noyau", "ab", "Fermer  tout", "文件已关闭"]
REFERENCES = ["Un chat dort ici.", "Vide", "Bon", "Redémarrer le noyau", "xyz", "Tout fermer", "该文件已经关闭"]

LEARNABLE = pd.DataFrame(
    [
        ("train", f"{verb} the {noun}", f"{french} le {nom}")
        for verb, french in (("Open", "Ouvrir"), ("Close", "Fermer"), ("Save", "Enregistrer"), ("Copy", "Copier"))
        for noun, nom in (("file", "fichier"), ("notebook", "carnet"), ("folder", "dossier"), ("text", "texte"))
    ],
    columns=["split", "source", "target"],
)
"""Sixteen pairs with nothing to be puzzled by."""


@pytest.fixture(scope="module")
def pairs():
    return translation_pairs("fr")


@pytest.fixture(scope="module")
def translator():
    return train_translator(LEARNABLE, "fr", recipe=Recipe(learning_rate=1e-3, epochs=25, batch_size=8), progress=False)


def test_no_source_of_a_test_set_stands_in_training(pairs):
    train = set(pairs["source"][pairs["split"] == "train"].map(bare))
    assert len(train) > 1500
    for split in ("dev", "test"):
        sources = pairs["source"][pairs["split"] == split]
        assert len(sources) > 150
        assert not train & set(sources.map(bare))


def test_what_is_left_out_is_counted(pairs):
    everything = translation_pairs("fr", max_pieces=100_000)
    assert len(pairs) + sum(pairs.attrs["left_out"].values()) == len(everything) + sum(
        everything.attrs["left_out"].values()
    )
    assert everything.attrs["left_out"]["long source"] == 0
    lengths = [len(ids) for ids in load_tokenizer("mini")(list(pairs["source"]), add_special_tokens=False)["input_ids"]]
    assert max(lengths) == 16


def test_pairs_that_leave_nothing_are_refused():
    with pytest.raises(DataError, match="max_pieces=0 leaves no pairs"):
        translation_pairs("fr", max_pieces=0)


def test_chrf_is_sacrebleus():
    for hypotheses, references in [(HYPOTHESES, REFERENCES), (HYPOTHESES[:1], REFERENCES[:1]), (["a"], ["b"])]:
        assert chrf(hypotheses, references) == pytest.approx(CHRF().corpus_score(hypotheses, [references]).score)


def test_scores_carry_their_signatures():
    found = sacrebleu_scores(HYPOTHESES, REFERENCES, "zh")
    assert "tok:zh" in found["BLEU signature"]
    assert "nc:6" in found["chrF signature"]
    assert "tok:13a" in sacrebleu_scores(HYPOTHESES, REFERENCES, "fr")["BLEU signature"]


def test_bootstrap_agrees_with_sacrebleus(pairs):
    test = pairs[pairs["split"] == "test"].head(120)
    references, first = list(test["target"]), [text[2:] for text in test["target"]]
    second = [text[::-1] for text in test["target"]]
    interval = bootstrap_chrf([first], references)
    _, results = PairedTest(
        [("second", second), ("first", first)], {"chrF": CHRF()}, [references], test_type="bs", n_samples=1000
    )()
    theirs = next(values for name, values in results.items() if name.startswith("chrF"))[1]
    assert interval.estimate == pytest.approx(theirs.score)
    assert (interval.high - interval.low) / 2 == pytest.approx(theirs.ci, rel=0.2)
    lead = bootstrap_chrf([first], references, against=[second])
    assert lead.estimate == pytest.approx(chrf(first, references) - chrf(second, references))
    assert 0 < lead.low < lead.estimate < lead.high


def test_bootstrap_over_runs_is_wider_than_over_sentences_when_runs_differ(pairs):
    references = list(pairs["target"][pairs["split"] == "test"].head(80))
    good, bad = [text[1:] for text in references], [text[: len(text) // 2] for text in references]
    one, both = bootstrap_chrf([good], references), bootstrap_chrf([good, bad], references)
    assert both.high - both.low > 2 * (one.high - one.low)
    same = bootstrap_chrf([good], references, against=[good])
    assert (same.low, same.estimate, same.high) == (0, 0, 0)


@pytest.mark.parametrize(("hypotheses", "references"), [(["a"], ["a", "b"]), ([], [])])
def test_scores_refuse_lists_that_do_not_match(hypotheses, references):
    for score in (chrf, ngram_counts, lambda h, r: bootstrap_chrf([h], r), lambda h, r: sacrebleu_scores(h, r, "fr")):
        with pytest.raises(DataError, match="must be at least one"):
            score(hypotheses, references)
    with pytest.raises(DataError, match="no run"):
        bootstrap_chrf([], references)


def test_small_tokenizer_writes_what_the_full_one_writes():
    texts = ["Redémarrer le noyau « maintenant » ?", "关闭所有文件 %1"]
    small, kept = small_tokenizer(texts)
    full = load_tokenizer("mini")
    assert len(small) == len(kept) < 500
    for text in texts:
        ids = small(text)["input_ids"]
        assert [kept[i] for i in ids] == full(text)["input_ids"]
        assert small.decode(ids, skip_special_tokens=True) == full.decode(
            full(text)["input_ids"], skip_special_tokens=True
        )
    spelled = small("zoom", add_special_tokens=False)["input_ids"]
    assert small.unk_token_id not in spelled, "a word whose piece was left out is spelled"


def test_initialized_model_begins_as_mini():
    text = "Restart the kernel now."
    small, kept = small_tokenizer([text])
    model, mini, full = encoder_decoder(kept, True), load_model("mini", "embedding"), load_tokenizer("mini")
    with torch.inference_mode():
        ours = model.encoder(**small(text, return_tensors="pt")).last_hidden_state
        theirs = mini(**full(text, return_tensors="pt")).last_hidden_state
    assert torch.allclose(ours, theirs, atol=1e-4)
    layer, original = model.decoder.bert.encoder.layer[2], mini.encoder.layer[2]
    assert torch.equal(layer.crossattention.self.key.weight, original.attention.self.key.weight)
    assert model.decoder.get_output_embeddings().weight is model.decoder.get_input_embeddings().weight


def test_scratch_has_the_same_architecture_and_other_weights():
    _, kept = small_tokenizer(["Restart the kernel"])
    set_seed(1)
    ours, random = encoder_decoder(kept, True), encoder_decoder(kept, False)
    shapes = [{name: tuple(value.shape) for name, value in model.state_dict().items()} for model in (ours, random)]
    assert shapes[0] == shapes[1]
    weights = [model.encoder.encoder.layer[0].attention.self.query.weight for model in (ours, random)]
    assert abs(np.corrcoef(*(w.detach().numpy().ravel() for w in weights))[0, 1]) < 0.05


def test_translator_learns(translator):
    assert list(translator.history["epoch"]) == list(range(1, 26))
    assert translator.history["train_loss"].iloc[-1] < 0.3 < 3 < translator.history["train_loss"].iloc[0]
    for beams in (1, 3):
        found = translate(list(LEARNABLE["source"]), "en", "fr", model=translator, num_beams=beams)
        assert found == list(LEARNABLE["target"])


def test_decoder_sees_no_later_piece(translator):
    ids = translator.tokenizer(["Ouvrir le fichier"], return_tensors="pt").input_ids
    changed = ids.clone()
    changed[0, -2] = ids[0, 1]
    source = translator.tokenizer(["Open the file"], return_tensors="pt")
    with torch.inference_mode():
        first, second = (
            translator.model(**{k: source[k] for k in ("input_ids", "attention_mask")}, decoder_input_ids=i).logits
            for i in (ids, changed)
        )
    assert torch.allclose(first[0, :-2], second[0, :-2], atol=1e-5)
    assert not torch.allclose(first[0, -2], second[0, -2], atol=1e-3)


def test_saved_translator_answers_the_same(translator, tmp_path):
    translator.save(tmp_path / "fr")
    texts = ["Save the folder", "Copy the text"]
    assert translate(texts, "en", "fr", model=tmp_path / "fr") == translate(texts, "en", "fr", model=translator)


def test_translate_speaks_clearly_about_bad_input(translator, tmp_path):
    assert translate([], "en", "fr", model=translator) == []
    with pytest.raises(DataError, match="put it into a list"):
        translate("Open", "en", "fr", model=translator)
    with pytest.raises(DataError, match=r"indices \[1\] are empty"):
        translate(["Open", " "], "en", "fr", model=translator)
    with pytest.raises(DataError, match="'fra' is not an ISO 639-1"):
        translate(["Open"], "en", "fra", model=translator)
    with pytest.raises(DataError, match="both 'en'"):
        translate(["Open"], "en", "en", model=translator)
    with pytest.raises(ModelError, match="from 'en' to 'fr', not from 'en' to 'zh'"):
        translate(["Open"], "en", "zh", model=translator)
    with pytest.raises(ModelError, match="num_beams=0"):
        translate(["Open"], "en", "fr", model=translator, num_beams=0)
    with pytest.raises(ModelError, match="XLFT_PROFILE=full"):
        translate(["Open"], "en", "fr", model="opus-mt")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="is a bert model"):
        translate(["Open"], "en", "fr", model=tmp_path)


def test_training_refuses_what_it_cannot_learn_from():
    with pytest.raises(DataError, match="no column"):
        train_translator(pd.DataFrame({"split": ["train"]}), "fr")
    with pytest.raises(DataError, match="nothing to learn from"):
        train_translator(LEARNABLE.assign(split="test"), "fr")


def test_dictionary_learns_word_pairs():
    dictionary = WordDictionary.learn(list(LEARNABLE["source"]), list(LEARNABLE["target"]), "fr")
    assert dictionary.best["file"] == "fichier"
    assert dictionary.best["save"] == "Enregistrer"
    assert dictionary.translate(["Save the notebook Zebra"]) == ["Enregistrer le carnet Zebra"]
    with pytest.raises(DataError, match="2 source sentences and 1"):
        WordDictionary.learn(["a", "b"], ["a"], "fr")


def test_dictionary_is_ibm_model_1():
    """Two sentences, by hand: in round 1 every word gets equal shares; "la" follows "the", "maison" the other word."""
    dictionary = WordDictionary.learn(["the house", "the flower"], ["la maison", "la fleur"], "fr", rounds=20)
    assert (dictionary.best["the"], dictionary.best["house"], dictionary.best["flower"]) == ("la", "maison", "fleur")


def test_memory_answers_with_the_translation_of_the_nearest_source():
    memory = TranslationMemory(list(LEARNABLE["source"]), list(LEARNABLE["target"]))
    assert memory.translate(["Close the file", "Open the text!"]) == ["Fermer le fichier", "Ouvrir le texte"]
    assert memory.translate([]) == []


@pytest.mark.parametrize(
    ("source", "translation", "reference", "language", "faults"),
    [
        ("Close all", "Fermer tout", "Tout fermer", "fr", []),
        ("Close all", "close all", "Tout fermer", "fr", ["copied"]),
        ("Kernel", "Kernel", "Kernel", "fr", []),
        ("Close the cell", "Fermer la la cellule", "Fermer la cellule", "fr", ["repeats"]),
        ("Close the cell", "Fermer la Fermer la", "Fermer la cellule", "fr", ["repeats"]),
        ("Close the cell", "关闭关闭", "关闭单元格", "zh", ["repeats"]),
        ("Close %1 cells", "Fermer", "Fermer %1 cellules", "fr", ["too short", "placeholder"]),
        ("Close", "Fermer tout cela", "Fermer", "fr", ["too long"]),
        ("Close", "关", "閉め", "zh", ["unknown character"]),
    ],
)
def test_faults(source, translation, reference, language, faults):
    known = frozenset("关闭单元格") | {chr(code) for code in range(32, 0x180)}
    assert find_faults(source, translation, reference, language, known) == faults


def test_fault_counts_have_a_row_each():
    counts = fault_counts(["Close"], {"copy": ["Close"], "right": ["Fermer"]}, ["Fermer"], "fr")
    assert list(counts.index) == [*FAULTS, "exactly the reference"]
    assert counts["copy"].sum() == counts.loc["copied", "copy"] == 1
    assert counts["right"].to_dict()["exactly the reference"] == counts["right"].sum() == 1


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Fermer...", "fr", "Fermer…"),
        ("文件已存在,是否覆盖?", "zh", "文件已存在，是否覆盖？"),
        ("文件(可选)", "zh", "文件（可选）"),
        ("a, b", "zh", "a, b"),
        ("Non, merci!", "fr", "Non, merci!"),
    ],
)
def test_typography(text, language, expected):
    assert restore(text, language) == expected


SENTENCES = [f"{verb} the {noun}." for verb in ("Open", "Close", "Save") for noun in ("file", "folder", "notebook")]


def sentencepiece_model(folder, name):
    file = folder / "corpus.txt"
    file.write_text("\n".join(SENTENCES * 20), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(file), model_prefix=str(folder / name), vocab_size=60, hard_vocab_limit=False, minloglevel=2,
        model_type="unigram", bos_id=-1, eos_id=1, unk_id=0,
    )  # fmt: skip
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.model"))
    return [model.id_to_piece(number) for number in range(model.get_piece_size())]


def small(config_class, **extra):
    sizes = dict.fromkeys(("encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads"), 2)
    sizes |= {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 160}
    return config_class(**sizes, **extra)


def marian(folder, languages=()):
    pieces = sentencepiece_model(folder, "source")
    (folder / "source.model").rename(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    vocabulary = ["</s>", "<unk>", *(p for p in pieces if p not in ("</s>", "<unk>")), *languages, "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    settings = {"tokenizer_class": "MarianTokenizer", "source_lang": "en", "target_lang": "fr", "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    pad = len(vocabulary) - 1
    config = small(
        MarianConfig, vocab_size=len(vocabulary), pad_token_id=pad, decoder_start_token_id=pad, eos_token_id=0
    )
    set_seed(0)
    MarianMTModel(config).save_pretrained(folder)


def m2m100(folder):
    pieces = sentencepiece_model(folder, "sentencepiece.bpe")
    known = [piece for piece in pieces if piece not in ("</s>", "<unk>")]
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *known]
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    settings = {"tokenizer_class": "M2M100Tokenizer", "language_codes": "m2m100", "model_max_length": 1024}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    config = small(
        M2M100Config, vocab_size=len(vocabulary) + 108, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        decoder_start_token_id=2,
    )  # fmt: skip
    set_seed(0)
    M2M100ForConditionalGeneration(config).save_pretrained(folder)


def nllb(folder):
    letters = [*sorted(set("".join(SENTENCES)) - {" "}), "▁"]
    vocabulary = {piece: number for number, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters])}
    tokenizer = NllbTokenizer(vocab=vocabulary, merges=[])
    tokenizer.save_pretrained(folder)
    config = small(
        M2M100Config,
        vocab_size=len(tokenizer),
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    set_seed(0)
    M2M100ForConditionalGeneration(config).save_pretrained(folder)


def recorded(monkeypatch, network_class):
    """What `generate` of a class of models is called with."""
    calls, generate = [], network_class.generate

    def record(self, **keywords):
        calls.append(keywords)
        made = generate(self, **keywords)
        calls[-1]["made"] = made
        return made

    monkeypatch.setattr(network_class, "generate", record)
    return calls


def test_marian_checkpoint_through_the_same_call(tmp_path, monkeypatch):
    marian(tmp_path)
    calls = recorded(monkeypatch, MarianMTModel)
    found = translate(SENTENCES[:3], "en", "fr", model=tmp_path, num_beams=2)
    assert len(found) == 3
    assert "forced_bos_token_id" not in calls[0]
    assert calls[0]["num_beams"] == 2


def test_marian_with_several_targets_is_told_the_language(tmp_path, monkeypatch):
    marian(tmp_path, languages=[">>fra<<", ">>cmn_Hans<<"])
    calls = recorded(monkeypatch, MarianMTModel)
    ids = json.loads((tmp_path / "vocab.json").read_text())
    for target, piece in (("fr", ">>fra<<"), ("zh", ">>cmn_Hans<<")):
        translate(SENTENCES[:1], "en", target, model=tmp_path)
        assert calls[-1]["input_ids"][0, 0] == ids[piece]
    with pytest.raises(ModelError, match="does not write 'de'; it knows cmn_Hans, fra"):
        translate(SENTENCES[:1], "en", "de", model=tmp_path)


def test_m2m100_checkpoint_is_told_both_languages(tmp_path, monkeypatch):
    m2m100(tmp_path)
    calls = recorded(monkeypatch, M2M100ForConditionalGeneration)
    pieces = len(json.loads((tmp_path / "vocab.json").read_text()))
    found = translate(SENTENCES[:2], "en", "fr", model=tmp_path, num_beams=2)
    assert len(found) == 2
    # A random model may well write the piece again; the forced one is no part of the translation.
    written = int((calls[0]["made"] == calls[0]["forced_bos_token_id"]).sum())
    assert sum(text.count("__fr__") for text in found) <= written - 2
    first = calls[0]["input_ids"][:, 0]
    assert (first >= pieces).all(), "the source begins with its language's piece"
    assert (calls[0]["made"][:, 1] == calls[0]["forced_bos_token_id"]).all()
    translate(SENTENCES[:2], "fr", "en", model=tmp_path)
    assert (calls[1]["input_ids"][:, 0] == calls[0]["forced_bos_token_id"]).all()
    assert (calls[1]["forced_bos_token_id"] == first).all()


def test_nllb_checkpoint_gets_codes_of_language_and_script(tmp_path, monkeypatch):
    nllb(tmp_path)
    calls = recorded(monkeypatch, M2M100ForConditionalGeneration)
    tokenizer = NllbTokenizer.from_pretrained(tmp_path)
    found = translate(SENTENCES[:2], "en", "zh", model=tmp_path, num_beams=1)
    assert len(found) == 2
    assert calls[0]["forced_bos_token_id"] == tokenizer.convert_tokens_to_ids("zho_Hans") != tokenizer.unk_token_id
    assert (calls[0]["input_ids"][:, 0] == tokenizer.convert_tokens_to_ids("eng_Latn")).all()
    with pytest.raises(ModelError, match="does not know the language 'eo'"):
        translate(SENTENCES[:1], "eo", "fr", model=tmp_path)


def test_measured_results_belong_to_these_sentences_and_show_what_the_notebook_says(pairs):
    found = load_measured()["fr"]
    test = pairs[pairs["split"] == "test"]
    assert (found.sources, found.references) == (list(test["source"]), list(test["target"]))
    assert len(found.tweets_in_english) == 150
    arms = [found.systems[name] for name in ("initialized", "scratch")]
    assert all(len(runs) >= 3 for runs in arms)
    assert bootstrap_chrf(arms[0], found.references, against=arms[1]).low > 0
    initialized = np.mean([chrf(run, found.references) for run in arms[0]])
    for baseline in ("copy", "memory", "dictionary"):
        assert initialized > chrf(found.systems[baseline][0], found.references)
