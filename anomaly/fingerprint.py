"""Short names for what a model was made from: the recordings and the code, so that a result can be traced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from anomaly.errors import InputError

_SHIPPED = (".py", ".yaml", ".html")


def of_files(paths: Iterable[Path], *, base: Path) -> str:
    """SHA-256 over names (relative to ``base``) and bytes of files, whatever their order.

    Raises:
        InputError: a file cannot be read.
    """
    total = hashlib.sha256()
    for path in sorted(paths):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=path) from error
        total.update(f"{path.relative_to(base).as_posix()}\0{digest}\n".encode())
    return total.hexdigest()


def of_code() -> str:
    """SHA-256 over the source files and package data of ``anomaly`` and ``chip`` as they are installed."""
    import anomaly
    import chip

    parts = []
    for package in (anomaly, chip):
        root = Path(package.__path__[0])
        shipped = [path for path in root.rglob("*") if path.suffix in _SHIPPED]
        parts.append(of_files(shipped, base=root))
    return hashlib.sha256("".join(parts).encode()).hexdigest()
