"""Safe unpacking of a zip archive from the net: plain files only, below the folder only, within limits of size."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from anomaly.errors import ConfigError, RemoteError

_CHUNK_BYTES = 1 << 20
_MAX_FILES = 500_000
# Limit against zip bombs: recordings shrink to about 80 % in a zip, silence shrinks more. Small archives may exceed it
# by the slack.
_MAX_RATIO = 50
_SLACK_BYTES = 64 << 20
# Limit of most file systems.
_MAX_NAME_BYTES = 255
_IGNORED = frozenset({"__MACOSX", ".DS_Store"})
# Folders that carry a meaning for the layout; any other folder around all files of an archive is dropped.
_LAYOUT = re.compile(r"train|test|(source|target)_(train|test)|supplemental|normal|abnormal|(id|section)_\d+")

Done = Callable[[int, int], None]
"""Progress callback: bytes unpacked, and all bytes."""


def unpack(archive: Path, folder: Path, *, where: str, on_bytes: Done = lambda done, of: None) -> None:
    """Unpack into ``folder``, which exists and holds no links, without folders that only enclose the others.

    ``pump/train/…`` and ``dev_data_pump/pump/train/…`` both become ``train/…``.

    Args:
        archive: the zip file.
        folder: target; existing files are never overwritten.
        where: address of the archive, for messages.
        on_bytes: called as the work proceeds.

    Raises:
        RemoteError: it is no complete zip archive, or unsafe: it holds an absolute name or one with ``..``, a link, a
            device, an encrypted file, a duplicate name, or far more bytes than it should.
        ConfigError: the folder cannot be written, or the disk is full.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            files = _checked(zipped, archive.stat().st_size, where)
            total = sum(info.file_size for info in files.values())
            free = shutil.disk_usage(folder).free
            if total > free:
                raise ConfigError(f"no room: {total} bytes to unpack, {free} free", where=folder)
            done = 0
            for path, info in files.items():
                done = _write(zipped, info, folder / path, done, lambda so_far: on_bytes(so_far, total))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
        raise RemoteError(f"cannot be unpacked: {error}", where=where) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _unsafe("two entries share one path", where) from error
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", where=folder) from error


def _checked(zipped: zipfile.ZipFile, packed_bytes: int, where: str) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Return the files to write by their path below the folder, once all entries are found safe."""
    entries = zipped.infolist()
    if len(entries) > _MAX_FILES:
        raise _unsafe(f"it holds {len(entries)} files", where)
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for info in entries:
        path = _safe(info, where)
        if info.is_dir() or any(part in _IGNORED or part.startswith("._") for part in path.parts):
            continue
        if path in files:
            raise _unsafe(f"{path} is there twice", where)
        files[path] = info
    if not files:
        raise RemoteError("there are no files in it", where=where)
    total = sum(info.file_size for info in files.values())
    if total > _MAX_RATIO * packed_bytes + _SLACK_BYTES:
        raise _unsafe(f"{packed_bytes} bytes would become {total}", where)
    depth = _enclosing_depth(list(files))
    return {PurePosixPath(*path.parts[depth:]): info for path, info in files.items()}


def _safe(info: zipfile.ZipInfo, where: str) -> PurePosixPath:
    """Return the path of an entry, if it leads below the folder and to a plain file or folder."""
    name = info.orig_filename
    parts = name.removesuffix("/").split("/")
    if name.startswith("/") or "\\" in name or ":" in parts[0] or set(parts) & {"", ".", ".."}:
        raise _unsafe(f"the name {name!r} leads out of the folder", where)
    if not name.isprintable() or max(len(part.encode()) for part in parts) > _MAX_NAME_BYTES:
        raise _unsafe(f"the name {name[:80]!r} cannot be used", where)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe(f"{name!r} is a link or a device", where)
    if info.flag_bits & 1:
        raise _unsafe(f"{name!r} is encrypted", where)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _unsafe(f"{name!r} is packed by method {info.compress_type}, unknown here", where)
    return PurePosixPath(*parts)


def _enclosing_depth(paths: list[PurePosixPath]) -> int:
    """Return the number of folders that enclose all files and carry no meaning for the layout."""
    depth = 0
    while True:
        here = {path.parts[depth] if len(path.parts) > depth + 1 else "" for path in paths}
        if len(here) != 1 or here == {""} or _LAYOUT.fullmatch(next(iter(here)).lower()):
            return depth
        depth += 1


def _write(
    zipped: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, done: int, on_bytes: Callable[[int], None]
) -> int:
    """Write one file, no byte more than its entry declares; zipfile compares the checksum at its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = info.file_size
    with zipped.open(info) as packed, path.open("xb") as out:
        while chunk := packed.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise zipfile.BadZipFile(f"{info.filename} is longer than it says")
            out.write(chunk)
            done += len(chunk)
            on_bytes(done)
    if left:
        raise zipfile.BadZipFile(f"{info.filename} is shorter than it says")
    return done


def _unsafe(reason: str, where: str) -> RemoteError:
    return RemoteError(
        f"the archive is refused: {reason}",
        where=where,
        hint="nothing was kept; tell the publisher of the data",
    )
