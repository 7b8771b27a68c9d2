"""Vocabulary trimming on the layouts of mBERT, XLM-R and XLM: the same pieces, bit-identical logits, clear refusals."""

import json
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    CanineTokenizer,
    PreTrainedTokenizerFast,
    XLMConfig,
    XLMForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForSequenceClassification,
    XLMTokenizer,
    XLMWithLMHeadModel,
)

from xlft_helpers.errors import DataError, ModelError
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.models.trimming import Coverage, coverage, trim_vocabulary
from xlft_helpers.models.trimming.vocabulary import read_vocabulary

CORPUS = [
    "the weather is lovely today and the garden smells of rain",
    "das Wetter ist heute herrlich und der Garten riecht nach Regen",
    "il fait beau aujourd'hui et le jardin sent bon la pluie",
    "сегодня прекрасная погода и сад пахнет дождём",
    "今天 天气 很好 花园 里 有 雨 的 味道",
    "आज मौसम अच्छा है और बगीचा महक रहा है",
    "internationalisation localisation nationalism rationalised traditional",
] * 3
"""What the tokenizers are trained on."""

COVERED = [
    "Das Wetter ist heute herrlich!",
    "le jardin sent bon, aujourd'hui",
    "नमस्ते मौसम 🌧️ nationalisation",
    "zzzqqq §§ Wetter",
]
"""What the models are trimmed to: known words, words in small pieces, and characters that no tokenizer has seen."""

UNCOVERED = "сегодня прекрасная погода"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
XLMR_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
BERT_NAMES = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}  # fmt: skip
XLMR_NAMES = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}  # fmt: skip


