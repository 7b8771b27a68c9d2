"""Models of the Hub, through the real client and `from_pretrained`, from a server on this machine."""

import json
import os
import subprocess
import sys

import huggingface_hub
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from xlft_helpers import doctor
from xlft_helpers.data import load_tweets
from xlft_helpers.errors import ModelError
from xlft_helpers.finetuning import Recipe, finetune
from xlft_helpers.inference import predict
from xlft_helpers.models import HUB_MODELS, load_model, load_tokenizer

LABELS = ["negative", "neutral", "positive"]


def few_rows(languages, split="train", number=12):
    rows = load_tweets(languages)[split]
    return rows.shuffle(seed=0).select(range(number))


@pytest.mark.parametrize("name", ["mbert", "xlmr", "some/id"])
def test_model_loads_fine_tunes_and_predicts(server, name):
    load_tokenizer(name)
    assert not server.asked("safetensors")  # a tokenizer alone needs no weights
    result = finetune(name, few_rows(["en", "fr"]), recipe=Recipe(epochs=1, batch_size=6), progress=False)
    probabilities = predict(result.model, result.tokenizer, few_rows(["de"], "test"))
    assert probabilities.shape == (12, 3)
    served = {request.path.rsplit("/", 1)[1] for request in server.requests}
    assert "model.safetensors" in served
    assert not served & {"pytorch_model.bin", "README.md"}
    before = len(server.requests)
    load_model(name, label_names=LABELS)
    assert len(server.requests) == before


def test_weights_are_those_that_were_served(server, repositories, tmp_path):
    (tmp_path / "model").mkdir()
    for name, content in repositories["some/id"].files.items():
        (tmp_path / "model" / name).write_bytes(content)
    original = AutoModelForMaskedLM.from_pretrained(tmp_path / "model").state_dict()
    loaded = load_model("some/id", "masked-lm").state_dict()
    assert loaded.keys() == original.keys()
    assert all(torch.equal(loaded[key], original[key]) for key in original)


def test_cache_is_that_of_other_programs(server, tmp_path):
    """What the course downloads, the Hub client finds without asking; and the other way round."""
    model = HUB_MODELS["mbert"]
    load_model("mbert", label_names=LABELS)
    cache = huggingface_hub.constants.HF_HUB_CACHE
    before = len(server.requests)
    found = huggingface_hub.hf_hub_download(
        model.repository, "model.safetensors", revision=model.revision, cache_dir=cache
    )
    assert found.endswith(f"{model.revision}/model.safetensors")
    assert len(server.requests) == before
    report = huggingface_hub.scan_cache_dir(cache)
    assert [repository.repo_id for repository in report.repos] == [model.repository]
    assert not report.warnings

    model = HUB_MODELS["xlmr"]
    for auto_class in (AutoTokenizer, AutoModelForMaskedLM):
        auto_class.from_pretrained(model.repository, revision=model.revision, cache_dir=cache)
    before = len(server.requests)
    load_model("xlmr", label_names=LABELS)
    load_tokenizer("xlmr")
    assert len(server.requests) == before


def test_doctor_says_which_models_are_in_the_cache(server, monkeypatch):
    load_model("mbert", label_names=LABELS)
    found = {finding.subject: finding.text for finding in doctor.examine()}
    assert found["profile"] == "full: xlmr and umsab by default"
    assert "in the cache, " in found["model: mbert"]
    assert "not in the cache yet" in found["model: xlmr"]
    monkeypatch.setenv("XLFT_PROFILE", "offline")
    assert "model: mbert" not in {finding.subject for finding in doctor.examine()}


def test_code_that_comes_with_a_model_is_neither_fetched_nor_run(server, tmp_path):
    files = server.repositories["some/id"].files
    config = json.loads(files["config.json"]) | {"model_type": "odd", "auto_map": {"AutoConfig": "code.OddConfig"}}
    files |= {"config.json": json.dumps(config).encode(), "code.py": b"raise SystemExit('this ran')"}
    with pytest.raises(ModelError, match="needs code of its own"):
        load_model("some/id", label_names=LABELS)
    assert not server.asked("code.py")


def test_command_line_compares_with_a_hub_model(server, tmp_path):
    """The settings as a user has them: environment variables that the client reads when it is imported."""
    rows = [
        {"text": text, "label": label, "language": language, "split": split}
        for language, texts in {"en": ["good day", "bad day", "so good", "so bad"], "fr": ["bon", "pas bon", "si bon", "mal"]}.items()
        for split in ("train", "dev", "test")
        for text, label in zip(texts, ["positive", "negative"] * 2, strict=True)
    ]  # fmt: skip
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    environment = os.environ | {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "home"), "XLFT_PROFILE": "full"}
    environment.pop("HF_HUB_OFFLINE")
    command = [sys.executable, "-m", "xlft_helpers", "compare", "--data", "data.jsonl", "--model", "mbert", "--seeds", "1",
               "--methods", "zero-shot", "--json", "out.json"]  # fmt: skip
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "google-bert/bert-base-multilingual-cased: downloading" in run.stderr
    assert (tmp_path / "home/hub/models--google-bert--bert-base-multilingual-cased").is_dir()
    assert "zero-shot" in (tmp_path / "out.json").read_text()
