"""Formats that differ from those of training are named in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.files.audio_format import AudioFormat
from anomaly.audio.files.format_reference import (
    FormatReference,
    describe,
    fit_format_reference,
    may_explain_score,
)
from anomaly.audio.files.recordings import ReadingReport, blocks
from anomaly.errors import ModelError

REFERENCE = FormatReference((16_000,), (1,), ("PCM",), -28.0, -24.0)


def report_of(path: Path, channels: int, rate_hz: int, level: float = 0.05) -> ReadingReport:
    shape = (2 * rate_hz,) if channels == 1 else (2 * rate_hz, channels)
    # One sound in all channels, and no change of its level by resampling.
    tone = level * np.sqrt(2) * np.sin(2 * np.pi * 1_000 * np.arange(2 * rate_hz) / rate_hz)
    soundfile.write(path, tone if channels == 1 else np.broadcast_to(tone[:, None], shape), rate_hz)
    report = ReadingReport()
    list(blocks(path, report=report))
    return report


def test_the_same_format_has_no_differences(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac", "a.aiff"):
        assert REFERENCE.differences(report_of(tmp_path / name, 1, 16_000)) == ()
    assert describe(()) is None


@pytest.mark.parametrize(
    ("name", "channels", "rate_hz", "level", "text"),
    [
        ("a.wav", 1, 48_000, 0.05, "48 kHz (training 16 kHz)"),
        ("a.wav", 1, 44_100, 0.05, "44.1 kHz (training 16 kHz)"),
        ("a.wav", 2, 16_000, 0.05, "2 channels (training 1)"),
        ("a.mp3", 1, 16_000, 0.05, "MP3 (training PCM)"),
        ("a.ogg", 1, 16_000, 0.05, "Vorbis (training PCM)"),
        ("a.wav", 1, 16_000, 0.02, "-34.0 dBFS (training -28.0 to -24.0)"),
        ("a.wav", 2, 48_000, 0.05, "48 kHz (training 16 kHz), 2 channels (training 1)"),
    ],
)
def test_differences_are_named(
    name: str, channels: int, rate_hz: int, level: float, text: str, tmp_path: Path
) -> None:
    found = REFERENCE.differences(report_of(tmp_path / name, channels, rate_hz, level))
    assert describe(found) == text
    assert may_explain_score(found) == ("dBFS" not in text)


def test_values_are_read_back() -> None:
    assert FormatReference.from_dict(REFERENCE.to_dict()) == REFERENCE
    for bad in (
        None,
        {},
        {**REFERENCE.to_dict(), "channels": None},
        {**REFERENCE.to_dict(), "lowest_dbfs": np.nan},
    ):
        with pytest.raises(ModelError):
            FormatReference.from_dict(bad)


def test_the_range_of_levels_leaves_out_the_extremes() -> None:
    form = AudioFormat(16_000, 1, None, "WAV", "PCM_16")
    levels = [-26.0] * 500 + [-60.0, 0.0]
    reference = fit_format_reference([form], levels)
    assert reference == FormatReference((16_000,), (1,), ("PCM",), -26.0, -26.0)
    assert fit_format_reference([], []) is None
