"""Durations on the command line."""

from __future__ import annotations

import pytest

from anomaly.alerts.duration import duration_s
from anomaly.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0.0), ("90s", 90.0), ("30m", 1800.0), (" 1.5 H ", 5400.0), ("2d", 172_800.0)],
)
def test_spans(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "8", "h", "-1h", "1e9h", "1w", "8h later", "٣h", "9" * 40 + "s"])
def test_invalid_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no span of time"):
        duration_s(text)
