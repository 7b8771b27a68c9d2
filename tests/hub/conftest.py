"""The stand-in Hub with small checkpoints under the real names, and the client in this process pointed at it."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

from xlft_helpers.models import HUB_MODELS, hub, hub_transfer

from . import checkpoints
from .server import HubServer, Repository


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Repository]:
    folder = tmp_path_factory.mktemp("checkpoints")
    files = {
        "mbert": checkpoints.mbert(folder / "mbert"),
        "xlm": checkpoints.xlm(folder / "xlm", language_embeddings=False),
        "xlmr": checkpoints.xlmr(folder / "xlmr"),
    }
    served = {}
    for name, model in HUB_MODELS.items():
        pinned = {} if model.revision == "main" else {"commit": model.revision}
        served[model.repository] = Repository(
            files[name] | {"pytorch_model.bin": b"a pickle", "README.md": b"#"}, **pinned
        )
    served["some/id"] = Repository(files["mbert"])
    served["some/xlm-15"] = Repository(checkpoints.xlm(folder / "xlm-15", language_embeddings=True))
    return served


@contextmanager
def serving(repositories: dict[str, Repository], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[HubServer]:
    """The running server; downloads are allowed, and the client's cache, in ``folder``, is empty."""
    with HubServer(copy.deepcopy(repositories)) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("XLFT_PROFILE", "full")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hf" / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def server(repositories, monkeypatch, tmp_path) -> Iterator[HubServer]:
    """The server with the models; pauses are short."""
    with serving(repositories, monkeypatch, tmp_path) as running:
        monkeypatch.setattr(hub_transfer, "PAUSE", 0.01)
        xlmr = HUB_MODELS["xlmr"]  # its true weights are not to be had here
        tiny = running.repositories[xlmr.repository].digest("model.safetensors")
        monkeypatch.setitem(HUB_MODELS, "xlmr", replace(xlmr, weights_sha256=tiny))
        hub._list_files.cache_clear()
        yield running
    hub._list_files.cache_clear()
