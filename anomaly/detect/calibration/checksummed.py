"""JSON files with a checksum over their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_LIMIT_BYTES = 2**26
ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""Whatever reading a damaged file may raise, here or in what makes use of its content."""


def dump(facts: dict[str, Any]) -> bytes:
    """Return the bytes of a file that holds ``facts`` and their checksum."""
    return json.dumps(facts | {"checksum": _checksum(facts)}, sort_keys=True).encode()


def load(path: Path) -> dict[str, Any]:
    """Read back what `dump` made.

    Raises:
        OSError: it cannot be read.
        ValueError: its checksum is wrong; anything else in `ERRORS`: it is no such file.
    """
    if path.stat().st_size > _LIMIT_BYTES:
        raise ValueError("it is too large")
    facts: dict[str, Any] = json.loads(path.read_bytes())
    written = facts.pop("checksum")
    if written != _checksum(facts):
        raise ValueError("its checksum is wrong")
    return facts


def _checksum(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
