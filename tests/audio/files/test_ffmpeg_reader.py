"""Formats of ffmpeg are read where it is installed, and no file leads it to another."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.files import decode
from anomaly.audio.files.ffmpeg_reader import container_of
from anomaly.audio.files.recordings import ReadingReport, blocks, read, read_16k
from anomaly.errors import InputError

X = 0.1 * np.random.default_rng(0).standard_normal(4 * 16_000)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    if shutil.which("ffmpeg") is None:
        pytest.fail("ffmpeg is missing; install it: sudo apt-get install -y ffmpeg")
    soundfile.write(tmp_path / "sound.wav", X, 16_000)
    return tmp_path / "sound.wav"


def encoded(wav: Path, name: str, *options: str) -> Path:
    path = wav.with_name(name)
    command = ["ffmpeg", "-v", "error", "-i", str(wav), *options, str(path)]
    subprocess.run(command, check=True, timeout=60)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.ogg", ["-c:a", "flac"]),
        ("-a.m4a", ["-c:a", "alac"]),
        ("a b.caf", ["-c:a", "alac"]),
        ("a.mka", ["-c:a", "flac"]),
    ],
)
def test_lossless_formats_have_the_same_samples(wav: Path, name: str, options: list[str]) -> None:
    path = encoded(wav, f"x{name}", *options).rename(wav.with_name(name))
    np.testing.assert_array_equal(read(path).samples, read(wav).samples)


@pytest.mark.parametrize("name", ["a.m4a", "a.aac", "a.opus", "a.wma"])
def test_lossy_formats_last_as_long(wav: Path, name: str) -> None:
    assert len(read_16k(encoded(wav, name))) / 16_000 == pytest.approx(4, abs=0.15)


def test_mpeg_sound_in_a_wav_is_complete(wav: Path) -> None:
    path = encoded(wav, "mp3.wav", "-c:a", "libmp3lame", "-b:a", "64k")
    assert read(path).seconds == pytest.approx(4, abs=0.15)


def test_a_truncated_file_is_read_as_far_as_it_goes(wav: Path) -> None:
    path = encoded(wav, "a.ogg", "-c:a", "flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    report = ReadingReport()
    assert 1 < sum(map(len, blocks(path, truncated=True, report=report))) / 16_000 < 4
    assert report.truncation is not None
    with pytest.raises(InputError, match="cut short"):
        read(path)


def test_without_ffmpeg_the_hint_names_it(wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encoded(wav, "a.m4a")
    monkeypatch.setattr(decode, "is_installed", lambda: False)
    with pytest.raises(InputError, match="is not a recording that can be read") as caught:
        read(path)
    assert "apt-get install -y ffmpeg" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXTINF:4,\nsound.wav\n", "ffconcat version 1.0\nfile sound.wav\n"]
)
def test_a_playlist_is_no_recording(wav: Path, text: str) -> None:
    for name in ("a.m4a", "a.m3u8"):
        path = wav.with_name(name)
        path.write_text(text)
        assert container_of(text.encode()) is None
        with pytest.raises(InputError, match="is not a recording that can be read"):
            read(path)


def test_a_container_without_sound_is_refused_with_the_message_of_ffmpeg(tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom" + bytes(1_000))
    with pytest.raises(InputError, match="is not a recording that can be read"):
        read(tmp_path / "a.m4a")
