"""The `xlft` command, called as a user would."""

import json
import os
import subprocess
import sys

import pytest

from xlft_helpers.cli import main


def xlft(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "xlft_helpers", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_help_names_the_commands():
    run = xlft("--help")
    assert run.returncode == 0
    assert all(command in run.stdout for command in ("doctor", "run", "compare"))


def test_doctor_finds_everything_here():
    run = xlft("doctor")
    assert run.returncode == 0, run.stdout
    assert "MISSING" not in run.stdout
    for subject in ("Python", "torch", "data: tweets", "model: use-m", "model: mini", "memory", "cores"):
        assert subject in run.stdout


def test_doctor_says_what_is_wrong_and_exits_with_1(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    run = xlft("doctor", XLFT_CACHE_DIR=str(blocked / "cache"))
    assert run.returncode == 1
    assert "MISSING  cache folder" in run.stdout
    assert "XLFT_CACHE_DIR" in run.stdout


def reviews(path):
    """A small table of a user's own, with labels of its own."""
    rows = ["text\tlabel\tlanguage\tsplit"]
    words = {"en": ("good", "bad"), "fr": ("bon", "mauvais")}
    for language, pair in words.items():
        for split, count in (("train", 12), ("dev", 4), ("test", 6)):
            for number in range(count):
                for label, word in zip(("5", "1"), pair, strict=True):
                    rows.append(f"{word} {split} {number} {language}\t{label}\t{language}\t{split}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_compare_on_a_users_own_table_writes_json_and_figure(tmp_path, capsys):
    table = reviews(tmp_path / "reviews.tsv")
    code = main(
        [
            "compare", "--data", str(table), "--label-map", "1=negative", "5=positive", "--methods", "zero-shot", "merged",
            "--seeds", "1", "--json", str(tmp_path / "out.json"), "--figure", str(tmp_path / "out.png"),
            "--report", str(tmp_path / "out.html"),
        ]
    )  # fmt: skip
    assert code == 0
    printed = capsys.readouterr().out
    assert "mean of targets" in printed
    assert "distinguishable" in printed
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert {run["test_language"] for run in written["runs"]} == {"en", "fr"}
    assert written["settings"]["labels"] == ["negative", "positive"]
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--data", "nowhere.tsv"], "nowhere.tsv"),
        (["compare", "--model", "no-such-model", "--methods", "zero-shot", "--seeds", "1"], "no-such-model"),
        (["compare", "--methods", "zeroshot"], "zero-shot"),
        (["compare", "--json", "no/such/folder/out.json"], "does not exist"),
        (["compare", "--report", "no/such/folder/out.html"], "does not exist"),
        (["compare", "--label-map", "1"], "NAME=LABEL"),
        (["compare", "--source", "eng"], "eng"),
        (["run", "99"], "99"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("xlft: ")
    assert message in error
    assert "Traceback" not in error


def test_pretrain_writes_a_model_that_loads_and_goes_on(tmp_path, capsys):
    corpus = tmp_path / "corpus.jsonl"
    rows = [{"en": f"Save file {n} now.", "fr": f"Enregistrez le fichier {n} maintenant."} for n in range(30)]
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = [
        "pretrain", "--corpus", str(corpus), "--output-dir", str(tmp_path / "run"), "--objectives", "mlm", "tlm",
        "--from-scratch", "--layers", "1", "--hidden", "32", "--steps", "4", "--batch-tokens", "256",
    ]  # fmt: skip
    assert main(arguments) == 0
    assert "perplexity" in capsys.readouterr().out
    from xlft_helpers.models import load_model, load_tokenizer

    folder = str(tmp_path / "run" / "model")
    assert load_model(folder, "masked-lm").config.num_hidden_layers == 1
    assert len(load_tokenizer(folder)) == 16_000
    assert main([*arguments[:-3], "6", *arguments[-2:]]) == 0  # two steps more
    assert sorted(path.name for path in (tmp_path / "run").glob("step-*")) == ["step-000004", "step-000006"]


def test_pretrain_on_bad_input_is_one_line(tmp_path, capsys):
    for content, objective, message in (
        ("", "mlm", "corpus is empty"),
        ('{"en": "one language"}\n', "tlm", "two languages"),
        ('{"en": "cut', "mlm", "line 1: not JSON"),
    ):
        corpus = tmp_path / "corpus.jsonl"
        corpus.write_text(content, encoding="utf-8")
        code = main(
            ["pretrain", "--corpus", str(corpus), "--output-dir", str(tmp_path / "x"), "--objectives", objective]
        )
        assert code == 2
        assert message in capsys.readouterr().err
