"""Tokenization with a tiny tokenizer whose pieces can be counted by hand."""

from pathlib import Path

import pytest
from datasets import Dataset
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from xlft_helpers.data import character_coverage, tokenization, tokenize, tokenizer_report
from xlft_helpers.errors import DataError


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """One piece a character, spaces aside; knows a to e and 好; adds a start and an end piece."""
    vocabulary = {piece: number for number, piece in enumerate(["<pad>", "<unk>", "<s>", "</s>", *"abcde", "好"])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), behavior="isolated")]
    )
    inner.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


def test_tokenize_adds_ids_and_lengths_and_cuts(tokenizer):
    rows = Dataset.from_dict({"text": ["ab c", "", "好x"], "id": ["1", "2", "3"]})
    tokenized = tokenize(rows, tokenizer, max_length=4)
    assert tokenized["input_ids"][:] == [[2, 4, 5, 3], [2, 3], [2, 9, 1, 3]]
    assert tokenized["attention_mask"][:] == [[1] * 4, [1] * 2, [1] * 4]
    assert tokenized["length"][:] == [4, 2, 4]
    assert tokenized["id"][:] == ["1", "2", "3"]
    assert tokenize(rows, tokenizer)["length"][0] == 5


def test_many_rows_are_kept_in_a_file_that_does_not_outlive_the_process(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setenv("XLFT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tokenization, "KEPT_IN_MEMORY", 2)
    tokenization._scratch.cache_clear()
    rows = Dataset.from_dict({"text": ["ab c", "", "好x"]})
    on_disk = tokenize(rows, tokenizer)
    assert [Path(file["filename"]).parent.parent for file in on_disk.cache_files] == [tmp_path / "scratch"]
    assert on_disk["input_ids"][:] == [[2, 4, 5, 6, 3], [2, 3], [2, 9, 1, 3]]
    del on_disk
    tokenization._scratch().cleanup()  # what the end of the process does
    tokenization._scratch.cache_clear()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_report_counts_pieces_per_word_or_per_character(tokenizer):
    rows = Dataset.from_dict(
        {
            "text": ["ab cde", "好好 x", "a xx", "好a"],
            "language": ["en", "zh", "en", "zh"],
        }
    )
    report = tokenizer_report(rows, tokenizer, max_length=6).set_index("language")
    english, chinese = report.loc["en"], report.loc["zh"]
    assert (english["unit"], chinese["unit"]) == ("word", "character")
    assert english["fertility"] == pytest.approx(8 / 4)
    assert chinese["fertility"] == pytest.approx(5 / 5)
    assert (english["pieces"], chinese["pieces"]) == (4 + 2, 2.5 + 2)
    assert (english["truncated"], chinese["truncated"]) == (0.5, 0)
    assert english["unknown"] == pytest.approx(2 / 8)
    assert chinese["unknown"] == pytest.approx(1 / 5)
    assert report.index.tolist() == ["en", "zh"]


def test_character_coverage_counts_occurrences_and_leaves_out_white_space(tokenizer):
    assert character_coverage(["ab x", "\t好好\n"], tokenizer) == pytest.approx(4 / 5)
    assert character_coverage(["xyz"], tokenizer) == 0


def test_bytes_cover_every_character():
    assert character_coverage(["crème 火车 ट्रेन 🙄"], ByT5Tokenizer()) == 1


def test_character_coverage_needs_a_character(tokenizer):
    with pytest.raises(DataError, match="at least one text"):
        character_coverage(["", " \n"], tokenizer)
