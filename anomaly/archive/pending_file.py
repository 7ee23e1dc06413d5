"""Text file written piece by piece under a hidden name, which gets its own name when it is complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anomaly.errors import ConfigError


class PendingFile:
    """A file that appears whole or not at all; until then a file of that name stays as it is.

    Args:
        path: where it will be; missing folders are made.

    Raises:
        ConfigError: the folder cannot be written; `write` and `commit` raise it where the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._new_folders = [parent for parent in path.parents if not parent.exists()]
        with _config_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # A file name that is no text keeps its bytes.
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by commit or discard
                "w",
                encoding="utf-8",
                errors="surrogateescape",
                newline="",
                dir=path.parent,
                prefix=f".{path.name}.",
                delete=False,
            )
        self._temporary = Path(self._file.name)

    def write(self, text: str) -> int:
        """Append text; line ends stay as they are. Return the number of characters, as text files do."""
        with _config_error(self.path):
            return self._file.write(text)

    def commit(self) -> Path:
        """Give the file its name, and return it."""
        try:
            with _config_error(self.path):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._temporary.chmod(0o644)
                self._temporary.replace(self.path)
        except BaseException:
            self.discard()
            raise
        return self.path

    def discard(self) -> None:
        """Remove what was written unless it was committed, and folders made for it that are empty."""
        with suppress(OSError):  # what is still in the buffer may not fit on the disk either
            self._file.close()
        self._temporary.unlink(missing_ok=True)
        for folder in self._new_folders:
            with suppress(OSError):  # not empty, or gone
                folder.rmdir()


@contextmanager
def _config_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=path) from error
