"""Clips are complete, hold every sample once, and are saved on an interruption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.capture.microphone import CapturedBlock
from anomaly.audio.capture.record import Recorder, record
from anomaly.audio.sensor.health import Health
from anomaly.errors import ConfigError, DeviceError

RATE_HZ = 1_000
SOUND = (0.1 * np.random.default_rng(0).standard_normal(10_500)).astype(np.float32)


class Tape:
    """A microphone that plays an array, then fails."""

    sample_rate_hz = RATE_HZ

    def __init__(self, samples: np.ndarray, error: BaseException, gap_before: int | None = None) -> None:
        self.parts = np.array_split(samples, 37)
        self.error, self.gap_before, self.count = error, gap_before, 0

    def read(self) -> CapturedBlock:
        if self.count == len(self.parts):
            raise self.error
        self.count += 1
        return CapturedBlock(self.parts[self.count - 1], 0, 0.0, self.count - 1 == self.gap_before)


def saved(folder: Path) -> list[np.ndarray]:
    return [soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob("*.wav"))]


def test_clips_hold_every_sample_once(tmp_path: Path) -> None:
    paths: list[Path] = []
    recorder = Recorder(tmp_path / "normal", 3, RATE_HZ, on_saved=paths.append)
    done = record(Tape(SOUND, EOFError()), recorder, 10)  # type: ignore[arg-type]
    clips = saved(tmp_path / "normal")
    assert [len(clip) for clip in clips] == [3_000, 3_000, 3_000, 1_000]
    np.testing.assert_allclose(np.concatenate(clips), SOUND[:10_000], atol=2**-22)
    assert done.files == paths == sorted((tmp_path / "normal").iterdir())
    assert done.seconds == 10
    assert [path.name[-8:] for path in paths] == ["_001.wav", "_002.wav", "_003.wav", "_004.wav"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DeviceError("was lost")])
def test_an_interruption_saves_the_sound_before_it(error: BaseException, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 4, RATE_HZ)
    with pytest.raises(type(error)):
        record(Tape(SOUND, error), recorder, 60)  # type: ignore[arg-type]
    assert [len(clip) for clip in saved(tmp_path)] == [4_000, 4_000, 2_500]


def test_less_than_a_second_is_not_saved(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 5, RATE_HZ)
    with pytest.raises(KeyboardInterrupt):
        record(Tape(SOUND[:5_900], KeyboardInterrupt()), recorder, 60)  # type: ignore[arg-type]
    assert [len(clip) for clip in saved(tmp_path)] == [5_000]


def test_a_gap_starts_a_new_clip(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 60, RATE_HZ)
    tape = Tape(SOUND, EOFError(), gap_before=20)
    done = record(tape, recorder, 10)  # type: ignore[arg-type]
    before = sum(len(part) for part in tape.parts[:20])
    assert [len(clip) for clip in saved(tmp_path)] == [before, 10_000 - before]
    assert done.gaps == 1
    assert "sound was lost: 1" in done.warnings()[0]


def test_two_recordings_in_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for _ in range(2):
        record(Tape(SOUND, EOFError()), Recorder(tmp_path, 5, RATE_HZ), 10)  # type: ignore[arg-type]
    assert len(saved(tmp_path)) == 4


def test_each_second_is_checked(tmp_path: Path) -> None:
    seconds: list[Health] = []
    parts = [
        SOUND[:2_000],
        np.zeros(3_000, np.float32),
        np.sign(SOUND[:1_000]),
        SOUND[:4_000] + np.float32(0.2),
    ]
    recorder = Recorder(tmp_path, 60, RATE_HZ, on_second=seconds.append)
    done = record(Tape(np.concatenate(parts), EOFError()), recorder, 10)  # type: ignore[arg-type]
    assert [health.status for health in seconds] == ["ok"] * 2 + ["silent"] * 3 + ["clipping"] + [
        "dc-offset"
    ] * 4
    assert (done.silent_s, done.clipping_s, done.dc_offset_s) == (3, 1, 4)
    assert len(done.warnings()) == 3


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError):
        Recorder(tmp_path / "file" / "normal", 60, RATE_HZ)
