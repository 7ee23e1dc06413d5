"""Times and machines from paths."""

from __future__ import annotations

import pytest

from anomaly.archive.sources.naming import MachineNames, TimePattern, machine_pattern
from anomaly.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "path", "time"),
    [
        ("%Y%m%d_%H%M%S", "/a/pump_20250131_235900.wav", "2025-01-31T23:59:00+00:00"),
        ("%Y%m%d_%H%M%S", "x20251399_000000_20250102_030405.flac", "2025-01-02T03:04:05+00:00"),
        ("%Y-%m-%dT%H-%M-%S%z", "2025-06-01T12-00-00+0200 pump.wav", "2025-06-01T10:00:00+00:00"),
        ("%Y/%m/%d/%H%M", "s3://archive/2025/03/04/0506_pump.wav", "2025-03-04T05:06:00+00:00"),
        ("%y%j", "25032.wav", "2025-02-01T00:00:00+00:00"),
        ("%Y%m%d_%H%M%S", "/20250131_235900/pump.wav", None),
        ("%Y%m%d", "120250131.wav", None),
    ],
)
def test_a_time_is_found_anywhere_in_a_name(pattern: str, path: str, time: str | None) -> None:
    found = TimePattern(pattern).time_of(path)
    assert (None if found is None else found.isoformat()) == time


@pytest.mark.parametrize("pattern", ["%H%M%S", "%Y%m", "%Q", "pump", "%Y%m%d%", "%c"])
def test_a_pattern_without_a_date_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        TimePattern(pattern)


def test_machines_by_pattern_and_by_folder() -> None:
    names = MachineNames(pattern=machine_pattern("archive/*/{machine}/**.wav"))
    assert names.machine_of("/archive/2025/pump/a/b.wav") == "pump"
    assert names.machine_of("/archive/pump.wav") is None
    site = MachineNames(known=frozenset({"pump", "fan"}))
    assert site.machine_of("/fan/2025/pump/a.wav") == "pump"
    assert site.machine_of("/a/b.zip::fan/x.wav") == "fan"
    assert site.machine_of("/a/fan.wav") is None
    assert MachineNames(only="x").machine_of("/fan/a.wav") == "x"


@pytest.mark.parametrize("text", ["*.wav", "{machine}/{machine}"])
def test_a_pattern_names_the_machine_once(text: str) -> None:
    with pytest.raises(UsageError):
        machine_pattern(text)
