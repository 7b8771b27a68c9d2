"""Archives made by others: sound ones in full, hostile and damaged ones not at all."""

import io
import stat
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from xlft_helpers.data import unpack
from xlft_helpers.errors import ArchiveError

SOUND = {"fr/train.tsv": b"pos\tbon\n", "fr/test.tsv": b"", "README": b"x" * 200_000}


def make_zip(path: Path, files: dict[str, bytes], modes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, 0) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, content)
    return path


def make_tar(path: Path, files: dict[str, bytes], *special: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as bundle:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))
        for entry in special:
            bundle.addfile(entry)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def assert_refused(archive: Path, message: str, **options: int) -> None:
    """Refused with a message that names the archive, and nothing of it is anywhere below its folder."""
    before = {path: path.stat().st_mtime_ns for path in archive.parent.rglob("*") if path.is_file()}
    with pytest.raises(ArchiveError, match=message) as caught:
        unpack(archive, archive.parent / "in" / "here", **options)
    assert str(archive) in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in archive.parent.rglob("*") if path.is_file()} == before
    assert not (archive.parent / "in" / "here").exists()


@pytest.mark.parametrize("kind", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("exists", [False, True])
def test_sound_archive_of_each_kind(tmp_path, kind, exists):
    archive = tmp_path / "data.bin"  # the content decides, not the name
    if kind == "zip":
        make_zip(archive, {"empty/": b"", **SOUND})
    else:
        make_tar(archive, SOUND, special("empty", tarfile.DIRTYPE), mode=kind)
    folder = tmp_path / "new" / "data"
    if exists:
        folder.mkdir(parents=True)
    files = unpack(archive, folder)
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in files} == SOUND
    assert (folder / "empty").is_dir()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["data"]


OUTSIDE = [
    "../evil",
    "fr/../../evil",
    "/etc/evil",
    "..\\evil",
    "C:\\evil",
    "C:evil",
    "\\\\host\\share\\evil",
    "//host/share/evil",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_member_outside_the_folder(tmp_path, make, name):
    assert_refused(make(tmp_path / "a", {**SOUND, name: b"evil"}), "would be written outside the folder. Do not use")
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize(
    "entry",
    [
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("link", tarfile.SYMTYPE, "README"),
        special("link", tarfile.LNKTYPE, "README"),
        special("pipe", tarfile.FIFOTYPE),
        special("device", tarfile.CHRTYPE),
    ],
)
def test_links_and_devices_in_tar(tmp_path, entry):
    assert_refused(make_tar(tmp_path / "a", SOUND, entry), f"'{entry.name}' is a link or device.*do not use")


def test_symbolic_link_in_zip(tmp_path):
    archive = make_zip(tmp_path / "a", {**SOUND, "link": b"/etc/passwd"}, {"link": stat.S_IFLNK | 0o777})
    assert_refused(archive, "'link' is a link or device")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_bomb(tmp_path, make):
    archive = make(tmp_path / "a", {"small": b"x", "bomb": bytes(5_000_000)})
    assert archive.stat().st_size < 20_000
    assert_refused(archive, r"with 'bomb' it unpacks to more than 1000000 bytes.*raise max_bytes", max_bytes=1_000_000)
    assert len(unpack(archive, tmp_path / "allowed", max_bytes=5_000_001)) == 2
    assert_refused(archive, "with 'bomb'", max_bytes=5_000_000)


def test_zip_that_lies_about_its_size(tmp_path):
    archive = make_zip(tmp_path / "a", {"bomb": bytes(5_000_000)})
    true_size, claimed = struct.pack("<L", 5_000_000), struct.pack("<L", 10)
    archive.write_bytes(archive.read_bytes().replace(true_size, claimed))
    assert_refused(archive, "damaged|unpacks to more than", max_bytes=1_000_000)


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr("xlft_helpers.data.archives.MAX_FILES", 2)
    assert_refused(make_tar(tmp_path / "a", SOUND), "more than 2 members")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_damaged_and_truncated(tmp_path, make):
    noise = bytes(number * 7919 % 251 for number in range(50_000))
    whole = make(tmp_path / "whole", {"noise": noise, "more": noise[::-1]}).read_bytes()
    middle = len(whole) // 2
    damaged = {
        "cut": whole[:middle],
        "flipped": whole[:middle] + bytes(byte ^ 0xFF for byte in whole[middle : middle + 20]) + whole[middle + 20 :],
        "page": b"<html>not found</html>",
        "empty": b"",
    }
    for name, content in damaged.items():
        archive = tmp_path / name
        archive.write_bytes(content)
        assert_refused(archive, "is damaged or no zip or tar file.*Download it again")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_of_which_only_the_beginning_is_sound(tmp_path, mode):
    """The trap: tarfile takes a header that it cannot read for the end, and reports nothing."""
    whole = make_tar(tmp_path / "whole", SOUND, mode=mode).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: whole.index(b"README") if mode == "w" else -40])
    assert_refused(tmp_path / "cut", "is damaged")
    if mode == "w":
        (tmp_path / "flipped").write_bytes(whole.replace(b"README", b"readme"))
        with tarfile.open(tmp_path / "flipped") as bundle:
            assert len(bundle.getnames()) == 2
        assert_refused(tmp_path / "flipped", "is damaged .*ends in the middle")


def test_encrypted_zip(tmp_path):
    archive = make_zip(tmp_path / "a", SOUND)
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(signature)
        while place >= 0:
            content[place + offset] |= 1  # the flag that marks a member as encrypted
            place = content.find(signature, place + 4)
    archive.write_bytes(bytes(content))
    assert_refused(archive, "is damaged or no zip or tar file .*encrypted")


def test_name_that_occurs_twice(tmp_path):
    archive = make_tar(tmp_path / "a", {"x": b"1"}, special("x", tarfile.REGTYPE))
    assert_refused(archive, "'x' occurs twice")


def test_missing_archive(tmp_path):
    assert_refused(tmp_path / "none.zip", r"cannot be unpacked .*No such file.*Check that the archive is there")


def test_folder_in_use_is_left_alone(tmp_path):
    archive = make_zip(tmp_path / "a", SOUND)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine").write_text("precious")
    for target in (tmp_path / "used", tmp_path / "used" / "mine"):
        with pytest.raises(ArchiveError, match=r"is there already and not empty\. Remove it"):
            unpack(archive, target)
    assert (tmp_path / "used" / "mine").read_text() == "precious"
    assert [path.name for path in (tmp_path / "used").iterdir()] == ["mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_disk_that_takes_no_more(tmp_path):
    import resource

    archive = make_zip(tmp_path / "a", {"big": bytes(3_000_000)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))  # writing on fails, as it does on a full disk
    try:
        assert_refused(archive, r"cannot be unpacked .*File too large.*the disk has room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
