"""Streams of batches: complete, short on padding, the same again from any position, and clear about bad input."""

import json
from collections import Counter
from itertools import islice

import pytest
import torch

from xlft_helpers.errors import DataError
from xlft_helpers.pretraining import JsonLines, check_corpus
from xlft_helpers.pretraining import corpus as corpus_module
from xlft_helpers.pretraining.corpus import Position, batches

SETTINGS = {"pairs": False, "max_length": 16, "batch_tokens": 200, "seed": 0}


def one_pass(corpus, tokenizer, **changes):
    found = []
    for batch, position in batches(corpus, tokenizer, **SETTINGS | changes):
        if position.epoch:
            return found
        found.append(batch)
    return found


def texts_of(batch, tokenizer):
    return [tokenizer.decode(ids, skip_special_tokens=True) for ids in batch.input_ids]


def test_a_pass_has_every_text_once(rows, tokenizer):
    seen = Counter(text for batch in one_pass(rows, tokenizer) for text in texts_of(batch, tokenizer))
    assert seen == Counter(text for row in rows for text in row.values())


def test_a_batch_keeps_the_budget_and_wastes_little(rows, tokenizer):
    found = one_pass(rows, tokenizer)
    assert max(batch.input_ids.numel() for batch in found) <= 200
    pieces = sum(int(batch.attention_mask.sum()) for batch in found)
    assert pieces / sum(batch.input_ids.numel() for batch in found) > 0.8


def test_rows_and_languages_belong_to_the_texts(rows, tokenizer):
    for batch in one_pass(rows, tokenizer):
        for text, row, spoken in zip(texts_of(batch, tokenizer), batch.rows.tolist(), batch.language_ids, strict=True):
            assert rows[row][batch.languages[spoken[0]]] == text


def test_pairs_join_two_languages_of_a_row_with_positions_from_zero_in_both(rows, tokenizer):
    for batch in one_pass(rows, tokenizer, pairs=True):
        for i, row in enumerate(batch.rows.tolist()):
            length = int(batch.attention_mask[i].sum())
            ids, kinds = batch.input_ids[i, :length], batch.token_type_ids[i, :length]
            languages = [batch.languages[k] for k in batch.language_ids[i, [0, length - 1]].tolist()]
            assert languages[0] != languages[1]
            expected = tokenizer(*[rows[row][language] for language in languages])
            assert ids.tolist() == expected["input_ids"]
            assert kinds.tolist() == expected["token_type_ids"]
            first = int((kinds == 0).sum())
            assert batch.position_ids[i, :length].tolist() == [*range(first), *range(length - first)]


def test_a_text_is_in_one_pair_at_most(rows, tokenizer):
    used = Counter()
    for batch in one_pass(rows, tokenizer, pairs=True):
        for i, row in enumerate(batch.rows.tolist()):
            for language in set(batch.language_ids[i][batch.attention_mask[i] == 1].tolist()):
                used[row, batch.languages[language]] += 1
    assert set(used.values()) == {1}
    assert len(used) == 2 * len(rows)  # three languages make one pair a row


def test_language_embeddings_put_the_language_into_the_token_types(rows, tokenizer):
    for batch in one_pass(rows, tokenizer, pairs=True, language_embeddings=("de", "en", "fr")):
        names = [["de", "en", "fr"].index(language) for language in batch.languages]
        wanted = torch.tensor(names)[batch.language_ids]
        assert torch.equal(batch.token_type_ids * batch.attention_mask, wanted * batch.attention_mask)


def test_words_are_numbered_through_both_texts(tokenizer):
    (batch,) = one_pass([{"en": "en1 en2", "fr": "fr1 fr2"}], tokenizer, pairs=True)
    assert batch.word_ids.tolist() == [[-1, 0, 1, -1, 2, 3, -1]]


def test_long_texts_are_cut(rows, tokenizer):
    assert max(batch.input_ids.shape[1] for batch in one_pass(rows, tokenizer, max_length=8)) == 8


@pytest.mark.parametrize("pairs", [False, True])
def test_a_stream_goes_on_from_any_position_as_it_would_have(rows, tokenizer, monkeypatch, pairs):
    monkeypatch.setattr(corpus_module, "BUFFER_ROWS", 25)  # three buffers a pass
    whole = list(islice(batches(rows, tokenizer, **SETTINGS | {"pairs": pairs}), 40))
    assert whole[-1][1].epoch >= 1
    for start in (0, 3, 17, 30):
        rest = batches(rows, tokenizer, **SETTINGS | {"pairs": pairs}, position=whole[start][1])
        for (batch, position), (expected, expected_position) in zip(rest, whole[start + 1 :], strict=False):
            assert position == expected_position
            assert torch.equal(batch.input_ids, expected.input_ids)


def test_passes_and_seeds_differ(rows, tokenizer):
    def first(seed, epoch):
        stream = batches(rows, tokenizer, **SETTINGS | {"seed": seed}, position=Position(epoch))
        return next(stream)[0].input_ids

    assert torch.equal(first(0, 0), first(0, 0))
    assert not torch.equal(first(0, 0), first(0, 1))
    assert not torch.equal(first(0, 0), first(1, 0))


def test_a_file_gives_the_rows_of_a_list(rows, tokenizer, tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert list(JsonLines(path)) == rows
    assert list(JsonLines(path)) == list(JsonLines(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"en": "a"}\n{"en": "b', r"line 2: not JSON .*cut short"),
        ('["a"]\n', r"line 1: expected an object"),
        ('{"en": 1}\n', r"line 1: expected an object"),
    ],
)
def test_a_bad_line_is_named(tmp_path, content, message):
    path = tmp_path / "corpus.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        list(JsonLines(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no corpus file .*none\.jsonl"):
        JsonLines(tmp_path / "none.jsonl")


@pytest.mark.parametrize("empty", [[], [{}], [{"en": "  "}]])
def test_an_empty_corpus_is_refused(tokenizer, empty):
    with pytest.raises(DataError, match="corpus is empty"):
        check_corpus(empty, tokenizer, pairs=False)


def test_one_language_is_refused_for_translation_only(tokenizer):
    single = [{"en": "en1 en2"}, {"fr": "fr1"}]
    assert check_corpus(single, tokenizer, pairs=False) == ["en", "fr"]
    with pytest.raises(DataError, match=r"two languages; every row here has one \(en, fr\)"):
        check_corpus(single, tokenizer, pairs=True)


def test_a_language_that_the_tokenizer_does_not_know_is_refused(tokenizer):
    with pytest.raises(DataError, match=r"does not know 'ja': 100% of its pieces are unknown"):
        check_corpus([{"en": "en1 en2", "ja": "これ は ペン です"}], tokenizer, pairs=False)


def test_a_name_instead_of_a_language_code_is_refused(tokenizer):
    with pytest.raises(DataError, match="'English' is not an ISO 639-1 language code"):
        check_corpus([{"English": "en1"}], tokenizer, pairs=False)


def test_a_pass_without_any_input_ends_with_an_error(tokenizer):
    with pytest.raises(DataError, match="nothing to train on"):
        next(batches([{"en": "en1"}], tokenizer, **SETTINGS | {"pairs": True}))
