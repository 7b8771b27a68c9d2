"""What a network and the Hub can do to a download, one fault after the other: a clear error, and nothing lost."""

import json
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from xlft_helpers.errors import DownloadError, ModelError
from xlft_helpers.models import HUB_MODELS, hub, hub_transfer, load_model, load_tokenizer
from xlft_helpers.models.hub import fetch_snapshot

from .server import Fault

ID = "some/id"
TOKEN = "hf_secret"


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def cached() -> set[str]:
    return names_in(Path(constants.HF_HUB_CACHE))


def is_whole(folder: Path, files: dict[str, bytes]) -> bool:
    return all((folder / name).read_bytes() == files[name] for name in names_in(folder))


def test_size_time_and_place_are_told_before_the_first_file(server, capsys):
    folder = fetch_snapshot(ID)
    said = capsys.readouterr().err
    size = sum(len(content) for content in server.repositories[ID].files.values())
    assert f"some/id: downloading 5 files, {size / 1e6:.1f} MB, to {folder}" in said
    assert "At 100 Mbit/s that takes about 1 s" in said
    fetch_snapshot(ID)
    assert capsys.readouterr().err == ""


def test_unknown_repository(server):
    with pytest.raises(ModelError, match=r"no model 'owner/nobody', or it is private\. Compare the id.*HF_TOKEN"):
        load_model("owner/nobody", label_names=["no", "yes"])
    with pytest.raises(ModelError, match=r"'a/b/c' is neither an existing folder nor a Hub id"):
        load_tokenizer("a/b/c")


def test_unknown_revision(server):
    with pytest.raises(ModelError, match=r"some/id has no revision 'v9'\..*'some/id@REVISION'"):
        load_tokenizer("some/id@v9")