def wrapped(backend: Tokenizer, names: dict[str, str]) -> PreTrainedTokenizerFast:
    """The backend with start and end tokens, as a `transformers` tokenizer."""
    start, end = names["cls_token"], names["sep_token"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B {end}",
        special_tokens=[(start, backend.token_to_id(start)), (end, backend.token_to_id(end))],
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def word_piece() -> PreTrainedTokenizerFast:
    """BERT's kind, with unused pieces before the special ones as in mBERT."""
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    unused = [f"[unused{i}]" for i in range(1, 9)]
    backend.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[PAD]", *unused]))
    state = json.loads(backend.to_str())
    state["added_tokens"] = []
    for name in SPECIAL[1:]:
        state["model"]["vocab"][name] = len(state["model"]["vocab"])
    backend = Tokenizer.from_str(json.dumps(state))
    backend.add_special_tokens(SPECIAL)
    return wrapped(backend, BERT_NAMES)


def unigram(byte_fallback: bool) -> PreTrainedTokenizerFast:
    """XLM-R's kind, ``<mask>`` last."""
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.train_from_iterator(
        CORPUS, trainers.UnigramTrainer(vocab_size=350, special_tokens=XLMR_SPECIAL, unk_token="<unk>")
    )
    state = json.loads(backend.to_str())
    if byte_fallback:
        state["model"]["vocab"] += [[f"<0x{byte:02X}>", 0.0] for byte in range(256)]
        state["model"]["byte_fallback"] = True
    backend = Tokenizer.from_str(json.dumps(state))
    backend.add_special_tokens(["<mask>"])  # an added token that the Unigram model does not know
    return wrapped(backend, XLMR_NAMES)


def bpe(byte_level: bool) -> PreTrainedTokenizerFast:
    """GPT-2's and RoBERTa's kind, or Llama's with bytes to fall back on."""
    backend = Tokenizer(models.BPE(unk_token=None if byte_level else "<unk>", byte_fallback=not byte_level))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel() if byte_level else pre_tokenizers.Metaspace()
    backend.decoder = decoders.ByteLevel() if byte_level else decoders.Metaspace()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if byte_level else []
    tokens = XLMR_SPECIAL if byte_level else [*XLMR_SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(
        vocab_size=len(tokens) + 600, special_tokens=[*tokens, "<mask>"], initial_alphabet=alphabet
    )
    backend.train_from_iterator(CORPUS, trainer)
    if not byte_level:  # bytes are pieces, not special tokens
        state = json.loads(backend.to_str())
        state["added_tokens"] = [token for token in state["added_tokens"] if not token["content"].startswith("<0x")]
        backend = Tokenizer.from_str(json.dumps(state))
    return wrapped(backend, XLMR_NAMES)


def xlm_tokenizer(folder) -> XLMTokenizer:
    """XLM's own tokenizer in Python, with Moses' rules for words."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    specials = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{i}>" for i in range(10))]
    backend.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=600, special_tokens=specials, end_of_word_suffix="</w>")
    )
    model = json.loads(backend.to_str())["model"]
    # As in the real files, some merges make pieces that are not in the vocabulary.
    pieces = sorted(model["vocab"], key=model["vocab"].__getitem__)[:-20]
    vocabulary = {piece: i for i, piece in enumerate(reversed(pieces))}  # special tokens last, so that their ids change
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = "".join(f"{left} {right} 1\n" for left, right in model["merges"])
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    return XLMTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), do_lowercase_and_remove_accent=False)


TOKENIZERS = {
    "WordPiece": word_piece,
    "Unigram": lambda: unigram(byte_fallback=False),
    "Unigram with bytes": lambda: unigram(byte_fallback=True),
    "byte-level BPE": lambda: bpe(byte_level=True),
    "BPE with bytes": lambda: bpe(byte_level=False),
}


@pytest.fixture(scope="module")
def trained():
    """Every kind of tokenizer, trained once."""
    return {name: make() for name, make in TOKENIZERS.items()}


def bert(tokenizer, model_class, **options):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        pad_token_id=tokenizer.pad_token_id, num_labels=3, **options,
    )  # fmt: skip
    return fill_biases(model_class(config).eval())


def xlmr(tokenizer, model_class, **options):
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=130, type_vocab_size=1, num_labels=3, **options,
    )  # fmt: skip
    return fill_biases(model_class(config).eval())


def xlm(tokenizer, model_class, **options):
    torch.manual_seed(0)
    config = XLMConfig(
        vocab_size=len(tokenizer), emb_dim=32, n_layers=2, n_heads=4, n_langs=3, use_lang_emb=True,
        lang2id={"en": 0, "fr": 1, "de": 2}, num_labels=3,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.sep_token_id,
        unk_index=tokenizer.unk_token_id, mask_index=tokenizer.mask_token_id, **options,
    )  # fmt: skip
    return fill_biases(model_class(config).eval())


def fill_biases(model):
    """Fresh biases are zero, so a bias that stayed behind would not be noticed."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    return model


def logits_of(model, tokenizer, texts, **inputs):
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model(**encoded, **inputs).logits, encoded["input_ids"]


def check_identical(model, tokenizer, trimmed, texts, folder, task, **inputs):
    """Pieces and logits are those of the original, before and after a round trip through a folder."""
    before, ids = logits_of(model, tokenizer, texts, **inputs)
    trimmed.model.save_pretrained(folder)
    trimmed.tokenizer.save_pretrained(folder)
    loaded = load_model(str(folder), task), load_tokenizer(str(folder))
    # `load_model` chooses the attention that is fast on this machine; bits are equal only where the same one computes.
    loaded[0].set_attn_implementation(model.config._attn_implementation)
    if isinstance(loaded[1], XLMTokenizer):
        loaded[1].language_ids = {}  # the test gives the languages itself
    for smaller, its_tokenizer in [(trimmed.model, trimmed.tokenizer), loaded]:
        after, new_ids = logits_of(smaller, its_tokenizer, texts, **inputs)
        assert torch.equal(trimmed.kept_ids[new_ids], ids)
        assert its_tokenizer.convert_ids_to_tokens(new_ids[0]) == tokenizer.convert_ids_to_tokens(ids[0])
        assert torch.equal(after, before[..., trimmed.kept_ids] if task == "masked-lm" else before)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_pieces_map_back_and_special_tokens_stay(trained, kind):
    tokenizer = trained[kind]
    trimmed = trim_vocabulary(xlmr(tokenizer, XLMRobertaForSequenceClassification), tokenizer, COVERED)
    assert trimmed.report.pieces_after == len(trimmed.tokenizer) < len(tokenizer)
    assert trimmed.tokenizer.all_special_tokens == tokenizer.all_special_tokens
    assert tokenizer.convert_ids_to_tokens(trimmed.kept_ids) == trimmed.tokenizer.convert_ids_to_tokens(
        range(len(trimmed.tokenizer))
    )
    for text in COVERED:
        assert trimmed.kept_ids[trimmed.tokenizer(text)["input_ids"]].tolist() == tokenizer(text)["input_ids"]
        assert trimmed.tokenizer.decode(trimmed.tokenizer(text)["input_ids"]) == tokenizer.decode(
            tokenizer(text)["input_ids"]
        )


@pytest.fixture(scope="module")
def trimmed_tokenizers(trained):
    return {
        kind: trim_vocabulary(xlmr(tokenizer, XLMRobertaForSequenceClassification), tokenizer, COVERED)
        for kind, tokenizer in trained.items()
    }


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.sampled_from(" ".join(COVERED).split()), max_size=12), kind=st.sampled_from(list(TOKENIZERS)))
def test_any_text_of_covered_words_has_the_same_pieces(trained, trimmed_tokenizers, words, kind):
    text, trimmed = " ".join(words), trimmed_tokenizers[kind]
    assert trimmed.kept_ids[trimmed.tokenizer(text)["input_ids"]].tolist() == trained[kind](text)["input_ids"]


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_mbert_layout_is_bit_identical(trained, tmp_path, tied):
    tokenizer = trained["WordPiece"]
    model = bert(tokenizer, BertForMaskedLM, tie_word_embeddings=tied)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    assert (trimmed.model.cls.predictions.decoder.weight is trimmed.model.get_input_embeddings().weight) == tied
    assert trimmed.model.config.pad_token_id == trimmed.tokenizer.pad_token_id
    check_identical(model, tokenizer, trimmed, COVERED, tmp_path, "masked-lm")


