"""Streams read by ffmpeg: recognised by their scheme, shown without passwords, ended with a reason."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from anomaly.audio.capture.ffmpeg import is_address, without_credentials
from anomaly.audio.capture.microphone import Microphone
from anomaly.errors import DeviceError
from anomaly.monitor.sources.device_source import stream_target


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a WAV of two seconds, 44.1 kHz, two channels, on a server of our own."""
    if shutil.which("ffmpeg") is None:
        pytest.fail("ffmpeg is missing; install it: sudo apt-get install -y ffmpeg")
    sound = 0.1 * np.random.default_rng(5).standard_normal((88_200, 2))
    soundfile.write(tmp_path / "sound.wav", sound, 44_100, subtype="PCM_16")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def captured(address: str, *, to_hz: int | None = None) -> tuple[np.ndarray, str]:
    """All samples of a stream, and how it ended."""
    parts: list[np.ndarray] = []
    with (
        Microphone(address, channel=1, to_hz=to_hz, target=stream_target(address)) as stream,
        pytest.raises(DeviceError) as caught,
    ):
        parts.extend(block.samples for block in stream.blocks(20.0))
    return np.concatenate(parts), str(caught.value)


def decoders() -> list[psutil.Process]:
    """The ffmpeg processes under this one; other tests leave helpers of multiprocessing."""
    return [child for child in psutil.Process().children(recursive=True) if child.name() == "ffmpeg"]


def test_a_stream_is_captured_to_its_last_sample(served: str, tmp_path: Path) -> None:
    samples, end = captured(f"{served}/sound.wav")
    expected, _ = soundfile.read(tmp_path / "sound.wav", dtype="float32")
    assert np.array_equal(samples, expected[:, 1])
    assert "the stream ended" in end
    assert decoders() == []


def test_a_stream_is_resampled_as_a_microphone_is(served: str) -> None:
    samples, _ = captured(f"{served}/sound.wav", to_hz=16_000)
    # What waits in the resampler for the rest of its quarter of a second ends with the stream.
    assert 2 * 16_000 - 4_100 <= len(samples) <= 2 * 16_000


@pytest.mark.parametrize("address", ["/nothing.wav", "/"])
def test_a_source_without_sound_is_an_error_with_the_message_of_ffmpeg(served: str, address: str) -> None:
    with (
        pytest.raises(DeviceError, match="cannot be opened") as caught,
        Microphone(served + address, target=stream_target(served + address)),
    ):
        pass
    assert caught.value.exit_code == 6


def test_without_ffmpeg_the_apt_line_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    target = stream_target("rtsp://127.0.0.1:9/a")
    with (
        pytest.raises(DeviceError, match="ffmpeg, which is not installed") as caught,
        Microphone(target.device, target=target),
    ):
        pass
    assert "apt-get install -y ffmpeg" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ("rtsp://camera/audio", True),
        ("HTTPS://radio.example/stream", True),
        ("udp://239.0.0.1:1234", True),
        ("rtmp+tls://x", True),
        ("sound.wav", False),
        ("/data/a:b.wav", False),
        ("C:sound.wav", False),
        ("-", False),
    ],
)
def test_an_address_begins_with_a_scheme(source: str, is_one: bool) -> None:
    assert is_address(source) is is_one


def test_credentials_are_removed() -> None:
    assert without_credentials("rtsp://ann:s3cret@camera:554/a@b") == "rtsp://camera:554/a@b"
    assert without_credentials("http://camera/x") == "http://camera/x"
    target = stream_target("rtsp://ann:s3cret@127.0.0.1:9/a")
    assert "s3cret" not in f"{target.device} {target.description}"
    with pytest.raises(DeviceError) as caught, Microphone(target.device, target=target):
        pass
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
