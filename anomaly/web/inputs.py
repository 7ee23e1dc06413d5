"""Inputs of this computer, and results that are remembered for a while because they take seconds to find."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from anomaly.audio.capture.inputs.listing import list_inputs
from anomaly.config import Site
from anomaly.errors import AnomalyError
from anomaly.web.api.schemas.system import DeviceFacts

_INPUTS_EVERY_S = 5.0


@dataclass
class Remembered:
    """Result that takes seconds to find, kept for a while: the doctor opens microphones, a list of inputs PortAudio."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    key: object = None
    at_s: float = float("-inf")
    value: Any = None

    def get(self, key: object, every_s: float, find: Callable[[], Any]) -> Any:
        """Return the result, found anew if it is old or belongs to something else."""
        with self.lock:
            if self.key != key or time.monotonic() - self.at_s > every_s:
                self.key, self.value = key, find()
                self.at_s = time.monotonic()
            return self.value


_INPUTS = Remembered()


def input_devices(site: Site) -> list[DeviceFacts]:
    """Return the inputs of this computer, with the machines that listen to them; none where PortAudio is missing."""
    try:
        found = _INPUTS.get(None, _INPUTS_EVERY_S, list_inputs)
    except AnomalyError:
        return []
    return [
        DeviceFacts(
            id=entry.id,
            name=entry.name,
            channels=entry.channels,
            rates_hz=list(entry.rates_hz),
            problem=entry.problem,
            machines=site.machines_on(entry.id),
        )
        for entry in found
    ]
