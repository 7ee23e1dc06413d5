"""Hashes of the code that decides a score: cached results are valid as long as the hash stays the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from lib.paths import BENCHMARKS, ROOT

# Folders of anomaly/ that decide the teacher's scores, and those that decide the student's on top of them.
TEACHER = ("audio", "features", "detect", "teacher", "training")
STUDENT = (*TEACHER, "student", "../chip")


def baseline_code(name: str) -> str:
    """Hash of a baseline detector and of what it imports."""
    folder = BENCHMARKS / "baselines"
    return _hash_of([folder / file for file in ("__init__.py", "log_mel.py", f"{name}.py")])


def product_code(folders: Sequence[str]) -> str:
    """Hash of the Python and YAML files in these folders of anomaly/."""
    found = [path for folder in folders for path in (ROOT / "anomaly" / folder).rglob("*")]
    return _hash_of(sorted(path for path in found if path.suffix in (".py", ".yaml")))


def _hash_of(files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0".encode() + path.read_bytes())
    return total.hexdigest()
