"""Contract of every kind of source: events per plan, a prompt end, nothing left open, and a clear error."""

from __future__ import annotations

import functools
import http.server
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from anomaly.errors import AnomalyError, ConfigError
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.process.stop import Stop
from anomaly.monitor.sources.events import CaptureEvent, ChannelSource, MicrophoneLost, SoundBlock
from anomaly.monitor.sources.registry import SOURCES, open_source, source_key
from support.sound_card import SoundServer, tone

PLAN = MonitorPlan("pump", None, None, "mean", "student", 1.0, realtime=False)
KINDS = [kind.name for kind in SOURCES]
PATIENCE_S = 20.0


@dataclass
class SourceUnderTest:
    """A plan with a source, and one whose source is missing."""

    plan: MonitorPlan
    missing: MonitorPlan


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    samples = np.random.default_rng(0).normal(0, 0.1, 30 * 16_000)
    soundfile.write(tmp_path / "sound.wav", samples, 16_000, subtype="PCM_16")
    return tmp_path / "sound.wav"


@pytest.fixture
def address(wav: Path) -> Iterator[str]:
    """An HTTP server on the loopback that ffmpeg reads the recording from."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(wav.parent))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def piped(wav: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Put the recording, or the end of a pipe, on standard input."""
    before = os.dup(0)
    threads: list[threading.Thread] = []

    def put(empty: bool) -> None:
        reading, writing = os.pipe()
        os.dup2(reading, 0)
        os.close(reading)
        monkeypatch.setattr(sys, "stdin", object())
        data = b"" if empty else wav.read_bytes()
        threads.append(threading.Thread(target=_write, args=(writing, data)))
        threads[-1].start()

    yield put
    os.dup2(before, 0)
    os.close(before)
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def _write(pipe: int, data: bytes) -> None:
    with os.fdopen(pipe, "wb") as out:
        try:
            out.write(data)
        except BrokenPipeError:
            return


@pytest.fixture(params=KINDS)
def given(request: pytest.FixtureRequest, wav: Path) -> Iterator[SourceUnderTest]:
    """Each kind of source in turn."""
    if request.param == "file":
        yield SourceUnderTest(
            replace(PLAN, source=str(wav)), replace(PLAN, source=str(wav.with_name("nowhere.wav")))
        )
    elif request.param == "stream":
        host = request.getfixturevalue("address")
        yield SourceUnderTest(
            replace(PLAN, source=f"{host}/sound.wav"), replace(PLAN, source=f"{host}/nowhere.wav")
        )
    elif request.param == "device":
        server: SoundServer = request.getfixturevalue("pulse_microphone")
        server.play(tone(440))
        yield SourceUnderTest(replace(PLAN, device=server.device), replace(PLAN, device="pulse:nowhere"))
    else:
        put = request.getfixturevalue("piped")
        put(False)
        yield SourceUnderTest(replace(PLAN, source="-"), replace(PLAN, source="-"))


def blocks_of(source: ChannelSource, count: int) -> list[SoundBlock]:
    found: list[SoundBlock] = []
    for events in source:
        assert len(events) == 1
        assert isinstance(events[0], SoundBlock | MicrophoneLost | CaptureEvent)
        if isinstance(events[0], SoundBlock):
            found.append(events[0])
        if len(found) == count:
            break
    return found


def test_blocks_are_float32_and_timed(given: SourceUnderTest) -> None:
    source = open_source([given.plan], Stop())
    blocks = blocks_of(source, 8)
    source.close()
    assert {block.samples.dtype for block in blocks} == {np.dtype(np.float32)}
    assert all(block.samples.ndim == 1 and len(block.samples) for block in blocks)
    # A file read at once lies in the past by its length; all others are timed as they arrive.
    assert all(abs(block.time_s - time.time()) < 60 for block in blocks)


def test_nothing_is_opened_before_the_first_event(given: SourceUnderTest) -> None:
    children = len(psutil.Process().children(recursive=True))
    source = open_source([given.plan], Stop())
    assert len(psutil.Process().children(recursive=True)) == children
    source.close()


def test_a_stop_request_ends_it_soon(given: SourceUnderTest) -> None:
    stop = Stop()
    source = open_source([given.plan], stop)
    blocks_of(source, 1)
    stop.request()
    begun = time.monotonic()
    for _ in source:
        pass
    assert time.monotonic() - begun < PATIENCE_S


def test_closing_it_releases_everything(given: SourceUnderTest) -> None:
    process = psutil.Process()
    children = {child.pid for child in process.children(recursive=True)}
    source = open_source([given.plan], Stop())
    blocks_of(source, 1)
    source.close()
    assert {child.pid for child in process.children(recursive=True)} <= children
    assert given.plan.source not in [file.path for file in process.open_files()]


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "stdin"])
def test_a_missing_source_is_an_error_with_its_place(
    kind: str, request: pytest.FixtureRequest, wav: Path
) -> None:
    if kind == "stream":
        plan = replace(PLAN, source=f"{request.getfixturevalue('address')}/nowhere.wav")
    elif kind == "file":
        plan = replace(PLAN, source=str(wav.with_name("nowhere.wav")))
    else:
        request.getfixturevalue("pulse_microphone")
        plan = replace(PLAN, device="pulse:nowhere")
    with pytest.raises(AnomalyError, match="nowhere"):
        next(open_source([plan], Stop()))


def test_an_empty_pipe_is_an_error(piped: Callable[[bool], None]) -> None:
    piped(True)
    with pytest.raises(AnomalyError):
        next(open_source([replace(PLAN, source="-")], Stop()))


def test_a_plan_without_a_source_is_an_error() -> None:
    with pytest.raises(ConfigError, match="nothing to listen to"):
        open_source([PLAN], Stop())


def test_machines_share_a_device_or_a_stream_but_no_recording() -> None:
    def key(machine: str, device: str | None, source: str | None) -> str:
        return source_key(replace(PLAN, machine=machine, device=device, source=source))

    assert key("a", "hw:0", None) == key("b", "hw:0", None) != key("b", "hw:1", None)
    assert key("a", None, "rtsp://camera/1") == key("b", None, "rtsp://camera/1")
    assert key("a", None, "a.wav") != key("b", None, "a.wav")
