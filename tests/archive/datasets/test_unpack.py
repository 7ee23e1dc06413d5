"""Unpacking writes plain files below the folder, or nothing."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.archive.datasets import unpack as unpacking
from anomaly.archive.datasets.unpack import unpack
from anomaly.errors import ConfigError, RemoteError
from support.zenodo_server import sound_zip

URL = "https://zenodo.example/records/1/files/a.zip"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "new"
    made.mkdir()
    return made


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "a.zip.part"


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def pack(archive: Path, *entries: tuple[zipfile.ZipInfo | str, bytes]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for entry, data in entries:
            zipped.writestr(entry, data)


def refused(archive: Path, folder: Path, why: str) -> None:
    with pytest.raises(RemoteError, match=why) as caught:
        unpack(archive, folder, where=URL)
    assert caught.value.where == URL
    assert names(folder) == []


@pytest.mark.parametrize(
    ("packed", "unpacked"),
    [
        (["pump/train/a.wav", "pump/test/b.wav"], ["test/b.wav", "train/a.wav"]),
        (["dev_data_pump/pump/train/a.wav", "dev_data_pump/pump/attributes.csv"], ["attributes.csv", "train/a.wav"]),
        (["fan/id_00/normal/a.wav", "fan/id_02/normal/a.wav"], ["id_00/normal/a.wav", "id_02/normal/a.wav"]),
        (["fan/id_00/normal/a.wav"], ["id_00/normal/a.wav"]),
        (["fan/test/a.wav", "fan/test/b.wav"], ["test/a.wav", "test/b.wav"]),
        (["fan/source_test/a.wav"], ["source_test/a.wav"]),
        (["a.wav", "fan/b.wav"], ["a.wav", "fan/b.wav"]),
        (["a.wav"], ["a.wav"]),
        (["fan/train/a.wav", "__MACOSX/fan/train/._a.wav", "fan/.DS_Store", "fan/train/._b.wav"], ["train/a.wav"]),
    ],
)  # fmt: skip
def test_enclosing_folders_are_dropped(
    archive: Path, folder: Path, packed: list[str], unpacked: list[str]
) -> None:
    archive.write_bytes(sound_zip(*packed))
    reported: list[tuple[int, int]] = []
    unpack(archive, folder, where=URL, on_bytes=lambda done, of: reported.append((done, of)))
    assert names(folder) == unpacked
    assert (
        reported[-1][0] == reported[-1][1] == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    )


def test_folders_and_empty_files(archive: Path, folder: Path) -> None:
    pack(archive, ("fan/", b""), ("fan/train/", b""), ("fan/train/a.wav", b""))
    unpack(archive, folder, where=URL)
    assert names(folder) == ["train/a.wav"]


@pytest.mark.parametrize(
    "name",
    ["../a.wav", "fan/../../a.wav", "/etc/a.wav", "fan//a.wav", "./a.wav", "fan/./a.wav", "C:/a.wav", "fan\\..\\a.wav"],
)  # fmt: skip
def test_names_that_lead_out_of_the_folder(archive: Path, folder: Path, tmp_path: Path, name: str) -> None:
    pack(archive, ("fan/good.wav", b"x"), (name, b"x"))
    before = names(tmp_path)
    refused(archive, folder, "leads out of the folder")
    assert names(tmp_path) == before


@pytest.mark.parametrize("name", ["fan/a\n.wav", "fan/\x1b[31m.wav", "fan/" + 256 * "a"])
def test_names_that_cannot_be_used(archive: Path, folder: Path, name: str) -> None:
    pack(archive, (name, b"x"))
    refused(archive, folder, "cannot be used")


def test_a_name_cut_by_a_zero_byte(archive: Path, folder: Path) -> None:
    pack(archive, ("fan/a.wavX", b"x"))
    archive.write_bytes(archive.read_bytes().replace(b"a.wavX", b"a.wav\0"))
    refused(archive, folder, "cannot be used")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices(archive: Path, folder: Path, kind: int) -> None:
    info = zipfile.ZipInfo("fan/a.wav")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    pack(archive, (info, b"/etc/passwd"))
    refused(archive, folder, "a link or a device")


def patched(archive: Path, offset: int, change: Callable[[int], int]) -> None:
    """Change a 16-bit field of the first entry of the central directory."""
    data = bytearray(archive.read_bytes())
    at = data.index(b"PK\x01\x02") + offset
    (value,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<H", data, at, change(value))
    archive.write_bytes(data)


def test_encrypted_files(archive: Path, folder: Path) -> None:
    pack(archive, ("fan/a.wav", b"x"))
    patched(archive, 8, lambda flags: flags | 1)
    refused(archive, folder, "encrypted")


def test_a_method_that_python_does_not_know(archive: Path, folder: Path) -> None:
    pack(archive, ("fan/a.wav", b"x"))
    patched(archive, 10, lambda method: 9)
    refused(archive, folder, "method 9")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_duplicate_name(archive: Path, folder: Path) -> None:
    pack(archive, ("fan/a.wav", b"x"), ("fan/a.wav", b"y"))
    refused(archive, folder, "twice")


def test_a_file_where_a_folder_is(archive: Path, folder: Path) -> None:
    pack(archive, ("a", b"x"), ("a/b.wav", b"y"))
    with pytest.raises(RemoteError, match="share one path"):
        unpack(archive, folder, where=URL)


def test_files_of_another_archive_are_not_overwritten(archive: Path, folder: Path) -> None:
    (folder / "train").mkdir()
    (folder / "train" / "a.wav").write_bytes(b"first")
    archive.write_bytes(sound_zip("fan/train/a.wav"))
    with pytest.raises(RemoteError, match="share one path"):
        unpack(archive, folder, where=URL)
    assert (folder / "train" / "a.wav").read_bytes() == b"first"


def test_a_zip_bomb(archive: Path, folder: Path) -> None:
    pack(archive, ("fan/a.wav", bytes(100 << 20)))
    assert archive.stat().st_size < 200_000
    refused(archive, folder, "would become")


def test_too_many_files(archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_MAX_FILES", 2)
    pack(archive, *[(f"fan/{number}.wav", b"x") for number in range(3)])
    refused(archive, folder, "3 files")


def test_a_file_that_is_longer_than_declared(archive: Path, folder: Path) -> None:
    pack(archive, ("fan/a.wav", bytes(5000)))
    data = bytearray(archive.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    archive.write_bytes(data)
    with pytest.raises(RemoteError, match="cannot be unpacked"):
        unpack(archive, folder, where=URL)


def test_a_file_that_was_changed(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("fan/a.wav", b"sound")
    archive.write_bytes(archive.read_bytes().replace(b"sound", b"noise"))
    with pytest.raises(RemoteError, match="cannot be unpacked"):
        unpack(archive, folder, where=URL)


@pytest.mark.parametrize("data", [b"", b"<html>not a zip</html>", sound_zip("a.wav")[:-30]])
def test_data_that_is_no_archive(archive: Path, folder: Path, data: bytes) -> None:
    archive.write_bytes(data)
    refused(archive, folder, "cannot be unpacked")


def test_an_empty_archive(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(), "w"):
        pack(archive)
    refused(archive, folder, "no files in it")


def test_a_full_disk(archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.write_bytes(sound_zip("fan/train/a.wav"))
    full = shutil._ntuple_diskusage(100, 90, 10)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(ConfigError, match="no room"):
        unpack(archive, folder, where=URL)
    assert names(folder) == []
