"""Meter of an input: level, spectrum, and what is wrong with it, from the checks that the monitor uses."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.capture.microphone import Microphone
from anomaly.audio.channels import Samples
from anomaly.audio.sensor.band_levels import band_levels, edges_hz
from anomaly.audio.sensor.faults import SENSOR_FAULTS
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.errors import AnomalyError
from anomaly.web.live.messages import sent_event

_EVERY = SAMPLE_RATE_HZ // 4
_MOST_WAITING = 8
# What a person can do before there is a model, by the status of the check.
_HINTS = {
    "silent": "is the microphone muted, or its gain at zero?",
    "constant": "is the microphone plugged in, and does it get its supply voltage?",
    "clipping": "lower the gain of the microphone, or move it away from the machine",
    "dc-offset": "the microphone or its supply is faulty",
    "hum": "only the hum of the mains arrives: check the cable and its shield",
    "low-level": "move the microphone closer to the machine, or raise its gain",
    "repeated": "the driver repeats its buffers: unplug and plug in the microphone",
}


async def meter_events(device: str, until_s: float) -> AsyncIterator[bytes]:
    """Yield `level` events of an input until a time of the monotonic clock; an `error` event ends the stream.

    Args:
        device: as `anomaly devices` names it.
        until_s: end.
    """
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[bytes | None](_MOST_WAITING)
    stopping = threading.Event()

    def deliver(event: bytes | None) -> None:
        # A viewer that is too slow loses levels.
        with suppress(asyncio.QueueFull):
            waiting.put_nowait(event)

    def run() -> None:
        try:
            _measure(device, until_s, stopping, lambda event: loop.call_soon_threadsafe(deliver, event))
        finally:
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(deliver, None)

    # A daemon: the server does not wait for a device that hangs.
    threading.Thread(target=run, name="input meter", daemon=True).start()
    try:
        while (event := await waiting.get()) is not None:
            yield event
    finally:
        stopping.set()


def meter_facts(samples: Samples, repeated: float, check: SensorCheck) -> dict[str, Any]:
    """Return level, spectrum and diagnosis of about a second of sound."""
    health = check.second(samples, repeated=repeated)
    fault = None if health.status == "ok" else health.status
    levels = band_levels(samples).mean
    return {
        "level_dbfs": round(health.level_dbfs, 1),
        "peak_dbfs": round(health.peak_dbfs, 1),
        "spectrum": [round(float(level), 1) for level in levels],
        "frequencies_hz": [int(edge) for edge in edges_hz()],
        "fault": fault,
        "message": None if fault is None else SENSOR_FAULTS[fault],
        "hint": None if fault is None else _HINTS.get(fault),
    }


def _measure(device: str, until_s: float, stopping: threading.Event, deliver: Any) -> None:
    check, window, fresh, repeated = SensorCheck(), np.zeros(0, dtype=np.float32), 0, 0.0
    try:
        with Microphone(device) as microphone:
            while not stopping.is_set() and time.monotonic() < until_s:
                block = microphone.read()
                window = np.concatenate([window, block.samples])[-SAMPLE_RATE_HZ:]
                fresh, repeated = fresh + len(block.samples), block.repeated
                if fresh >= _EVERY and len(window) >= SAMPLE_RATE_HZ:
                    fresh = 0
                    deliver(sent_event("level", meter_facts(window, repeated, check)))
    except AnomalyError as error:
        deliver(sent_event("error", {"message": error.message, "hint": error.hint}))
