"""Surroundings of a test: an empty current folder without settings in the environment, and the time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SETTINGS = ("ANOMALY_CONFIG", "ANOMALY_STATE", "ANOMALY_MODELS")


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty current folder; no environment variable names another one."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def in_time_zone(name: str) -> Iterator[None]:
    """Set the local time zone during the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        try:
            yield
        finally:
            patch.undo()
            time.tzset()


@pytest.fixture
def utc() -> Iterator[None]:
    """Local time is UTC."""
    with in_time_zone("UTC"):
        yield
