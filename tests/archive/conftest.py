"""Rows of a scored and of an unreadable file."""

from __future__ import annotations

import pytest

from anomaly.archive.rows import FileRow, SecondRow


@pytest.fixture
def scored() -> FileRow:
    """Row with its seconds, a name that CSV has to quote, and numbers that need all their digits."""
    seconds = (SecondRow(0, 0.3, 0.25, None), SecondRow(1, 1e-7, 1e-12, "OK"))
    return FileRow('a "b", c.wav', 2.0, 0.1 + 0.2, 1 / 3, "ALARM", "ok", None, seconds, "ok")


@pytest.fixture
def unreadable() -> FileRow:
    """Row of a file without a score."""
    return FileRow("d.wav", None, None, None, None, "error", "is empty (0 bytes)", ())
