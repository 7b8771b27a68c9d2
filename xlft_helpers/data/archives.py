"""Unpacking archives that somebody else made.

``extractall`` on such a file is the classic mistake: a member called ``../../.bashrc`` or ``/etc/passwd`` lands outside
the folder, a link points there, and a file of a few kilobytes can unpack to fill the disk.
"""

import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PureWindowsPath
from typing import IO, NamedTuple

from xlft_helpers.errors import ArchiveError

MAX_BYTES = 2**30
MAX_FILES = 100_000
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
)


class _Member(NamedTuple):
    name: str
    kind: str
    """``file``, ``folder``, or what else it is."""
    content: IO[bytes] | None


def unpack(archive: Path | str, folder: Path | str, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Unpack a .zip or .tar (.gz, .bz2, .xz) file into a new folder: all of it, or nothing.

    Args:
        archive: any file of these kinds, whatever its name.
        folder: where to put the content; must be new or empty.
        max_bytes: the most that the files may hold together, counted while unpacking, not as the archive declares it.

    Returns:
        The files, sorted.

    Raises:
        ArchiveError: the file is missing, damaged or no archive; the folder is in use or cannot be written; or a member
            is a link or device, lies outside the folder, occurs twice, or exceeds the limits on bytes and number.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArchiveError(f"{folder} is there already and not empty. Remove it, or unpack {archive.name} elsewhere.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            content = Path(scratch) / "content"
            content.mkdir()
            _write_members(archive, content, max_bytes)
            if folder.exists():
                folder.rmdir()  # it is empty; Windows does not rename onto a folder
            content.replace(folder)
    except OSError as error:
        if error.errno is None:  # gzip and bz2 report wrong checksums in this way
            raise _damaged(archive, error) from error
        raise ArchiveError(
            f"{archive} cannot be unpacked to {folder} ({error.strerror}). Check that the archive is there, "
            "that you may write to the folder and that the disk has room."
        ) from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_members(archive: Path, folder: Path, max_bytes: int) -> None:
    left = max_bytes
    try:
        for number, member in enumerate(_members(archive), start=1):
            if number > MAX_FILES:
                raise ArchiveError(
                    f"{archive} has more than {MAX_FILES} members, which no data set here has. Not used."
                )
            target = folder / _safe_path(archive, member)
            if member.content is None:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            left -= _copy(member.content, target, left)
            if left < 0:
                raise ArchiveError(
                    f"{archive}: with {member.name!r} it unpacks to more than {max_bytes} bytes. Do not use it, or "
                    "raise max_bytes if you know that it is right."
                )
    except FileExistsError as error:
        raise ArchiveError(
            f"{archive}: {member.name!r} occurs twice, which hides one of them. Do not use it."
        ) from error
    except _BROKEN as error:
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> ArchiveError:
    reason = str(error).partition("\n")[0].rstrip(":")
    return ArchiveError(f"{archive} is damaged or no zip or tar file ({reason}). Download it again.")


def _copy(content: IO[bytes], target: Path, limit: int) -> int:
    """Write at most a little more than ``limit`` bytes; return how many."""
    written = 0
    with target.open("xb") as file:
        while written <= limit and (block := content.read(2**16)):
            written += file.write(block)
    return written


def _safe_path(archive: Path, member: _Member) -> Path:
    # Windows' rules see through both kinds of slash, drive letters and network shares.
    path = PureWindowsPath(member.name)
    if path.anchor or ".." in path.parts:
        raise ArchiveError(f"{archive}: {member.name!r} would be written outside the folder. Do not use this archive.")
    if member.kind not in ("file", "folder"):
        raise ArchiveError(
            f"{archive}: {member.name!r} is a {member.kind}. Data sets need none: do not use this archive."
        )
    return Path(*path.parts)


def _members(archive: Path) -> Iterator[_Member]:
    """The members in their order, each with its content open until the next one is asked for."""
    with ExitStack() as stack:
        if zipfile.is_zipfile(archive):
            bundle = stack.enter_context(zipfile.ZipFile(archive))
            for entry in bundle.infolist():
                if entry.is_dir():
                    yield _Member(entry.filename, "folder", None)
                elif stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
                    yield _Member(entry.filename, "link or device", None)
                else:
                    with bundle.open(entry) as content:
                        yield _Member(entry.filename, "file", content)
            return
        tar = stack.enter_context(tarfile.open(archive, errorlevel=2))
        for item in tar:
            if item.isdir():
                yield _Member(item.name, "folder", None)
            elif item.isfile():
                yield _Member(item.name, "file", tar.extractfile(item))
            else:
                yield _Member(item.name, "link or device", None)
        _check_end(tar)


def _check_end(tar: tarfile.TarFile) -> None:
    """Make sure that a tar file was read to its end.

    tarfile stops without a word at a header that it cannot read, and before the checksum of the compressed stream.
    """
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it ends in the middle")
    for _ in range(MAX_BYTES // 2**20):
        if not tar.fileobj.read(2**20):
            return
    raise tarfile.ReadError("padding without end")
