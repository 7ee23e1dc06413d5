"""Training recordings: blocks of those with sound, faulty ones left out by name, formats of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.errors import InputError
from anomaly.evaluate.layouts.layouts import Clip
from anomaly.features.mel import Samples
from anomaly.training.clip_reading import FaultyRecording, read_clips
from anomaly.training.training_data import cut_blocks

RANDOM = np.random.default_rng(0)


def noise(seconds: float, level: float = 0.05) -> Samples:
    made: Samples = (level * RANDOM.standard_normal(round(16_000 * seconds))).astype(np.float32)
    return made


def clip(folder: Path, name: str, samples: Samples) -> Clip:
    soundfile.write(folder / f"{name}.wav", samples, 16_000, subtype="FLOAT")
    return Clip(folder / f"{name}.wav", "normal", None, name)


def faulty_clips(folder: Path) -> list[Clip]:
    """A text, an empty file, one with a value that is no number in its last block, and one cut in half."""
    damaged = noise(130)
    damaged[-10] = np.nan
    clips = [clip(folder, name, noise(5)) for name in ("text", "empty", "half")]
    clips.append(clip(folder, "nan", damaged))
    clips[0].path.write_text("no sound")
    clips[1].path.write_bytes(b"")
    data = clips[2].path.read_bytes()
    clips[2].path.write_bytes(data[: len(data) // 2])
    return clips


def test_files_are_read_as_they_are_cut(tmp_path: Path) -> None:
    sounds = {"a": noise(130), "b": noise(5), "c": noise(0.5)}
    shares: list[float] = []
    reading = read_clips([clip(tmp_path, *item) for item in sounds.items()], progress=shares.append)
    expected = [block for name, sound in sounds.items() for block in cut_blocks(sound, name)]
    assert [block.recording for block in reading.blocks] == [block.recording for block in expected]
    for found, block in zip(reading.blocks, expected, strict=True):
        assert np.array_equal(found.samples, block.samples)
    assert reading.silent == ()
    assert shares == [1 / 3, 2 / 3, 1.0]


def test_silent_files_are_left_out_and_named(tmp_path: Path) -> None:
    quiet = clip(tmp_path, "quiet", np.zeros(80_000, np.float32))
    reading = read_clips([clip(tmp_path, "a", noise(5)), quiet, clip(tmp_path, "b", noise(5))])
    assert reading.silent == (quiet.path,)
    assert [block.recording for block in reading.blocks] == ["a", "b"]


def test_a_dead_minute_of_a_recording_is_left_out(tmp_path: Path) -> None:
    died = np.concatenate([noise(62), np.zeros(62 * 16_000, np.float32)])
    reading = read_clips([clip(tmp_path, "died", died)])
    assert [block.recording for block in reading.blocks] == ["died#00000"]
    assert reading.silent == ()


def test_all_silent_is_an_error_with_a_place(tmp_path: Path) -> None:
    silent = [clip(tmp_path, name, np.zeros(80_000, np.float32)) for name in ("a", "b")]
    with pytest.raises(InputError, match="all 2 recordings are silent") as caught:
        read_clips(silent)
    assert caught.value.where == str(tmp_path)
    with pytest.raises(InputError, match="is silent") as caught:
        read_clips(silent[:1])
    assert caught.value.where == str(silent[0].path)
    assert "microphone" in str(caught.value.hint)


def test_faulty_files_are_left_out_and_named_with_their_causes(tmp_path: Path) -> None:
    named: list[FaultyRecording] = []
    good = clip(tmp_path, "good", noise(20))
    reading = read_clips([*faulty_clips(tmp_path), good], on_faulty=named.append)
    assert [block.recording for block in reading.blocks] == ["half", "good"]
    assert tuple(named) == reading.faulty
    assert [(fault.path.stem, round(fault.used_s, 1)) for fault in named] == [
        ("text", 0.0),
        ("empty", 0.0),
        ("half", 2.5),
        ("nan", 0.0),
    ]
    messages = [str(fault) for fault in named]
    assert "is not a recording that can be read" in messages[0]
    assert "is empty (0 bytes)" in messages[1]
    assert messages[2].startswith("used in part")
    assert "2.5 s that are there were used" in messages[2]
    assert "not sound (nan" in messages[3]


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_strict_stops_at_the_first_faulty_file(index: int, tmp_path: Path) -> None:
    faulty = faulty_clips(tmp_path)[index]
    with pytest.raises(InputError) as caught:
        read_clips([clip(tmp_path, "good", noise(20)), faulty], strict=True)
    assert caught.value.where == str(faulty.path)


def test_nothing_left_is_an_error_with_the_first_cause(tmp_path: Path) -> None:
    text, empty = faulty_clips(tmp_path)[:2]
    with pytest.raises(InputError, match="none of the 2 recordings can be used") as caught:
        read_clips([text, empty])
    assert "text.wav is not a recording" in str(caught.value.hint)


def test_formats_of_the_recordings_are_collected(tmp_path: Path) -> None:
    stereo = tmp_path / "stereo.ogg"
    soundfile.write(stereo, np.stack([noise(20)] * 2, axis=1), 48_000)
    clips = [clip(tmp_path, "a", noise(20)), Clip(stereo, "normal", None, "stereo")]
    formats = read_clips(clips).formats
    assert formats is not None
    assert formats.sample_rates_hz == (16_000, 48_000)
    assert formats.channels == (1, 2)
    assert formats.codecs == ("PCM", "Vorbis")
    assert -33 < formats.lowest_dbfs < formats.highest_dbfs < -25
