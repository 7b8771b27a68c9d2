"""One file from the Hub: asked for again where that helps, taken up where it broke off, and compared with its hash."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub.errors import HfHubHTTPError, HTTPError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_stream_backoff
from tqdm import tqdm

from xlft_helpers.errors import DownloadError

TIMEOUT = 30
"""Seconds without an answer after which a server counts as unreachable."""

RETRIES = 3
"""How often a request is repeated when the Hub is overloaded (429, 5xx), or a connection breaks off and brings nothing."""

PAUSE = 1.0
"""Seconds before the first repetition; doubled before each further one, unless the server says how long to wait."""


@dataclass(frozen=True)
class HubFile:
    """A file as the Hub lists it.

    Attributes:
        name: within the repository.
        size: in bytes.
        algorithm: ``"sha256"`` for large files; ``"git"`` (SHA-1 over a header and the content) for the others.
        digest: in hexadecimal.
    """

    name: str
    size: int
    algorithm: str
    digest: str


def download_file(url: str, file: HubFile, folder: Path, bar: tqdm) -> None:
    """Fetch one file into ``NAME.part``, going on from what is there, and rename it when its hash is right."""
    part = folder / f"{file.name}.part"
    if part.exists() and part.stat().st_size > file.size:
        part.unlink()
    part.touch()
    bar.update(part.stat().st_size)
    failures = 0
    while (start := part.stat().st_size) < file.size:
        try:
            _append(url, part, bar)
            if part.stat().st_size <= start:
                break  # it ended well and brought nothing: whoever answered does not have the file
        except HfHubHTTPError:
            raise  # the server said no, or the client has repeated the request already
        except HTTPError:
            failures = 0 if part.stat().st_size > start else failures + 1
            if failures > RETRIES:
                raise
            time.sleep(PAUSE * 2**failures)
    if part.stat().st_size != file.size or _digest(part, file.algorithm) != file.digest:
        part.unlink()
        raise DownloadError(
            f"{url}: the content is not what the Hub lists (size {file.size}, {file.algorithm} {file.digest[:12]}…). It was "
            "damaged on its way, or a proxy or log-in page answered instead. Nothing was kept; try again on another network."
        )
    part.replace(folder / file.name)


def _append(url: str, part: Path, bar: tqdm) -> None:
    """Ask for the bytes behind those in ``part`` and write them there."""
    start = part.stat().st_size
    headers = {**build_hf_headers(), "Range": f"bytes={start}-", "Accept-Encoding": "identity"}
    with http_stream_backoff(
        "GET",
        url,
        headers=headers,
        timeout=TIMEOUT,
        max_retries=RETRIES,
        base_wait_time=PAUSE,
        retry_on_exceptions=(),  # repeated by the caller, who knows how far the file has come
    ) as response:
        hf_raise_for_status(response)
        with part.open("ab") as out:
            if start and response.status_code != 206:  # a server that knows no ranges sends all of it
                out.truncate(0)
                bar.update(-start)
            for (
                chunk
            ) in response.iter_bytes():  # as they come: what is held back for larger chunks is lost with a connection
                out.write(chunk)
                bar.update(len(chunk))


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        if algorithm == "sha256":
            return hashlib.file_digest(file, "sha256").hexdigest()
        content = file.read()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
