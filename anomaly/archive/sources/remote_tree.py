"""Folders behind an address, such as ``s3://bucket/2025``, through fsspec."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from anomaly.archive.sources.folder_walk import Entry
from anomaly.errors import AnomalyError, ConfigError, InputError, RemoteError, UsageError
from anomaly.extras import needs


def is_address(word: str) -> bool:
    """Return whether a word is an address with a protocol."""
    return "://" in word


class RemoteTree:
    """Tree of an address.

    Args:
        address: of a folder or a file.
        endpoint: address of the object store, where it is not Amazon's.

    Raises:
        UsageError: the protocol is unknown.
        ConfigError: fsspec, or the package of the protocol, is not installed.
    """

    def __init__(self, address: str, endpoint: str | None = None) -> None:
        with needs("archive"):
            import fsspec
        protocol = address.partition("://")[0]
        try:
            kind = fsspec.get_filesystem_class(protocol)
        except ValueError as error:
            raise UsageError(
                f"there is no protocol {protocol!r}", where=address, hint="such as s3, gs, file"
            ) from error
        except ImportError as error:
            raise ConfigError(f"{protocol}:// needs a package: {error}", where=address) from error
        with remote_errors(address):
            # Instances are cached by fsspec with their connections and listings; listings grow old.
            self._files: Any = kind(**storage_options(protocol, endpoint), use_listings_cache=False)
            self.root = str(kind._strip_protocol(address))
        self._protocol = protocol

    def is_file(self) -> bool:
        """Return whether the address is that of a file."""
        with remote_errors(self._named(self.root)):
            return bool(self._files.isfile(self.root))

    def file_entry(self) -> Entry:
        """Return the entry of the address itself.

        Raises:
            InputError: there is nothing.
        """
        with remote_errors(self._named(self.root)):
            return self._entry(self._files.info(self.root))

    def entries(self, folder: str) -> list[Entry]:
        """Return the entries of a folder, named by its address.

        Raises:
            InputError: there is no such folder.
            RemoteError: the store does not answer.
        """
        with remote_errors(folder):
            path = self._files._strip_protocol(folder)
            found = [self._entry(info) for info in self._files.ls(path, detail=True)]
            # Some stores list the folder itself.
            return [entry for entry in found if entry.name and entry.path.rstrip("/") != folder.rstrip("/")]

    def _entry(self, info: dict[str, Any]) -> Entry:
        name = str(info["name"]).rstrip("/")
        size = info.get("size")
        return Entry(
            name.rpartition("/")[2],
            self._named(name),
            info.get("type") == "directory",
            None if size is None else int(size),
            _mtime_ns(info),
        )

    def _named(self, path: str) -> str:
        return f"{self._protocol}://{path.lstrip('/') if self._protocol != 'file' else path}"


def storage_options(protocol: str, endpoint: str | None) -> dict[str, Any]:
    """Return the options of fsspec for a protocol; keys come from the environment, as for the store's own tools."""
    if endpoint is None or protocol not in ("s3", "s3a"):
        return {}
    return {"client_kwargs": {"endpoint_url": endpoint}}


@contextmanager
def remote_errors(address: str) -> Iterator[None]:
    """Turn whatever a file system of fsspec raises into an error that names the address.

    Raises:
        InputError: there is nothing at the address, or it may not be read.
        RemoteError: the store does not answer, or answers with an error.
    """
    try:
        yield
    except AnomalyError:
        raise
    except FileNotFoundError as error:
        raise InputError(
            "there is no such file or folder", where=address, hint="check the address"
        ) from error
    except PermissionError as error:
        raise InputError(
            "may not be read", where=address, hint="check the keys in the environment"
        ) from error
    except Exception as error:  # each store has errors of its own
        raise RemoteError(f"cannot be read: {type(error).__name__}: {error}", where=address) from error


def _mtime_ns(info: dict[str, Any]) -> int | None:
    for key in ("LastModified", "last_modified", "mtime", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return round(value.timestamp() * 1e6) * 1000
        if isinstance(value, int | float):
            return round(value * 1e6) * 1000
    return None
