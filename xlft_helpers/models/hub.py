"""Models of the Hugging Face Hub: the files that are needed, whole and verified, in the Hub client's own cache.

The client (`huggingface_hub`) knows the protocol, the token and the cache. What is added: only configuration, tokenizer
and safetensors weights are fetched, never pickles or code; size and time are told beforehand; every file is compared
with its published hash before it gets its name; and a download goes on where it was cut off, in this run or the next.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import (
    WeakFileLock,
    build_hf_headers,
    hf_raise_for_status,
    http_backoff,
    validate_repo_id,
)
from tqdm import tqdm

from xlft_helpers import settings
from xlft_helpers.errors import DownloadError, ModelError

from . import hub_transfer
from .hub_transfer import HubFile, download_file

RATE = 100e6
"""Bits a second that the time told before a download is reckoned with; the progress bar goes by what it measures."""

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model")
"""A tokenizer needs one of these."""

TOKENIZER_FILES = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    *VOCABULARIES,
)
"""In the order in which they are fetched: where there is a vocabulary, the small files are there too. Without them, the
tokenizer would load and read otherwise, mBERT's in lower case."""

CONVERTER = "SFconvertbot"
"""The Hub's account that offers safetensors for older models, which `transformers` trusts as well."""

COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch_snapshot(
    repository: str, revision: str = "main", *, weights: bool = True, weights_sha256: str | None = None
) -> Path:
    """The folder with a model's files at one revision; what is missing is downloaded in the full profile.

    Args:
        repository: a Hub id, ``"owner/name"``.
        revision: a commit (then nothing is asked once the files are there), a branch, a tag or ``refs/pr/N``.
        weights: ``False`` for the configuration and the tokenizer alone.
        weights_sha256: what ``model.safetensors`` must be, where that is known beforehand. Default: what the Hub lists.

    Returns:
        A folder of the Hub client's cache (``HF_HOME``), where other programs find the model too.

    Raises:
        ModelError: the repository or revision does not exist, is gated, or has no safetensors weights; or the files are
            not there and the Hub cannot be asked.
        DownloadError: the Hub answers with an error again and again, the content is not what it lists, or a file cannot
            be written.
    """
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise ModelError(f"{repository!r} is neither an existing folder nor a Hub id such as 'owner/name'.") from error
    cached = snapshot_folder(repository, revision)
    complete = cached is not None and not missing_files(cached, weights=weights)
    if complete and cached and (settings.profile() == "offline" or COMMIT.fullmatch(revision)):
        return cached
    if settings.profile() == "offline":
        raise ModelError(_how_to_bring(repository, revision, "the offline profile downloads nothing"))
    try:
        with _explained(repository, revision):
            commit, listed = _list_files(repository, revision)
    except (HTTPError, OfflineModeIsEnabled, DownloadError) as error:
        if complete and cached:
            return cached
        if isinstance(error, DownloadError):
            raise
        offline = isinstance(error, OfflineModeIsEnabled)
        unreachable = f"the Hub ({constants.ENDPOINT}) cannot be reached ({type(error).__name__})"
        reason = "HF_HUB_OFFLINE keeps the Hub's client from asking" if offline else unreachable
        raise ModelError(_how_to_bring(repository, revision, reason)) from error
    folder = _storage(repository) / "snapshots" / commit
    wanted = [listed[name] for name in _choose(repository, revision, set(listed), weights)]
    absent = [file for file in wanted if not (folder / file.name).exists()]
    if weights and weights_sha256 and any(file.name == WEIGHTS and file.digest != weights_sha256 for file in absent):
        raise DownloadError(
            f"{repository}: the Hub ({constants.ENDPOINT}) lists other weights than those that the course knows (SHA-256 "
            f"{weights_sha256[:12]}…). Look at HF_ENDPOINT: is it the true Hub? Nothing was downloaded."
        )
    if absent:
        with _writing(folder), _explained(repository, revision):
            _download(repository, commit, absent, folder)
    reference = _storage(repository) / "refs" / revision
    if revision != commit and not (reference.is_file() and reference.read_text().strip() == commit):
        with _writing(folder):
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(commit)
    return folder


def snapshot_folder(repository: str, revision: str) -> Path | None:
    """Where the cache has this revision; ``None`` where it has not even a part of it."""
    reference = _storage(repository) / "refs" / revision
    commit = reference.read_text().strip() if reference.is_file() else revision
    folder = _storage(repository) / "snapshots" / commit
    return folder if folder.is_dir() else None


def missing_files(folder: Path, *, weights: bool = True) -> list[str]:
    """What a model's folder lacks; an alternative is named as one entry, e.g. ``"tokenizer.json or vocab.txt"``."""
    missing = [] if (folder / CONFIG).exists() else [CONFIG]
    if not any((folder / name).exists() for name in VOCABULARIES):
        missing.append("tokenizer.json (or vocab.txt; vocab.json with merges.txt; sentencepiece.bpe.model)")
    if weights and not (folder / WEIGHTS).exists():
        shards = [path.name for path in folder.glob("*.safetensors") if SHARD.fullmatch(path.name)]
        expected = int(shards[0].rsplit("-", 1)[1].split(".")[0]) if shards else 1
        if not (folder / INDEX).exists() or len(shards) < expected:
            missing.append(WEIGHTS)
    return missing


def _storage(repository: str) -> Path:
    return Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"


def _how_to_bring(repository: str, revision: str, reason: str) -> str:
    folder = snapshot_folder(repository, revision)
    missing = missing_files(folder or Path("nowhere"))  # weights too: whoever brings files brings all of them
    return (
        f"{repository} (revision {revision}) is not in the cache {_storage(repository)}: {', '.join(missing)} missing; "
        f"and {reason}. Set XLFT_PROFILE=full where there is a network. Or bring the files from a machine that has one: copy "
        f"its folder {_storage(repository).name} into {constants.HF_HUB_CACHE}, or put the files into any folder and give "
        "that folder's path instead of the name."
    )


