"""Opening of the files of a shard as files on disk: those elsewhere are copied to a temporary one, and removed."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.sources.container_names import SEPARATOR, ZIP_SUFFIXES, is_packed_tar
from anomaly.archive.sources.remote_tree import is_address, remote_errors, storage_options
from anomaly.errors import InputError
from anomaly.extras import needs

_CHUNK_BYTES = 1 << 20
# A member or object of more bytes does not fit the temporary folder of most computers.
MAX_BYTES = 16 << 30
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


class FileOpener:
    """Opens the files of one shard; an archive stays open from one of its members to the next.

    Args:
        endpoint: address of the object store, where it is not Amazon's.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self._stack = ExitStack()
        self._container: tuple[str, Any] | None = None

    def __enter__(self) -> FileOpener:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def local_path(self, file: ArchiveFile) -> Iterator[Path]:
        """Yield the path of a file with the content of one of the archive.

        Raises:
            InputError: it cannot be read.
            RemoteError: the store does not answer.
        """
        if is_address(file.path) and not file.path.startswith("file://"):
            with remote_errors(file.path), self._fetched(file) as copy:
                yield copy
        elif SEPARATOR in file.path and not Path(file.path).exists():
            with self._unpacked(file) as copy:
                yield copy
        else:
            yield Path(file.path.removeprefix("file://"))

    @contextmanager
    def _fetched(self, file: ArchiveFile) -> Iterator[Path]:
        with needs("archive"):
            import fsspec
        protocol = file.path.partition("://")[0]
        options = storage_options(protocol, self._endpoint)
        with fsspec.open(file.path, "rb", **options) as source, _copied(source, file, None) as copy:
            yield copy

    @contextmanager
    def _unpacked(self, file: ArchiveFile) -> Iterator[Path]:
        archive, _, member = file.path.partition(SEPARATOR)
        with ExitStack() as stack:
            try:
                source = self._member(archive, member, file)
                copy = stack.enter_context(_copied(source, file, file.size_bytes))
            except _DAMAGE as error:
                self._close_container()
                raise InputError(f"cannot be unpacked: {error}", where=file.path) from error
            yield copy

    def _member(self, archive: str, member: str, file: ArchiveFile) -> IO[bytes]:
        opened = self._opened(archive)
        if isinstance(opened, zipfile.ZipFile):
            return opened.open(member)
        if not isinstance(opened, tarfile.TarFile):
            opened.seek(file.offset)
            stream: IO[bytes] = opened
            return stream
        # A compressed archive is read once, because the members of a shard follow each other.
        for info in opened:
            setattr(opened, "members", [])  # noqa: B010 - else tarfile keeps them all
            if info.name == member and (found := opened.extractfile(info)) is not None:
                return found
        self._close_container()
        raise LookupError(f"{member} is not in the archive any more")

    def _opened(self, archive: str) -> Any:
        if self._container is None or self._container[0] != archive:
            self._close_container()
            if archive.lower().endswith(ZIP_SUFFIXES):
                opened: Any = zipfile.ZipFile(archive)
            elif is_packed_tar(archive):
                opened = tarfile.open(archive, "r|*")  # noqa: SIM115 - closed with the shard
            else:
                opened = open(archive, "rb")  # noqa: SIM115 - closed with the shard
            self._container = (archive, self._stack.enter_context(opened))
        return self._container[1]

    def _close_container(self) -> None:
        self._stack.close()
        self._container = None


@contextmanager
def _copied(source: Any, file: ArchiveFile, size: int | None) -> Iterator[Path]:
    """Yield a temporary file with the bytes of a source: exactly ``size`` of them, if that is known."""
    name = file.path.rpartition("/")[2].rpartition(SEPARATOR)[2]
    with tempfile.NamedTemporaryFile(prefix="anomaly-", suffix=Path(name).suffix[:8]) as copy:
        if size is None:
            _copy_all(source, copy)
        else:
            _copy_exactly(source, copy, size)
        copy.flush()
        yield Path(copy.name)


def _copy_all(source: Any, copy: Any) -> None:
    total = 0
    while chunk := source.read(_CHUNK_BYTES):
        total += len(chunk)
        if total > MAX_BYTES:
            raise OSError(f"is larger than {MAX_BYTES >> 30} GiB")
        copy.write(chunk)


def _copy_exactly(source: Any, copy: Any, size: int) -> None:
    if size > min(MAX_BYTES, shutil.disk_usage(tempfile.gettempdir()).free):
        raise OSError(f"holds {size} bytes, more than fit the temporary folder")
    left = size
    while left:
        chunk = source.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise EOFError(f"ends {left} bytes early")
        copy.write(chunk)
        left -= len(chunk)