def test_mbert_classifier_is_bit_identical(trained, tmp_path):
    tokenizer = trained["WordPiece"]
    model = bert(tokenizer, BertForSequenceClassification)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    check_identical(model, tokenizer, trimmed, COVERED, tmp_path, "sequence-classification")


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kind", ["Unigram", "Unigram with bytes", "byte-level BPE", "BPE with bytes"])
def test_xlmr_layout_is_bit_identical(trained, tmp_path, kind, tied):
    tokenizer = trained[kind]
    model = xlmr(tokenizer, XLMRobertaForMaskedLM, tie_word_embeddings=tied)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    check_identical(model, tokenizer, trimmed, COVERED, tmp_path, "masked-lm")


def test_xlmr_classifier_is_bit_identical(trained, tmp_path):
    tokenizer = trained["Unigram"]
    model = xlmr(tokenizer, XLMRobertaForSequenceClassification)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    check_identical(model, tokenizer, trimmed, COVERED, tmp_path, "sequence-classification")


def test_positions_stay_where_the_padding_id_moves_them(trained, tmp_path):
    """XLM-R counts positions from the padding's id; here that is not the second one, as it is in the real files."""
    tokenizer = trained["WordPiece"]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, **BERT_NAMES | {"pad_token": "[unused8]"})  # fmt: skip
    assert tokenizer.pad_token_id == 8
    model = xlmr(tokenizer, XLMRobertaForSequenceClassification, pad_token_id=8)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    assert trimmed.tokenizer.pad_token_id == 8
    check_identical(model, tokenizer, trimmed, COVERED, tmp_path, "sequence-classification")


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_xlm_layout_with_its_own_tokenizer_is_bit_identical(tmp_path, tied):
    tokenizer = xlm_tokenizer(tmp_path)
    model = xlm(tokenizer, XLMWithLMHeadModel, tie_word_embeddings=tied)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    assert len(trimmed.tokenizer) < len(tokenizer)
    config = trimmed.model.config
    assert (config.mask_index, config.unk_index) == (trimmed.tokenizer.mask_token_id, trimmed.tokenizer.unk_token_id)
    ids = tokenizer(COVERED, padding=True, return_tensors="pt")["input_ids"]
    langs = torch.full_like(ids, 2)
    check_identical(model, tokenizer, trimmed, COVERED, tmp_path / "saved", "masked-lm", langs=langs)