def test_gated_model(server, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    server.repositories[ID].gated = True
    with pytest.raises(
        ModelError, match=r"some/id is gated\. Accept its terms at .*/some/id while logged in.*HF_TOKEN"
    ):
        fetch_snapshot(ID)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert is_whole(fetch_snapshot(ID), server.repositories[ID].files)
    sent = [request for request in server.requests if request.token]
    assert {request.token for request in sent} == {f"Bearer {TOKEN}"}
    assert not [request for request in sent if request.path.startswith("/cdn/")]  # another host gets no token


def test_refused_token_is_not_repeated(server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    server.faults = [Fault("/resolve/", status=403, times=9)]
    with pytest.raises(DownloadError, match="error 403; your token was refused") as caught:
        fetch_snapshot(ID)
    error: BaseException | None = caught.value
    while error:
        assert TOKEN not in str(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("where", ["/api/models/", "/config.json", "/cdn/"])
@pytest.mark.parametrize(
    "fault", [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 500, "times": 2}], ids=["429", "500"]
)
def test_overloaded_hub_is_asked_again(server, where, fault):
    server.faults = [Fault(where, **fault)]
    assert is_whole(fetch_snapshot(ID), server.repositories[ID].files)
    assert server.faults[0].times == 0


def test_hub_that_stays_broken(server):
    server.faults = [Fault("/api/models/", status=500, times=99)]
    with pytest.raises(DownloadError, match=r"error 500; the Hub is overloaded or has a problem: try again later"):
        fetch_snapshot(ID)
    assert len(server.requests) == 1 + hub_transfer.RETRIES
    server.faults = [Fault("/cdn/", status=503, times=99)]
    with pytest.raises(DownloadError, match=r"error 503.*files that are complete are kept"):
        fetch_snapshot(ID)
    assert "config.json" in cached()
    assert "model.safetensors" not in cached()
    server.faults, before = [], len(server.requests)
    fetch_snapshot(ID)
    assert {request.path.rsplit("/", 1)[1] for request in server.requests[before:]} == {"model.safetensors"}
    hub._list_files.cache_clear()
    server.faults = [Fault("/api/models/", status=500, times=99)]
    assert is_whole(fetch_snapshot(ID), server.repositories[ID].files)  # what is there can be used all the same


def test_cut_connection_is_taken_up_where_it_broke(server):
    server.faults = [Fault("/cdn/", cut=10_000, times=3)]
    folder = fetch_snapshot(ID)
    assert is_whole(folder, server.repositories[ID].files)
    ranges = [request.range for request in server.asked("/cdn/")]
    assert ranges == ["bytes=0-", "bytes=10000-", "bytes=20000-", "bytes=30000-"]


def test_next_run_goes_on_where_the_last_one_ended(server):
    weights = server.repositories[ID].files["model.safetensors"]
    server.faults = [Fault("/cdn/", cut=10_000), Fault("/cdn/", cut=0, times=99)]
    with pytest.raises(DownloadError, match=r"broke off again and again.*kept; run the same again"):
        fetch_snapshot(ID)
    assert "model.safetensors" not in cached()
    server.faults, server.requests = [], []
    folder = fetch_snapshot(ID)
    assert (folder / "model.safetensors").read_bytes() == weights
    assert [request.range for request in server.asked("/cdn/")] == ["bytes=10000-"]
    assert "model.safetensors.part" not in cached()


def test_server_that_knows_no_ranges_sends_everything_again(server):
    server.faults = [Fault("/cdn/", cut=10_000), Fault("/cdn/", ignore_range=True)]
    assert is_whole(fetch_snapshot(ID), server.repositories[ID].files)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_content_that_is_not_the_listed_one_is_thrown_away(server, name):
    server.repositories[ID].listed[name] = "0" * 64
    with pytest.raises(DownloadError, match=rf"{name}: the content is not what the Hub lists.*Nothing was kept"):
        fetch_snapshot(ID)
    assert not cached() & {name, f"{name}.part"}


def test_hub_that_lists_other_weights_than_those_known_is_refused(server):
    server.repositories["FacebookAI/xlm-roberta-base"].files["model.safetensors"] += b"more"
    load_tokenizer("xlmr")
    with pytest.raises(DownloadError, match=r"lists other weights than those that the course knows .*HF_ENDPOINT"):
        load_model("xlmr", label_names=["no", "yes"])
    assert not server.asked("safetensors")


def test_answer_of_a_proxy(server):
    server.faults = [Fault("/config.json", content=b"<html>Please log in</html>" * 100)]
    with pytest.raises(DownloadError, match=r"config\.json: the content is not what the Hub lists"):
        fetch_snapshot(ID)
    hub._list_files.cache_clear()
    server.faults = [Fault("/api/models/", content=b"<html>Please log in</html>")]
    with pytest.raises(DownloadError, match="did not answer as the Hub does: a proxy or a log-in page"):
        fetch_snapshot(ID)


@pytest.mark.parametrize("content", [b"<html>Log in</html>", b""])
def test_a_short_answer_in_place_of_a_file_is_not_asked_for_again_and_again(server, content):
    server.faults = [Fault("/cdn/", content=content, times=99)]
    with pytest.raises(DownloadError, match=r"the content is not what the Hub lists .* a proxy or log-in page"):
        fetch_snapshot(ID)


def test_slow_server(server, monkeypatch):
    monkeypatch.setattr(hub_transfer, "TIMEOUT", 0.2)
    server.faults = [Fault("/cdn/", delay=0.4, times=2)]
    assert is_whole(fetch_snapshot(ID), server.repositories[ID].files)
    server.faults = [Fault("/api/models/", delay=0.4)]
    with pytest.raises(ModelError, match=r"xlm-roberta-base.*cannot be reached \(ReadTimeout\)"):
        load_tokenizer("xlmr")


def test_no_network(server, monkeypatch):
    folder = fetch_snapshot(ID)
    hub._list_files.cache_clear()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert fetch_snapshot(ID) == folder
        with pytest.raises(ModelError) as caught:
            load_model("mbert", label_names=["no", "yes"])
    said = str(caught.value)
    assert "cannot be reached (ConnectError)" in said
    assert "config.json, tokenizer.json (or vocab.txt" in said
    assert "model.safetensors missing" in said
    assert f"copy its folder models--google-bert--bert-base-multilingual-cased into {constants.HF_HUB_CACHE}" in said


def test_offline_profile_uses_the_cache_and_asks_nobody(server, monkeypatch):
    tokenizer_only = fetch_snapshot(ID, weights=False)
    monkeypatch.setenv("XLFT_PROFILE", "offline")
    before = len(server.requests)
    assert fetch_snapshot(ID, weights=False) == tokenizer_only
    with pytest.raises(
        ModelError, match=r"cache .*models--some--id: model\.safetensors missing; and the offline profile"
    ):
        fetch_snapshot(ID)
    assert len(server.requests) == before


def test_files_that_were_brought_by_hand(server, monkeypatch, tmp_path):
    """What the error tells to do works: a copied cache folder, and a plain folder."""
    fetched = fetch_snapshot(ID)
    other = tmp_path / "other machine"
    other.mkdir()
    Path(constants.HF_HUB_CACHE, "models--some--id").rename(other / "models--some--id")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(other))
    monkeypatch.setenv("XLFT_PROFILE", "offline")
    load_model(ID, label_names=["no", "yes"])
    load_model(str(other / "models--some--id" / "snapshots" / fetched.name), label_names=["no", "yes"])


def test_repository_with_a_pickle_only_names_the_way_out(server):
    repository = server.repositories[ID]
    weights = repository.files.pop("model.safetensors")
    repository.files["pytorch_model.bin"] = b"a pickle"
    repository.pull_requests = {1: "somebody"}
    with pytest.raises(
        ModelError, match=r"it has pytorch_model\.bin\. .*Ask for a conversion at .*/some/id/discussions"
    ):
        load_model(ID, label_names=["no", "yes"])
    repository.pull_requests[2] = "SFconvertbot"
    with pytest.raises(ModelError, match=r"left safetensors in a pull request: name it, 'some/id@refs/pr/2'"):
        load_model(ID, label_names=["no", "yes"])
    assert not server.asked("pytorch_model.bin")
    repository.files["model.safetensors"] = weights
    repository.commit, repository.references = "d" * 40, ("refs/pr/2",)
    load_model("some/id@refs/pr/2", label_names=["no", "yes"])


def test_weights_in_several_files(server):
    files = server.repositories[ID].files
    weights = files.pop("model.safetensors")
    index = {"metadata": {}, "weight_map": {}}
    files |= {"model-00001-of-00001.safetensors": weights, "model.safetensors.index.json": json.dumps(index).encode()}
    folder = fetch_snapshot(ID)
    assert is_whole(folder, files)
    assert "model-00001-of-00001.safetensors" in names_in(folder)
    (folder / "model-00001-of-00001.safetensors").unlink()
    assert hub.missing_files(folder) == ["model.safetensors"]


def test_branch_that_moves_is_followed_and_a_commit_is_not_asked_for(server):
    first = fetch_snapshot(ID)
    server.repositories[ID].commit = "e" * 40
    hub._list_files.cache_clear()
    assert fetch_snapshot(ID).name == "e" * 40 != first.name
    model = HUB_MODELS["mbert"]
    fetch_snapshot(model.repository, model.revision)
    before = len(server.requests)
    hub._list_files.cache_clear()
    fetch_snapshot(model.repository, model.revision)
    assert len(server.requests) == before


def test_two_at_a_time_download_once(server):
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(fetch_snapshot(ID))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 2
    assert is_whole(folders[0], server.repositories[ID].files)
    assert len(server.asked("/cdn/")) == 1


def test_full_disk(server, monkeypatch):
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(DownloadError, match=r"some/id takes 0\.\d MB and 0\.0 MB are free in .*set HF_HOME"):
        fetch_snapshot(ID)
    assert not server.asked("/resolve/")


def test_cache_that_cannot_be_written_to(server, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match=r"cannot be written to \(.*set HF_HOME"):
        fetch_snapshot(ID)


def test_damaged_cache_says_what_to_delete(server):
    folder = fetch_snapshot(ID)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=rf"{folder} cannot be loaded.*delete the folder and get it again"):
        load_model(ID, label_names=["no", "yes"])
