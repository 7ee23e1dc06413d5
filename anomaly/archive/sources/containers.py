"""Members of tar and zip archives, in place: nothing is unpacked but the member that is read.

The row of a member stands under ``archive.zip::folder/name.wav``.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from anomaly.archive.archive_file import ArchiveFile, local_file
from anomaly.archive.sources.container_names import SEPARATOR, ZIP_SUFFIXES, is_packed_tar
from anomaly.archive.sources.skipped_files import SkippedFiles
from anomaly.audio.files.recordings import AUDIO_SUFFIXES

# Limit against bombs, as for data sets from the net: recordings shrink to about 80 %, silence shrinks more.
MAX_RATIO, SLACK_BYTES = 50, 64 << 20
# Names of more members than these fill the memory.
MAX_MEMBERS = 2_000_000
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
)


def members(path: str, skipped: SkippedFiles) -> Iterator[ArchiveFile]:
    """Yield the recordings of an archive: sorted, those of a compressed tar in its own order.

    An archive that cannot be used, and a member that must not be read, are files with a fault.

    Args:
        path: of the archive.
        skipped: counts the members that are no recordings by their names.
    """
    archive = local_file(Path(path))
    try:
        found = _zip_members(archive) if path.lower().endswith(ZIP_SUFFIXES) else _tar_members(archive)
        if is_packed_tar(path):
            yield from _recordings(found, skipped)
        else:
            yield from _recordings(sorted(found, key=lambda file: file.path), skipped)
    except _DAMAGE as error:
        yield _faulty(archive, path, f"the archive cannot be read: {error or type(error).__name__}")


def _recordings(
    found: Iterator[ArchiveFile] | list[ArchiveFile], skipped: SkippedFiles
) -> Iterator[ArchiveFile]:
    for file in found:
        suffix = Path(file.path).suffix.lower()
        if file.fault is not None or suffix in AUDIO_SUFFIXES:
            yield file
        else:
            skipped.add(file.path.rpartition("/")[2], suffix or "without a suffix")


def _zip_members(archive: ArchiveFile) -> Iterator[ArchiveFile]:
    with zipfile.ZipFile(archive.path) as opened:
        infos = [info for info in opened.infolist() if not info.is_dir()]
        total = sum(info.file_size for info in infos)
        if (bomb := _bomb(total, archive.size_bytes or 0)) is not None or len(infos) > MAX_MEMBERS:
            yield _faulty(archive, archive.path, bomb or f"the archive holds {len(infos)} files")
            return
        for info in infos:
            name = f"{archive.path}{SEPARATOR}{info.filename}"
            fault = _climbs(info.orig_filename)
            if info.flag_bits & 1:
                fault = "is encrypted"
            if (info.external_attr >> 16) & 0o170000 not in (0, 0o100000):
                fault = "is a link or a device"
            yield ArchiveFile(name, info.file_size, archive.mtime_ns, fault=fault)


def _tar_members(archive: ArchiveFile) -> Iterator[ArchiveFile]:
    packed = is_packed_tar(archive.path)
    with tarfile.open(archive.path, "r|*" if packed else "r:") as opened:
        total = count = 0
        for info in opened:
            setattr(opened, "members", [])  # noqa: B010 - else tarfile keeps them all
            total, count = total + info.size, count + 1
            if (bomb := _bomb(total, archive.size_bytes or 0)) is not None or count > MAX_MEMBERS:
                yield _faulty(archive, archive.path, bomb or f"the archive holds more than {count} files")
                return
            if info.isdir():
                continue
            fault = _climbs(info.name) or (None if info.isreg() else "is a link or a device")
            yield ArchiveFile(
                f"{archive.path}{SEPARATOR}{info.name}",
                info.size,
                archive.mtime_ns,
                offset=None if packed else info.offset_data,
                fault=fault,
            )


def _bomb(total: int, packed_bytes: int) -> str | None:
    if total > MAX_RATIO * packed_bytes + SLACK_BYTES:
        return f"the archive is refused: {packed_bytes} bytes would become {total}"
    return None


def _climbs(name: str) -> str | None:
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in parts[0] or ".." in parts:
        return "is refused: its name leads out of the archive"
    return None


def _faulty(archive: ArchiveFile, path: str, fault: str) -> ArchiveFile:
    return ArchiveFile(path, archive.size_bytes, archive.mtime_ns, fault=fault)
