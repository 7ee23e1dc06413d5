"""Fingerprints of recordings and code, by which a model can be traced to its origin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from anomaly.errors import InputError

_SHIPPED = (".py", ".yaml", ".html")


def of_files(paths: Iterable[Path], *, base: Path, skip_unreadable: bool = False) -> str:
    """Return the SHA-256 over names (relative to ``base``) and bytes of files, independent of their order.

    Args:
        paths: the files.
        base: folder that the names are relative to.
        skip_unreadable: leave out files that cannot be opened instead of raising.

    Raises:
        InputError: a file cannot be read.
    """
    total = hashlib.sha256()
    for path in sorted(paths):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            if skip_unreadable:
                continue
            raise InputError(f"cannot be read: {error.strerror}", where=path) from error
        total.update(f"{path.relative_to(base).as_posix()}\0{digest}\n".encode())
    return total.hexdigest()


def of_code() -> str:
    """Return the SHA-256 over the installed source files and package data of ``anomaly`` and ``chip``."""
    parts = []
    for package in ("anomaly", "chip"):
        found = find_spec(package)
        for folder in map(Path, (found and found.submodule_search_locations) or []):
            shipped = [path for path in folder.rglob("*") if path.suffix in _SHIPPED]
            parts.append(of_files(shipped, base=folder))
    return hashlib.sha256("".join(parts).encode()).hexdigest()
