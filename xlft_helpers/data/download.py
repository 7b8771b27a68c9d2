"""Verified downloads: a file has the content that was published, or it is not there."""

import logging
import time
from pathlib import Path
from typing import cast

import pooch
import requests

from xlft_helpers import settings
from xlft_helpers.errors import DownloadError

TIMEOUT = 30
"""Seconds without an answer after which a server counts as unreachable."""

RETRIES = 3
"""How often a server that is overloaded or has a problem (429, 5xx) is asked again."""

PAUSE = 1.0
"""Seconds before the first repetition; doubled before each further one, unless the server says how long to wait."""

LONGEST_PAUSE = 60
"""A server that wants more seconds than this is not waited for."""


def fetch(url: str, sha256: str, path: Path | str) -> Path:
    """Download a file unless it is there already with the right content.

    The download goes to a temporary name and gets its own only when its hash is right, so a run that is interrupted
    leaves no half file, and the next one starts afresh.

    Args:
        url: http or https.
        sha256: of the whole file, in hexadecimal.
        path: where the file belongs.

    Returns:
        ``path``.

    Raises:
        DownloadError: the profile is offline, the server cannot be reached or refuses, the content differs from what
            was published, or the file cannot be written.
    """
    path = Path(path)
    if path.is_file() and pooch.file_hash(str(path)) == sha256:
        return path
    if settings.profile() != "full":
        found = "has not the content that was published" if path.is_file() else "is not there"
        raise DownloadError(
            f"{path} {found}, and nothing is downloaded in the offline profile. Set XLFT_PROFILE=full to allow it "
            f"({url}), or get the data by other means and say where it is with data_dir (--data-dir)."
        )
    pooch.get_logger().setLevel(logging.WARNING)  # a line for each file would break the progress bar
    try:
        _retrieve(url, sha256, path)
    except requests.HTTPError as error:
        raise DownloadError(
            f"{url}: the server refused ({error}). The address may have moved (404): update the course. Or the server "
            "is overloaded (429) or has a problem (500 and above): try again later."
        ) from error
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise DownloadError(f"{url}: the connection broke off before the end of the file. Try again.") from error
    except requests.RequestException as error:
        raise DownloadError(
            f"{url}: the server cannot be reached ({type(error).__name__}). Check the network connection, or work "
            "offline: set XLFT_PROFILE=offline, or name a folder that has the data with data_dir (--data-dir)."
        ) from error
    except OSError as error:
        raise DownloadError(
            f"{path} cannot be written ({error.strerror}). Free some space, or set XLFT_CACHE_DIR to a folder that you "
            "may write to and that has room."
        ) from error
    except ValueError as error:  # pooch's word for a hash that does not match
        raise DownloadError(
            f"{url}: the content is not what was published (its SHA-256 is not {sha256[:12]}…). It was cut short, or a "
            "proxy or log-in page answered instead. Nothing was kept; try again on another network."
        ) from error
    return path


def _retrieve(url: str, sha256: str, path: Path) -> None:
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT)
    for attempt in range(RETRIES + 1):
        try:
            pooch.retrieve(url, f"sha256:{sha256}", path.name, path.parent, downloader=downloader)
            return
        except requests.HTTPError as error:
            response = cast(requests.Response, error.response)  # raised because of an answer
            status, asked = response.status_code, response.headers.get("Retry-After", "")
            pause = int(asked) if asked.isdigit() else PAUSE * 2**attempt
            if attempt == RETRIES or pause > LONGEST_PAUSE or not (status == 429 or status >= 500):
                raise
            time.sleep(pause)
