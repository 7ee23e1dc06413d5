"""Live picture of a session: pictures only while somebody watches, and no fault of it ends the monitoring."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.detect.scoring import SecondScore
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import SecondScored
from anomaly.monitor.live.folder import live_folder, ring_path
from anomaly.monitor.live.publisher import LivePublisher
from anomaly.monitor.live.ring import RingReader
from anomaly.monitor.records import SecondRecord
from anomaly.monitor.sources.events import SoundBlock

NOW_S = 1_800_000_000.0


class Stage:
    """A bus with a publisher, and a reader of its ring."""

    def __init__(self, state: Path) -> None:
        self.bus, self.folder = EventBus(), live_folder(state)
        self.publisher = LivePublisher(state, lambda: NOW_S)
        self.publisher.subscribe(self.bus, "pump", 32, np.full(32, -4_000, dtype=np.int32))
        self.reader = RingReader(ring_path(self.folder, "pump"))
        self.reader.new_messages()

    def sound(self, level: float = 0.005, *, gap: bool = False) -> None:
        samples = np.random.default_rng(1).normal(0, level, SAMPLE_RATE_HZ // 4).astype(np.float32)
        self.bus.publish(SoundBlock(samples, NOW_S, gap))

    def second(self) -> None:
        errors = np.arange(31 * 48, dtype=np.int32).reshape(31, 48) % 5
        score = SecondScore(0, 1.0, 0.5, np.zeros(16), errors=errors)
        self.bus.publish(SecondScored(score, 17.0))
        self.bus.publish(SecondRecord("pump", NOW_S, 0, 1.0, 0.5, "OK", "ok", -30.0, (0.5,) * 16))

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.reader.new_messages()]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    yield found
    found.publisher.close()
    assert not found.folder.exists()


def test_no_picture_while_nobody_watches(stage: Stage) -> None:
    stage.sound()
    stage.second()
    (score,) = stage.messages()
    assert (score["type"], score["limit"], score["spikes"]) == ("score", 17.0, None)


def test_columns_and_raster(stage: Stage) -> None:
    stage.reader.watch_until(NOW_S + 1)
    stage.sound()
    stage.second()
    mel, score = stage.messages()
    assert (mel["type"], mel["columns"], mel["bands"]) == ("mel", 6, 32)
    assert mel["time_s"] == NOW_S + 0.25
    levels = np.frombuffer(base64.b64decode(mel["levels"]), dtype=np.int8).reshape(6, 32)
    residual = np.frombuffer(base64.b64decode(mel["residual"]), dtype=np.int8).reshape(6, 32)
    assert np.abs(residual - 4 * (levels + 40.0)).max() <= 2
    raster = score["spikes"]
    counts = np.frombuffer(zlib.decompress(base64.b64decode(raster["counts_zlib"])), dtype=np.uint8)
    assert counts.reshape(raster["frames"], raster["outputs"])[0, :6].tolist() == [0, 1, 2, 3, 4, 0]


def test_a_gap_begins_anew(stage: Stage) -> None:
    stage.reader.watch_until(NOW_S + 1)
    stage.sound()
    stage.sound()
    stage.sound(gap=True)
    assert [mel["columns"] for mel in stage.messages()] == [6, 8, 6]


def test_a_fault_of_the_picture_does_not_end_the_monitoring(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.reader.watch_until(NOW_S + 1)
    stage.bus.publish(SoundBlock(np.zeros((2, 2, 2), np.float32), NOW_S))
    assert "the live picture of pump ends" in caplog.text
    stage.second()
    assert stage.messages() == []


def test_without_memory_there_is_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("anomaly.monitor.live.folder._SHARED_MEMORY", tmp_path)
    live_folder(tmp_path / "state").write_text("in the way")
    publisher = LivePublisher(tmp_path / "state", lambda: NOW_S)
    publisher.subscribe(EventBus(), "pump", 32, None)
    assert "has no live picture" in caplog.text
    publisher.close()
