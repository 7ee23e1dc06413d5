"""Recordings are found once, in order; whole and in blocks they have the same samples."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.files.recordings import blocks, find_recordings, read, read_16k
from anomaly.audio.resample import resample
from anomaly.errors import InputError

RECORDINGS = Path(os.environ.get("ANOMALY_RECORDINGS", Path(__file__).parents[3] / "../shared/audio"))


def noise(rate_hz: int, channels: int, seconds: float = 1.3) -> np.ndarray:
    shape = (round(rate_hz * seconds), channels)
    return np.clip(0.1 * np.random.default_rng(rate_hz).standard_normal(shape), -1, 1)


def test_only_recordings_are_found_sorted_and_visible(tmp_path: Path) -> None:
    for name in ("b.wav", "a.FLAC", "z/c.ogg", "notes.txt", ".hidden.wav", ".git/d.wav", "a/e.aiff"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    names = [str(path.relative_to(tmp_path)) for path in find_recordings(tmp_path)]
    assert names == ["a/e.aiff", "a.FLAC", "b.wav", "z/c.ogg"]


def test_loops_of_links_end_and_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").touch()
    (tmp_path / "in/loop").symlink_to(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.wav").touch()
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    found = find_recordings(tmp_path / "in")
    assert sorted(path.name for path in found) == ["a.wav", "b.wav"]


def test_a_file_is_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    assert find_recordings(tmp_path / "a.wav") == [tmp_path / "a.wav"]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_recordings(tmp_path / "no")


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_whole_and_in_blocks_are_the_same_bits(rate_hz: int, channels: int, tmp_path: Path) -> None:
    x = noise(rate_hz, channels)
    soundfile.write(tmp_path / "a.wav", x, rate_hz, subtype="PCM_24")
    whole = read_16k(tmp_path / "a.wav")
    assert abs(len(whole) - 20_800) <= 1
    for block_s in (0.01, 0.0333, 0.5):
        parts = list(blocks(tmp_path / "a.wav", block_s=block_s))
        assert {len(part) for part in parts[:-1]} == {round(block_s * 16_000)}
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    recording = read(tmp_path / "a.wav")
    assert recording.channels == channels
    np.testing.assert_array_equal(resample(recording.samples, rate_hz), whole)


@pytest.mark.parametrize(
    ("container", "suffix"), [("WAV", "wav"), ("FLAC", "flac"), ("AIFF", "aiff"), ("RF64", "rf64")]
)
def test_lossless_containers_agree(container: str, suffix: str, tmp_path: Path) -> None:
    x = np.round(noise(16_000, 2) * 2**15) / 2**15
    soundfile.write(tmp_path / f"a.{suffix}", x, 16_000, format=container, subtype="PCM_16")
    recording = read(tmp_path / f"a.{suffix}", channel=1)
    np.testing.assert_array_equal(recording.samples, x[:, 1].astype(np.float32))
    assert find_recordings(tmp_path) == [tmp_path / f"a.{suffix}"]


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_lossy_containers_are_read(suffix: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / f"a.{suffix}", noise(16_000, 1), 16_000)
    assert read(tmp_path / f"a.{suffix}").seconds == pytest.approx(1.3, abs=0.1)


def test_names_with_unusual_characters(tmp_path: Path) -> None:
    path = tmp_path / "Pümpe [1] \udcff.wav"
    with path.open("wb") as file:
        soundfile.write(file, noise(16_000, 1), 16_000, format="WAV")
    assert read(find_recordings(tmp_path)[0]).seconds == pytest.approx(1.3)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no real recordings here")
def test_real_recordings_are_all_read() -> None:
    found = find_recordings(RECORDINGS)
    assert len(found) > 200
    for path in found[::20]:
        whole = read_16k(path)
        assert len(whole) > 16_000
        np.testing.assert_array_equal(np.concatenate(list(blocks(path, block_s=0.137))), whole)
