"""Downloads from a real server on this machine: right, or not at all."""

import hashlib
import os
import socket
import sys
from pathlib import Path

import pytest

from xlft_helpers.data import download, fetch
from xlft_helpers.errors import DownloadError

CONTENT = b"des tweets\n" * 300
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_file_is_fetched_once_and_verified(server, tmp_path):
    server.pages["/text.txt"] = CONTENT
    path = tmp_path / "new" / "folder" / "text.txt"
    for _ in range(2):
        assert fetch(f"{server.url}/text.txt", SHA256, path) == path
    assert path.read_bytes() == CONTENT
    assert server.requests == ["/text.txt"]
    assert files_in(tmp_path) == ["new/folder/text.txt"]


def test_file_that_was_damaged_since_is_fetched_again(server, tmp_path):
    server.pages["/text.txt"] = CONTENT
    (tmp_path / "text.txt").write_bytes(CONTENT[:100])
    fetch(f"{server.url}/text.txt", SHA256, tmp_path / "text.txt")
    assert (tmp_path / "text.txt").read_bytes() == CONTENT


def test_overloaded_server_is_asked_again(server, tmp_path):
    server.pages["/busy.txt"] = CONTENT
    assert fetch(f"{server.url}/busy.txt", SHA256, tmp_path / "text.txt").read_bytes() == CONTENT
    assert server.requests == ["/busy.txt"] * 3


def test_server_with_a_problem_is_not_asked_for_ever(server, tmp_path):
    for address, times in (("/bad/500", 1 + download.RETRIES), ("/bad/429", 1), ("/gone.txt", 1)):
        server.requests.clear()
        with pytest.raises(DownloadError):
            fetch(server.url + address, SHA256, tmp_path / "text.txt")
        assert server.requests == [address] * times


def test_server_that_does_not_answer(server, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    with pytest.raises(DownloadError, match=r"cannot be reached \(ReadTimeout\)"):
        fetch(f"{server.url}/bad/slow", SHA256, tmp_path / "text.txt")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("/gone.txt", "refused .*404.*update the course"),
        ("/bad/500", "refused .*500.*try again later"),
        ("/bad/429", "refused .*429.*overloaded.*try again later"),
        ("/bad/cut", "broke off before the end.*Try again"),
        ("/bad/hang-up", "cannot be reached.*Check the network"),
        ("/login.html", "not what was published.*proxy or log-in page.*try again"),
        ("/short.txt", "not what was published.*cut short"),
    ],
)
def test_bad_download_says_what_happened_and_leaves_nothing(server, tmp_path, address, message):
    server.pages = {"/login.html": b"<html>Please log in</html>", "/short.txt": CONTENT[:-1]}
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(server.url + address, SHA256, tmp_path / "text.txt")
    assert server.url + address in str(caught.value)
    assert files_in(tmp_path) == []


def test_bad_download_does_not_cost_the_file_that_was_there(server, tmp_path):
    (tmp_path / "text.txt").write_bytes(b"an older version")
    with pytest.raises(DownloadError):
        fetch(f"{server.url}/bad/cut", SHA256, tmp_path / "text.txt")
    assert (tmp_path / "text.txt").read_bytes() == b"an older version"


def test_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("XLFT_PROFILE", "full")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        with pytest.raises(DownloadError, match=r"cannot be reached .*XLFT_PROFILE=offline.*data_dir"):
            fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/text.txt", SHA256, tmp_path / "text.txt")
    assert files_in(tmp_path) == []


def test_offline_profile_asks_nobody_and_uses_what_is_there(server, monkeypatch, tmp_path):
    monkeypatch.setenv("XLFT_PROFILE", "offline")
    server.pages["/text.txt"] = CONTENT
    with pytest.raises(DownloadError, match=r"text\.txt is not there, .*offline profile.*XLFT_PROFILE=full.*data_dir"):
        fetch(f"{server.url}/text.txt", SHA256, tmp_path / "text.txt")
    (tmp_path / "text.txt").write_bytes(CONTENT[:-1])
    with pytest.raises(DownloadError, match=r"text\.txt has not the content that was published.*offline profile"):
        fetch(f"{server.url}/text.txt", SHA256, tmp_path / "text.txt")
    (tmp_path / "text.txt").write_bytes(CONTENT)
    assert fetch(f"{server.url}/text.txt", SHA256, tmp_path / "text.txt").read_bytes() == CONTENT
    assert server.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_disk_that_takes_no_more(server, tmp_path):
    import resource

    content = b"x" * 3_000_000
    server.pages["/big.txt"] = content
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))  # writing on fails, as it does on a full disk
    try:
        with pytest.raises(DownloadError, match=r"big\.txt cannot be written \(File too large\).*Free some space"):
            fetch(f"{server.url}/big.txt", hashlib.sha256(content).hexdigest(), tmp_path / "big.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files_in(tmp_path) == []


def test_folder_that_cannot_be_made(server, tmp_path):
    server.pages["/text.txt"] = CONTENT
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(DownloadError, match=r"text\.txt cannot be written .*XLFT_CACHE_DIR"):
        fetch(f"{server.url}/text.txt", SHA256, tmp_path / "cache" / "text.txt")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_cache(server, tmp_path):
    server.pages["/text.txt"] = CONTENT
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DownloadError, match=r"cannot be written .*XLFT_CACHE_DIR"):
            fetch(f"{server.url}/text.txt", SHA256, tmp_path / "text.txt")
    finally:
        tmp_path.chmod(0o700)
