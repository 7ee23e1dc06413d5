"""Sound from files, pipes and microphones: the same samples, the right times, and nothing left open."""

from __future__ import annotations

import os
import pty
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from anomaly.audio.files.recordings import read_16k
from anomaly.errors import InputError
from anomaly.monitor.events import EventName
from anomaly.monitor.process.stop import Stop
from anomaly.monitor.sources.events import CaptureEvent, SoundBlock, SourceEvent
from anomaly.monitor.sources.file_source import from_blocks, from_file, from_stdin

PIECES = [np.full(n, 0.1, np.float32) for n in (1_600, 800, 2_400)]


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """1.25 s in stereo at 44.1 kHz."""
    path = tmp_path / "a.wav"
    sound = np.random.default_rng(5).normal(0, 0.1, (55_125, 2))
    soundfile.write(path, sound, 44_100, subtype="PCM_16")
    return path


@pytest.fixture
def stdin() -> Iterator[Callable[[int], None]]:
    """Replace standard input by a file descriptor for the test."""
    kept = os.dup(0)

    def replace(descriptor: int) -> None:
        os.dup2(descriptor, 0)
        os.close(descriptor)

    yield replace
    os.dup2(kept, 0)
    os.close(kept)


def joined(events: Iterator[SourceEvent]) -> np.ndarray:
    return np.concatenate([piece.samples for piece in events if isinstance(piece, SoundBlock)])


def open_files() -> set[str]:
    return {file.path for file in psutil.Process().open_files()}


def test_blocks_have_the_time_of_their_first_sample() -> None:
    events = list(from_blocks(iter(PIECES), Stop(), realtime=False, start_s=100.0))
    assert [(type(piece), piece.time_s) for piece in events] == [
        (SoundBlock, 100.0),
        (SoundBlock, 100.1),
        (SoundBlock, 100.15),
    ]


def test_in_real_time_a_second_takes_a_second() -> None:
    begun = time.monotonic()
    delays = [time.monotonic() - begun for _ in from_blocks(iter(PIECES), Stop(), realtime=True)]
    assert [d >= due for d, due in zip(delays, (0.1, 0.15, 0.3), strict=True)] == [True] * 3


@pytest.mark.parametrize("realtime", [False, True])
def test_a_stop_request_ends_the_sound(realtime: bool) -> None:
    stop = Stop()
    events = from_blocks(iter(PIECES * 1_000), stop, realtime=realtime)
    next(events)
    stop.request()
    assert list(events) == []


def test_a_file_gives_its_samples_with_times_in_the_past(wav: Path) -> None:
    events = list(from_file(wav, Stop(), realtime=False))
    assert np.array_equal(joined(iter(events)), read_16k(wav))
    assert events[0].time_s + 1.25 == pytest.approx(time.time(), abs=5)
    left = list(from_file(wav, Stop(), realtime=False, channel=0))
    assert np.array_equal(joined(iter(left)), read_16k(wav, channel=0))
    assert next(from_file(wav, Stop(), realtime=True)).time_s == pytest.approx(time.time(), abs=5)


@pytest.mark.parametrize("container", ["wav", "flac"])
@pytest.mark.parametrize("realtime", [False, True])
def test_a_file_that_breaks_off_is_delivered_as_far_as_it_goes_and_reported(
    wav: Path, container: str, realtime: bool
) -> None:
    cut = wav.with_name(f"cut.{container}")
    sound = np.random.default_rng(6).normal(0, 0.1, 24_000)
    soundfile.write(cut, sound, 16_000, subtype="PCM_16")
    whole = joined(from_file(cut, Stop(), realtime=False))
    os.truncate(cut, cut.stat().st_size * 2 // 3)
    *blocks, report = list(from_file(cut, Stop(), realtime=realtime))
    part = joined(iter(blocks))
    assert 8_000 < len(part) < len(whole)
    # At the place of the damage a decoder may deliver a few wrong samples.
    assert np.array_equal(part[: len(part) // 2], whole[: len(part) // 2])
    assert isinstance(report, CaptureEvent)
    assert report.event is EventName.SOURCE_TRUNCATED
    assert str(cut) in report.message
    assert f"{len(part) / 16_000:.2f} s" in report.message
    assert report.detail["seconds"] == pytest.approx(len(part) / 16_000, abs=0.001)
    last = blocks[-1]
    assert isinstance(last, SoundBlock)
    assert report.time_s == pytest.approx(last.time_s + len(last.samples) / 16_000, abs=0.001)


def test_a_stop_request_is_not_reported_as_a_file_that_breaks_off(wav: Path) -> None:
    os.truncate(wav, wav.stat().st_size // 2)
    stop = Stop()
    events = from_file(wav, stop, realtime=False)
    next(events)
    stop.request()
    assert list(events) == []


def test_a_file_without_a_length_in_its_header_ends_at_the_present(wav: Path) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe, open(writing, "wb") as end:
        with soundfile.SoundFile(
            end.fileno(), "w", 16_000, 1, "PCM_16", format="FLAC", closefd=False
        ) as file:
            file.write(np.random.default_rng(7).normal(0, 0.1, 24_000))
        end.close()
        wav.with_name("piped.flac").write_bytes(pipe.read())
    first = next(from_file(wav.with_name("piped.flac"), Stop(), realtime=False))
    assert first.time_s < time.time() - 1.4


def test_a_file_is_closed_with_its_source(wav: Path) -> None:
    source = from_file(wav, Stop(), realtime=False)
    next(source)
    assert str(wav) in open_files()
    source.close()
    assert str(wav) not in open_files()


@pytest.mark.parametrize("realtime", [False, True])
def test_a_missing_file_is_an_error_at_the_first_block(tmp_path: Path, realtime: bool) -> None:
    with pytest.raises(InputError, match=r"nowhere\.wav"):
        next(from_file(tmp_path / "nowhere.wav", Stop(), realtime=realtime))


def test_a_wav_from_a_pipe_gives_the_same_samples(wav: Path, stdin: Callable[[int], None]) -> None:
    reading, writing = os.pipe()
    stdin(reading)
    with os.fdopen(writing, "wb") as pipe:
        writer = threading.Thread(target=lambda: (pipe.write(wav.read_bytes()), pipe.close()))
        writer.start()
        assert np.array_equal(joined(from_stdin(Stop())), read_16k(wav))
        writer.join()


def test_a_stop_request_ends_the_wait_for_a_silent_pipe(wav: Path, stdin: Callable[[int], None]) -> None:
    reading, writing = os.pipe()
    stdin(reading)
    os.write(writing, wav.read_bytes()[:60_000])
    stop = Stop()
    threading.Timer(0.3, stop.request).start()
    begun = time.monotonic()
    events = list(from_stdin(stop))
    assert time.monotonic() - begun < 5
    assert events
    os.close(writing)


@pytest.mark.parametrize(
    ("cut", "message"),
    [(60_000, "before the length in its header"), (20, "inside its header"), (0, "is no WAV")],
)
def test_a_pipe_that_ends_early_is_an_error(
    wav: Path, stdin: Callable[[int], None], cut: int, message: str
) -> None:
    reading, writing = os.pipe()
    stdin(reading)
    os.write(writing, wav.read_bytes()[:cut])
    os.close(writing)
    with pytest.raises(InputError, match=message):
        list(from_stdin(Stop()))


def test_a_terminal_is_refused(stdin: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    stdin(theirs)
    with pytest.raises(InputError, match="is a terminal"):
        next(from_stdin(Stop()))
    os.close(ours)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="there is no standard input"):
        next(from_stdin(Stop()))
