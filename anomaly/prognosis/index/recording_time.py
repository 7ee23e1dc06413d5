"""Time of a recording from its name, as collectors of periodic measurements write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from anomaly.errors import InputError

FORMS = "20260401T120000Z, 2026-04-01_12-00-00, 20260401_1200 or seconds since 1970"
_DATE_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_ T.]*(\d\d)[-_.:h]?(\d\d)"
    r"(?:[-_.:m]?(\d\d))?(?:[.,](\d{1,6}))?(Z)?(?!\d)"
)
_UNIX = re.compile(r"(?<!\d)(\d{10})(?:\.(\d{1,6}))?(?!\d)")


def recording_time_s(path: Path) -> float | None:
    """Return the time in a file's name, or else in the names of its folders, as UNIX seconds; None if there is none.

    A time without ``Z`` is one of this computer's time zone.

    Example:
        >>> recording_time_s(Path("pump_20260401T120000Z.wav"))
        1775044800.0
    """
    for name in (path.stem, " ".join([*path.parts[-3:-1], path.stem])):
        for found in _DATE_TIME.finditer(name):
            try:
                return _unix_s(found)
            except ValueError:  # month 13: some other number
                continue
        if (number := _UNIX.search(name)) is not None:
            return float(number[0])
    return None


def recording_times_s(paths: Sequence[Path], where: object) -> list[float]:
    """Return the time of each of many recordings.

    Raises:
        InputError: one has no time in its name.
    """
    times = [recording_time_s(path) for path in paths]
    without = [path.name for path, time in zip(paths, times, strict=True) if time is None]
    if without:
        raise InputError(
            f"{len(without)} of {len(paths)} recordings have no time in their names, such as {without[0]}",
            where=where,
            hint=f"a trend needs to know when each was made; names may hold {FORMS}",
        )
    return [time for time in times if time is not None]


def _unix_s(found: re.Match[str]) -> float:
    year, month, day, hour, minute = (int(part) for part in found.groups()[:5])
    second, fraction, zone = int(found[6] or 0), float(f"0.{found[7] or 0}"), found[8]
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC if zone else None)
    return moment.timestamp() + fraction
