"""Events of a source: blocks of sound, losses of the microphone, and events of its capture."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from anomaly.audio.channels import Samples
from anomaly.monitor.events import EventName


@dataclass(frozen=True, eq=False)
class SoundBlock:
    """A block of sound.

    Args:
        samples: float32 [n], 16 kHz, mono.
        time_s: UNIX seconds of its first sample.
        gap: samples were lost just before it.
        repeated: share of the last half second that repeats what came before it, bit by bit.
    """

    samples: Samples
    time_s: float
    gap: bool = False
    repeated: float = 0.0


@dataclass(frozen=True)
class MicrophoneLost:
    """The microphone gives no sound any more; sound may follow when it is back.

    Args:
        time_s: UNIX seconds.
        reason: how that is known, in words.
    """

    time_s: float
    reason: str


@dataclass(frozen=True)
class CaptureEvent:
    """Something that happened to the capture and is no sound.

    Args:
        time_s: UNIX seconds.
        event: its name.
        message: one sentence for a person.
        detail: further facts, JSON types.
        state: of the capture from now on; None if it stays.
    """

    time_s: float
    event: EventName
    message: str
    detail: dict[str, Any]
    state: str | None = None


SourceEvent: TypeAlias = SoundBlock | MicrophoneLost | CaptureEvent
Source: TypeAlias = Generator[SourceEvent, None, None]
ChannelEvents: TypeAlias = tuple[SourceEvent | None, ...]
"""What one device delivers to each of its machines at once, in the order of their channels; None: nothing new."""
ChannelSource: TypeAlias = Generator[ChannelEvents, None, None]