@cache  # once a process: a branch that moves meanwhile must not change the model within a comparison
def _list_files(repository: str, revision: str) -> tuple[str, dict[str, HubFile]]:
    """The commit behind a revision, and its files by name."""
    response = http_backoff(
        "GET",
        f"{constants.ENDPOINT}/api/models/{repository}/revision/{quote(revision, safe='')}",
        params={"blobs": "true"},
        headers=build_hf_headers(),
        timeout=hub_transfer.TIMEOUT,
        max_retries=hub_transfer.RETRIES,
        base_wait_time=hub_transfer.PAUSE,
        retry_on_exceptions=(),  # without a network, the cache is used at once
    )
    hf_raise_for_status(response)
    try:
        answer = response.json()
        commit = str(answer["sha"])
        if not COMMIT.fullmatch(commit):
            raise ValueError(commit)
        return commit, {file.name: file for file in map(_hub_file, answer["siblings"])}
    except (KeyError, TypeError, ValueError) as error:
        raise DownloadError(
            f"{response.url} did not answer as the Hub does: a proxy or a log-in page may have. Try another network."
        ) from error


def _hub_file(entry: dict) -> HubFile:
    large = entry.get("lfs")
    algorithm, digest = ("sha256", large["sha256"]) if large else ("git", entry["blobId"])
    return HubFile(entry["rfilename"], entry["size"], algorithm, digest)


def _choose(repository: str, revision: str, names: set[str], weights: bool) -> list[str]:
    """The files to fetch, large ones last."""
    chosen = [name for name in (CONFIG, *TOKENIZER_FILES) if name in names]
    if CONFIG not in chosen:
        raise ModelError(f"{repository} has no {CONFIG}: it is not a model that transformers can load. Choose another.")
    if not weights:
        return chosen
    if WEIGHTS in names:
        return [*chosen, WEIGHTS]
    if INDEX in names:
        return [*chosen, INDEX, *sorted(name for name in names if SHARD.fullmatch(name))]
    others = sorted(name for name in names if name.endswith((".bin", ".h5", ".msgpack", ".ckpt", ".pt")))
    converted = _conversion(repository)
    remedy = (
        f"The Hub's converter has left safetensors in a pull request: name it, '{repository}@{converted}'."
        if converted
        else f"Ask for a conversion at {constants.ENDPOINT}/{repository}/discussions, or choose another model."
    )
    raise ModelError(
        f"{repository} (revision {revision}) has no weights as safetensors; it has {', '.join(others) or 'none at all'}. "
        f"Reading a pickle can run code, so the course does not. {remedy}"
    )


def _conversion(repository: str) -> str | None:
    """The revision in which the Hub's own converter has put safetensors, if it has."""
    try:
        requests = HfApi(endpoint=constants.ENDPOINT).get_repo_discussions(
            repository, author=CONVERTER, discussion_type="pull_request"
        )
        return next((request.git_reference for request in requests if request.author == CONVERTER), None)
    except HTTPError:
        return None  # it would have been a convenience


def _download(repository: str, commit: str, files: list[HubFile], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    size = sum(file.size for file in files)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DownloadError(
            f"{repository} takes {_megabytes(size)} and {_megabytes(free)} are free in {folder}. Free some space, or set "
            "HF_HOME to a folder with room."
        )
    with WeakFileLock(folder / ".lock"):  # of two processes, the second finds the files there
        files = [file for file in files if not (folder / file.name).exists()]
        if not files:
            return
        size = sum(file.size for file in files)
        print(
            f"{repository}: downloading {len(files)} files, {_megabytes(size)}, to {folder}. At 100 Mbit/s that takes "
            f"{_duration(size * 8 / RATE)}; what is there stays if you interrupt.",
            file=sys.stderr,
        )
        with tqdm(total=size, unit="B", unit_scale=True, desc=repository, leave=False) as bar:
            for file in files:
                download_file(f"{constants.ENDPOINT}/{repository}/resolve/{commit}/{file.name}", file, folder, bar)


@contextmanager
def _explained(repository: str, revision: str) -> Iterator[None]:
    """Say what the Hub's refusal means; an unreachable Hub is left to the caller."""
    page = f"{constants.ENDPOINT}/{repository}"
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{repository} is gated. Accept its terms at {page} while logged in, make a token with read access in your "
            "account's settings, and set HF_TOKEN to it (never in a notebook: a saved cell gives it away)."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"The Hub has no model {repository!r}, or it is private. Compare the id with the address of its page, {page}; "
            "for a private model, set HF_TOKEN to a token that may read it."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(
            f"{repository} has no revision {revision!r}. Look for a branch, tag or commit at {page}/tree/main, and name it "
            f"as '{repository}@REVISION'."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = (
            "your token was refused: renew it, or unset HF_TOKEN"
            if status in (401, 403)
            else "the Hub is overloaded or has a problem: try again later; files that are complete are kept"
            if status == 429 or status >= 500
            else "update the course"
        )
        raise DownloadError(f"{page}: the Hub answered with the error {status}; {advice}.") from error


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        raise DownloadError(
            f"{constants.ENDPOINT}: the connection broke off again and again ({type(error).__name__}). What was received is "
            "kept; run the same again to go on from there."
        ) from error
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{folder} cannot be written to ({error.strerror}). Free some space, or set HF_HOME to a folder that you may "
            "write to and that has room."
        ) from error


def _megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {max(1, round(seconds))} s"