def test_xlm_classifier_is_bit_identical(tmp_path):
    tokenizer = xlm_tokenizer(tmp_path)
    model = xlm(tokenizer, XLMForSequenceClassification)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    check_identical(model, tokenizer, trimmed, COVERED, tmp_path / "saved", "sequence-classification")


def test_trimmed_model_trains_to_the_same_loss(trained):
    tokenizer = trained["WordPiece"]
    model = bert(tokenizer, BertForSequenceClassification, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    losses = []
    for each, its_tokenizer in [(model, tokenizer), (trimmed.model, trimmed.tokenizer)]:
        encoded = its_tokenizer(COVERED, padding=True, return_tensors="pt")
        optimizer = torch.optim.SGD(each.parameters(), lr=0.1)
        for _ in range(3):
            loss = each(**encoded, labels=torch.tensor([0, 1, 2, 0])).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_original_stays_as_it_is(trained):
    tokenizer = trained["Unigram"]
    model = xlmr(tokenizer, XLMRobertaForSequenceClassification)
    model.get_input_embeddings().requires_grad_(False)
    vocabulary, weights = tokenizer.get_vocab(), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    with torch.no_grad():
        for parameter in trimmed.model.parameters():
            parameter.zero_()
    assert tokenizer.get_vocab() == vocabulary
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    assert not trimmed.model.get_input_embeddings().weight.requires_grad
    assert trimmed.model.classifier.out_proj.weight.requires_grad


def test_report_counts_what_pytorch_counts(trained):
    tokenizer = trained["WordPiece"]
    model = bert(tokenizer, BertForMaskedLM)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    report = trimmed.report
    assert report.parameters_before == sum(parameter.numel() for parameter in model.parameters())
    assert report.parameters_after == sum(parameter.numel() for parameter in trimmed.model.parameters())
    dropped = report.pieces_before - report.pieces_after
    assert report.parameters_before - report.parameters_after == dropped * (32 + 1)  # a row and a bias, tied once
    assert report.megabytes_before == pytest.approx(report.parameters_before * 4 / 1e6)


def test_word_that_became_unknown_stays_unknown():
    """`play` matches first and then nothing does; without `play`, `pl` and `##aysing` would match."""
    pieces = [*SPECIAL, "play", "pl", "##aysing", "##s", "a", "x"]
    backend = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.add_special_tokens(SPECIAL)
    tokenizer = wrapped(backend, BERT_NAMES)
    assert tokenizer.tokenize("playsing") == ["[UNK]"]
    trimmed = trim_vocabulary(
        bert(tokenizer, BertForSequenceClassification), tokenizer, ["playsing a"], keep=["pl", "##aysing"]
    )
    assert trimmed.tokenizer.tokenize("playsing") == ["[UNK]"]
    assert "x" not in trimmed.tokenizer.get_vocab()


def test_unknown_characters_keep_their_price_in_unigram():
    """Of two ways, `ab` + `cd` and unknown `a` + `bcd`, the rarest piece of the vocabulary decides."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("ab", -16.0), ("cd", -16.0), ("bcd", -3.0), ("rare", -20.0), ("x", -2.0)]  # fmt: skip
    backend = Tokenizer(models.Unigram(pieces, unk_id=3))
    backend.add_special_tokens([*XLMR_SPECIAL, "<mask>"])
    tokenizer = wrapped(backend, XLMR_NAMES)
    assert tokenizer.tokenize("abcd") == ["ab", "cd"]
    trimmed = trim_vocabulary(xlmr(tokenizer, XLMRobertaForSequenceClassification), tokenizer, ["abcd"], keep=["bcd"])
    assert trimmed.tokenizer.tokenize("abcd") == ["ab", "cd"]
    assert "x" not in trimmed.tokenizer.get_vocab()


def test_bpe_keeps_the_merges_in_between(trained):
    tokenizer = trained["byte-level BPE"]
    word = max(tokenizer.tokenize("internationalisation"), key=len)
    trimmed = trim_vocabulary(xlmr(tokenizer, XLMRobertaForSequenceClassification), tokenizer, ["internationalisation"])
    vocabulary = read_vocabulary(trimmed.tokenizer)
    assert len(word) > 4
    assert word in vocabulary.with_parts([word])
    assert all(set(merge) <= vocabulary.ids.keys() for merge in vocabulary.merges)
    assert trimmed.tokenizer.tokenize("internationalisation") == tokenizer.tokenize("internationalisation")
    assert set(pre_tokenizers.ByteLevel.alphabet()) <= vocabulary.ids.keys()


def test_bytes_to_fall_back_on_stay(trained, trimmed_tokenizers):
    for kind in ("Unigram with bytes", "BPE with bytes"):
        assert trimmed_tokenizers[kind].tokenizer.tokenize("☃")[-3:] == ["<0xE2>", "<0x98>", "<0x83>"]


def test_uncovered_text_is_counted_with_a_warning(trained, trimmed_tokenizers):
    tokenizer, trimmed = trained["Unigram"], trimmed_tokenizers["Unigram"].tokenizer
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert coverage(tokenizer, trimmed, COVERED) == Coverage(
            texts=4, texts_changed=0, pieces=sum(len(tokenizer.tokenize(text)) for text in COVERED),
            pieces_lost=0, pieces_unknown=0,
        )  # fmt: skip
    with pytest.warns(UserWarning, match=r"1 of 2 texts hold pieces that were trimmed away.*became unknown"):
        found = coverage(tokenizer, trimmed, iter([COVERED[0], UNCOVERED]))
    assert found.texts_changed == 1
    assert found.pieces_unknown >= 3
    known = len(tokenizer.tokenize(COVERED[0]))
    assert found.share == pytest.approx(1 - found.pieces_lost / found.pieces)
    assert known / found.pieces <= found.share < 1


def test_new_words_in_known_letters_are_split_finer(trained, trimmed_tokenizers):
    for kind in ("WordPiece", "Unigram", "BPE with bytes"):
        tokenizer = trimmed_tokenizers[kind].tokenizer
        assert tokenizer.unk_token not in tokenizer.convert_ids_to_tokens(tokenizer("denis Werte")["input_ids"]), kind


def test_kept_pieces_are_kept(trained):
    tokenizer = trained["Unigram"]
    piece = next(piece for piece in tokenizer.tokenize(UNCOVERED) if len(piece) > 1)
    model = xlmr(tokenizer, XLMRobertaForSequenceClassification)
    assert piece not in trim_vocabulary(model, tokenizer, COVERED).tokenizer.get_vocab()
    assert piece in trim_vocabulary(model, tokenizer, COVERED, keep=[piece]).tokenizer.get_vocab()
    with pytest.raises(ModelError, match="'no such piece'"):
        trim_vocabulary(model, tokenizer, COVERED, keep=["no such piece"])


def test_texts_are_streamed_and_whole(trained):
    """A generator is read once, and a tokenizer that cuts texts off does not hide their ends."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained["Unigram"].backend_tokenizer, **XLMR_NAMES)
    tokenizer.backend_tokenizer.enable_truncation(4)
    model = xlmr(tokenizer, XLMRobertaForSequenceClassification)
    streamed = trim_vocabulary(model, tokenizer, (text for text in COVERED))
    assert torch.equal(streamed.kept_ids, trim_vocabulary(model, trained["Unigram"], COVERED).kept_ids)


@pytest.mark.parametrize("texts", [[], ["", "  "], iter(()), ["☃☃"]], ids=["none", "empty", "no stream", "unknown"])
def test_empty_vocabulary_is_refused(trained, texts):
    tokenizer = trained["WordPiece"]
    with pytest.raises(DataError, match="vocabulary would be empty"):
        trim_vocabulary(bert(tokenizer, BertForSequenceClassification), tokenizer, texts)


def test_what_is_no_text_is_refused(trained):
    tokenizer = trained["WordPiece"]
    model = bert(tokenizer, BertForSequenceClassification)
    with pytest.raises(DataError, match="one string"):
        trim_vocabulary(model, tokenizer, "das Wetter")
    with pytest.raises(DataError, match="Text number 1 is None"):
        trim_vocabulary(model, tokenizer, ["das Wetter", None])
    with pytest.raises(DataError, match="No texts"):
        coverage(tokenizer, tokenizer, [])


def test_model_and_tokenizer_that_do_not_belong_together_are_refused(trained):
    model = bert(trained["WordPiece"], BertForSequenceClassification)
    with pytest.raises(ModelError, match=r"table has \d+ rows and the tokenizer [\d,]+ pieces"):
        trim_vocabulary(model, load_tokenizer("mini"), COVERED)
    with pytest.raises(ModelError, match=r"16,000 rows"):
        trim_vocabulary(load_model("mini", "embedding"), trained["WordPiece"], COVERED)
    model.config.eos_token_id = 90_000
    with pytest.raises(ModelError, match=r"\[90000\]"):
        trim_vocabulary(model, trained["WordPiece"], COVERED)


def test_table_with_rows_to_spare_is_trimmed(trained, tmp_path):
    tokenizer = trained["WordPiece"]
    model = bert(tokenizer, BertForSequenceClassification)
    model.resize_token_embeddings(512)
    trimmed = trim_vocabulary(model, tokenizer, COVERED)
    check_identical(model, tokenizer, trimmed, COVERED, tmp_path, "sequence-classification")


def test_model_with_more_than_its_configuration_says_is_refused(trained):
    tokenizer = trained["WordPiece"]
    model = bert(tokenizer, BertForSequenceClassification)
    model.adapter = torch.nn.Linear(2, 2)
    with pytest.raises(ModelError, match="remove adapters"):
        trim_vocabulary(model, tokenizer, COVERED)


def test_other_tokenizers_are_refused(trained, tmp_path):
    word_level = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate([*SPECIAL, "a"])}, unk_token="[UNK]"))
    tokenizer = wrapped(word_level, BERT_NAMES)
    with pytest.raises(ModelError, match="WordLevel cannot be trimmed"):
        trim_vocabulary(bert(tokenizer, BertForSequenceClassification), tokenizer, ["a"])
    with pytest.raises(ModelError, match="CanineTokenizer is a tokenizer in Python"):
        trim_vocabulary(bert(tokenizer, BertForSequenceClassification), CanineTokenizer(), ["a"])


