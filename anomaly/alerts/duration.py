"""Durations on the command line: ``30m``, ``8h``, ``2d``."""

from __future__ import annotations

import re

from anomaly.errors import UsageError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_SPAN = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([smhd])\s*", re.ASCII | re.IGNORECASE)


def duration_s(text: str) -> float:
    """Convert a duration, a number and one of s, m, h, d, to seconds.

    Example:
        >>> duration_s("8h")
        28800.0

    Raises:
        UsageError: the text has another form.
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} is no span of time", hint="write a number and s, m, h or d, such as 30m or 8h"
        )
    return float(found[1]) * _SECONDS[found[2].lower()]
