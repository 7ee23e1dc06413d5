"""Files that the pages load, held in memory: what is not in the folder at the start cannot be asked for."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "static"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class StaticFile:
    """File with what its answer needs.

    Args:
        content: its bytes.
        compressed: the same, compressed by gzip.
        media_type: of the content.
        etag: entity tag that changes with the content.
    """

    content: bytes
    compressed: bytes
    media_type: str
    etag: str


def static_file(content: bytes, media_type: str) -> StaticFile:
    """Return a file with its compressed form and entity tag."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    return StaticFile(content, gzip.compress(content, 9, mtime=0), media_type, etag)


@cache
def static_files() -> dict[str, StaticFile]:
    """Return all files of the folder by their path below it."""
    return {
        path.relative_to(STATIC).as_posix(): static_file(path.read_bytes(), _MEDIA_TYPES[path.suffix])
        for path in sorted(STATIC.rglob("*"))
        if path.is_file() and path.suffix in _MEDIA_TYPES
    }
