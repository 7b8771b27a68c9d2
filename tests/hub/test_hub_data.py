"""The benchmarks of the full profile, through the real client, from a server on this machine."""

from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.parquet_folders import write_massive, write_panx
from xlft_helpers.data import languages_of, load_massive
from xlft_helpers.data.massive import MASSIVE
from xlft_helpers.errors import DownloadError
from xlft_helpers.tasks.extraction import load_panx
from xlft_helpers.tasks.extraction.panx import PANX

from .conftest import serving
from .server import Fault, Repository


@pytest.fixture
def folders(tmp_path):
    return {
        MASSIVE.repository: write_massive(tmp_path / "massive", ("de-DE", "en-US")),
        PANX.repository: write_panx(tmp_path / "panx"),
    }


@pytest.fixture
def server(folders, monkeypatch, tmp_path):
    served = {}
    for source in (MASSIVE, PANX):
        folder: Path = folders[source.repository]
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}
        served[source.repository] = Repository(files, commit=source.commit, references=())
    with serving(served, monkeypatch, tmp_path) as running:
        yield running


def test_only_the_languages_that_are_asked_for_arrive_and_are_kept(server, folders, monkeypatch, capsys):
    data = load_massive(["en"])
    assert "AmazonScience/massive: downloading 3 files, at most about 1 MB" in capsys.readouterr().err
    assert languages_of(data) == ["en"]
    assert not server.asked("de-DE")
    local = load_massive(["en"], folders[MASSIVE.repository])
    assert {split: rows.to_list() for split, rows in data.items()} == {k: rows.to_list() for k, rows in local.items()}
    before = len(server.requests)
    load_massive(["en"])
    assert not capsys.readouterr().err
    monkeypatch.setenv("XLFT_PROFILE", "offline")
    assert load_massive(["en"])["test"].to_list() == local["test"].to_list()
    with pytest.raises(DownloadError, match=r"de-DE/train/0000\.parquet .*offline profile"):
        load_massive(["de"])
    assert len(server.requests) == before
    assert all(request.token is None for request in server.requests)


def test_entities_come_the_same_way(server, folders):
    assert (
        load_panx(["zh", "th"])["train"].to_list()
        == load_panx(["zh", "th"], folders[PANX.repository])["train"].to_list()
    )


def test_cache_folder_that_was_copied_is_enough(server, monkeypatch, tmp_path):
    load_panx(["de"])
    (tmp_path / "elsewhere").mkdir()
    name = "datasets--unimelb-nlp--wikiann"
    (Path(constants.HF_HUB_CACHE) / name).rename(tmp_path / "elsewhere" / name)
    monkeypatch.setenv("XLFT_PROFILE", "offline")
    with pytest.raises(DownloadError, match=f"copy its folder {name} into"):
        load_panx(["de"])
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert len(load_panx(["de"])["train"]) == 2


def test_content_that_is_not_what_is_listed_is_not_kept(server):
    file = "en-US/validation/0000.parquet"
    server.repositories[MASSIVE.repository].listed[file] = "0" * 64
    with pytest.raises(DownloadError, match=r"validation/0000\.parquet: the content is not what .* lists"):
        load_massive(["en"])
    del server.repositories[MASSIVE.repository].listed[file]
    assert len(load_massive(["en"])["dev"]) == 12


def test_connection_that_breaks_off_is_taken_up_again(server):
    server.faults = [Fault("/cdn/", cut=500)]
    assert len(load_massive(["en"])["train"]) == 12


def test_commit_that_is_gone_names_the_remedy(server):
    server.repositories[MASSIVE.repository].commit = "f" * 40
    with pytest.raises(DownloadError, match=r"answered with the error 404.*data_dir \(--data-dir\)"):
        load_massive(["en"])


def test_no_network_names_the_remedy(server, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match=r"cannot be asked \(OfflineModeIsEnabled\)\. .*Or bring the files"):
        load_massive(["en"])
