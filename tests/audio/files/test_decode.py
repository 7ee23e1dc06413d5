"""Faulty recordings are errors that name the file, raised before memory is allocated."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.files.decode import Decoder
from anomaly.audio.files.recordings import ReadingReport, blocks, read, read_16k
from anomaly.errors import InputError

X = (0.1 * np.random.default_rng(0).standard_normal((32_000, 2))).astype(np.float32)


def wav(
    path: Path, *, rate_hz: int = 16_000, channels: int = 1, promised: int = 3_200, real: int = 3_200
) -> Path:
    """A 16-bit WAV with any values in its header."""
    form = struct.pack("<HHIIHH", 1, channels, rate_hz, (rate_hz * channels * 2) % 2**32, channels * 2, 16)
    head = b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16) + form
    path.write_bytes(head + b"data" + struct.pack("<I", promised) + bytes(real))
    return path


def refused(path: Path, message: str) -> InputError:
    for reading in (read, read_16k, lambda p: list(blocks(p))):
        with pytest.raises(InputError, match=message) as caught:
            reading(path)
        assert caught.value.where == str(path)
        assert caught.value.exit_code == 4
    return caught.value


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "no.wav", "there is no such file")


def test_a_folder(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    refused(tmp_path / "a.wav", r"is empty \(0 bytes\)")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    refused(tmp_path / "a.wav", "is not a plain file")


def test_a_name_with_a_zero_byte() -> None:
    with pytest.raises(InputError):
        read(Path("a\0.wav"))


@pytest.mark.parametrize("name", ["a.wav", "a.raw", "a.flac", "a"])
def test_text(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("This is not sound.\n" * 100)
    assert "WAV, FLAC" in str(refused(tmp_path / name, "is not a recording that can be read").hint)


@pytest.mark.parametrize("kept", [3, 20, 43])
def test_a_wav_cut_in_its_header(kept: int, tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:kept])
    refused(path, "ends inside its header|is not a recording")


def test_a_truncated_wav_reports_the_missing_length(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", promised=10 * 32_000, real=4 * 32_000)
    refused(path, r"is cut short: its header promises 6\.00 s more than there is")


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "AIFF", "AU", "W64", "CAF", "FLAC"])
def test_truncated(container: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    soundfile.write(path, X, 16_000, format=container, subtype="PCM_16")
    assert read(path).seconds == 2
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "cut short|not a recording")


def test_the_unknown_length_of_a_pipe_is_read_to_the_end(tmp_path: Path) -> None:
    for promised in (0xFFFFFFFF, 0x7FFFF000, 0x80000000):
        assert read(wav(tmp_path / "a.wav", promised=promised)).seconds == 0.1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e7])
def test_samples_that_are_not_finite(bad: float, tmp_path: Path) -> None:
    x = X.copy()
    x[24_000, 1] = bad
    soundfile.write(tmp_path / "a.wav", x, 16_000, subtype="FLOAT")
    refused(tmp_path / "a.wav", r"samples that are not sound .* at 1\.500 s")


@pytest.mark.parametrize(
    ("rate_hz", "message"), [(0, "."), (999, "999 Hz"), (768_001, "768001 Hz"), (2**31 - 1, "Hz")]
)
def test_implausible_rates(rate_hz: int, message: str, tmp_path: Path) -> None:
    refused(wav(tmp_path / "a.wav", rate_hz=rate_hz), message)


@pytest.mark.parametrize("channels", [0, 65, 1_000])
def test_implausible_numbers_of_channels(channels: int, tmp_path: Path) -> None:
    refused(wav(tmp_path / "a.wav", channels=channels), ".")


def test_more_than_a_day_is_refused_before_memory_is_allocated(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", rate_hz=1_000, promised=25 * 3600 * 2_000, real=0)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 25 * 3600 * 2_000)
    tracemalloc.start()
    refused(path, r"says it is 25\.0 h long; at most 24 h")
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_too_long_for_memory_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", promised=5 * 3600 * 32_000, real=0)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 5 * 3600 * 32_000)
    for reading in (read, read_16k):
        with pytest.raises(InputError, match="too many to read at once"):
            reading(path)
    assert len(next(blocks(path, block_s=0.5))) == 8_000


@pytest.mark.parametrize("container", ["WAV", "RF64", "AIFF", "AU", "W64", "CAF", "FLAC", "OGG", "MP3"])
def test_what_is_there_of_a_truncated_file_is_read_on_request(container: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    soundfile.write(path, np.tile(X, (4, 1)), 16_000, format=container)
    complete = ReadingReport()
    whole = np.concatenate(list(blocks(path, truncated=True, report=complete)))
    assert complete.truncation is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    report = ReadingReport()
    part = np.concatenate(list(blocks(path, truncated=True, report=report)))
    assert 0.5 < len(part) / len(whole) < 0.65
    if container not in (
        "MP3",
        "OGG",
    ):  # of an MP3 the last packet, of an Ogg the end of the last page is unsure
        np.testing.assert_array_equal(part[:-200], whole[: len(part) - 200])
    assert report.truncation is not None
    assert "cut short" in report.truncation.problem
    if container != "OGG":
        assert report.truncation.missing_s == pytest.approx(8 - len(part) / 16_000, abs=0.1)


@pytest.mark.parametrize("off_by", [-8, -2, -1, 1, 2, 8, 44])
def test_a_size_that_is_off_by_a_few_bytes_is_no_truncation(off_by: int, tmp_path: Path) -> None:
    report = ReadingReport()
    path = wav(tmp_path / "a.wav", promised=32_000 + off_by, real=32_000)
    assert sum(map(len, blocks(path, truncated=True, report=report))) == pytest.approx(16_000, abs=8)
    assert report.truncation is None


def test_only_known_placeholders_stand_for_an_unknown_length(tmp_path: Path) -> None:
    refused(wav(tmp_path / "a.wav", promised=0x7FFF_1234, real=32_000), "is cut short")
    refused(wav(tmp_path / "a.wav", promised=0xC000_0000, real=32_000), "is cut short")


def test_an_empty_wav_with_a_chunk_after_the_samples_has_no_samples(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", promised=0, real=0)
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 12) + b"INFOISFT\0\0\0\0")
    refused(path, "holds no samples")


def test_a_flac_without_a_length(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.tile(X, (10, 1)), 16_000)
    expected = read(path).samples
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the last 36 bits before the checksum of STREAMINFO are the number of samples
    data[22:26] = bytes(4)
    path.write_bytes(data)
    with Decoder(path) as decoder:
        assert decoder.format.frames is None
    np.testing.assert_array_equal(read(path).samples, expected)


@pytest.mark.parametrize(("scale", "bits"), [(2**15 - 1, 16), (2**23 - 1, 24), (2**31 - 1, 32), (300, 16)])
def test_integers_in_a_float_file_are_refused_with_their_factor(
    scale: int, bits: int, tmp_path: Path
) -> None:
    tone = np.sin(np.arange(32_000)) * scale
    soundfile.write(tmp_path / "a.wav", tone, 16_000, subtype="FLOAT")
    error = refused(
        tmp_path / "a.wav", rf"peaks at [\d,]+ times full scale .* integers of {bits} bits in a float file"
    )
    assert f"divided by {2 ** (bits - 1)}" in str(error.hint)


def test_overshoot_of_float_sound_is_accepted(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 4 * np.sin(np.arange(32_000)), 16_000, subtype="FLOAT")
    assert read(tmp_path / "a.wav").seconds == 2


def test_a_silent_channel_among_others_is_reported(tmp_path: Path) -> None:
    report = ReadingReport()
    soundfile.write(tmp_path / "a.wav", np.stack([X[:, 0], 0 * X[:, 0]], axis=1), 16_000)
    list(blocks(tmp_path / "a.wav", truncated=True, report=report))
    assert report.silent_channels == (1,)
    soundfile.write(tmp_path / "b.wav", X, 16_000)
    list(blocks(tmp_path / "b.wav", report=(report := ReadingReport())))
    assert report.silent_channels == ()
    assert report.level_dbfs == pytest.approx(-23, abs=0.3)


def test_no_samples(tmp_path: Path) -> None:
    refused(wav(tmp_path / "a.wav", promised=0, real=0), "holds no samples")


def test_a_missing_channel(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", X, 16_000)
    with pytest.raises(InputError, match="there is no channel 2, only channels 0 to 1"):
        read(tmp_path / "a.wav", channel=2)


def test_a_damaged_flac(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, X, 16_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3_000] = bytes(3_000)
    path.write_bytes(data)
    refused(path, "damaged or cut short|cut short")


def test_192_khz_24_bit(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(192_000) / 192_000)
    soundfile.write(tmp_path / "a.wav", tone, 192_000, subtype="PCM_24")
    recording = read(tmp_path / "a.wav")
    assert (recording.sample_rate_hz, recording.channels, recording.seconds) == (192_000, 1, 1.0)
    assert len(read_16k(tmp_path / "a.wav")) == 16_000


def test_files_are_closed(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_text("text")
    before = len(os.listdir("/proc/self/fd"))
    read(path)
    with pytest.raises(InputError):
        read(tmp_path / "b.wav")
    with Decoder(path) as decoder:
        assert decoder.format.encoding == "PCM_16"
    assert len(os.listdir("/proc/self/fd")) == before
