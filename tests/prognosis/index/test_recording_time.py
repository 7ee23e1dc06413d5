"""Times in the names of recordings, in the forms that collectors write, and numbers that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.errors import InputError
from anomaly.prognosis.index.recording_time import recording_time_s, recording_times_s

NOON_S = 1_775_044_800.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pump_20260401T120000Z.wav", NOON_S),
        ("2026-04-01_12-00-05Z.wav", NOON_S + 5),
        ("20260401_1200Z_pump3.flac", NOON_S),
        ("2026.04.01 12.00.00.250Z.wav", NOON_S + 0.25),
        ("snap_1775044800.wav", NOON_S),
        ("1775044800.5.wav", NOON_S + 0.5),
        ("2026-04-01/12-00-00Z.wav", NOON_S),
        ("pump_7.wav", None),
        ("20261340_996100.wav", None),
        ("serial_123456789012.wav", None),
    ],
)
def test_times(name: str, expected: float | None) -> None:
    assert recording_time_s(Path("/data/route", name)) == expected


def test_the_error_names_a_recording_without_a_time() -> None:
    with pytest.raises(InputError, match=r"1 of 2 recordings .* such as b\.wav"):
        recording_times_s([Path("20260401T120000Z.wav"), Path("b.wav")], "folder")