@pytest.mark.parametrize("task", ["masked-lm", "sequence-classification"])
def test_mini_is_bit_identical(tmp_path, task):
    labels = None if task == "masked-lm" else ["no", "yes"]
    model, tokenizer = load_model("mini", task, label_names=labels), load_tokenizer("mini")
    trimmed = trim_vocabulary(model, tokenizer, COVERED + CORPUS)
    assert trimmed.report.pieces_after < 500
    check_identical(model, tokenizer, trimmed, COVERED + CORPUS, tmp_path, task)


@pytest.mark.parametrize("trainable", [False, True], ids=["quantized", "float"])
def test_use_m_is_bit_identical(tmp_path, trainable):
    """The quantized table scales row r by the remainder of r by 17, so ids keep their remainders."""
    model = load_model("use-m", label_names=["no", "yes"], trainable_embeddings=trainable, lexical_expert=True)
    torch.nn.init.normal_(model.lexical.scores.weight)
    tokenizer = load_tokenizer("use-m")
    trimmed = trim_vocabulary(model, tokenizer, COVERED + CORPUS)
    assert trimmed.report.pieces_after < 12_000
    assert len(trimmed.tokenizer) == trimmed.model.config.table_rows == trimmed.report.pieces_after
    check_identical(model, tokenizer, trimmed, [*COVERED, *CORPUS, ""], tmp_path, "sequence-classification")
    # Its characters all stay, so that other text is split finer and nothing becomes unknown.
    with pytest.warns(UserWarning, match="0 became unknown"):
        coverage(tokenizer, trimmed.tokenizer, ["Bardzo ładnie, 素敵な庭ですね, так тихо вечером"])
