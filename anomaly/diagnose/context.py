"""Evidence on which an alarm is diagnosed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anomaly.detect.operating.states import OperatingState
from anomaly.detect.pooling import Levels
from anomaly.features.mel import Centibels, Samples


@dataclass(frozen=True, eq=False)
class DiagnosisContext:
    """One second that raised or continues an alarm, and what is known around it.

    A diagnoser uses what is there; everything but the machine and the groups may be missing.

    Args:
        machine: name of the machine.
        groups: error level per sub-band group of the second, [groups], standard deviations of normal sound.
        scores: scores of the seconds up to this one, oldest first, one a second.
        samples: sound that ends with the second, [n], float32, 16 kHz.
        levels: pooled levels of the same sound, [frames, bands], hundredths of a decibel.
        changes_db: how much louder each pooled band is in the second than in normal sound, [bands].
        operating: operating state in the second.
        speed_hz: shaft speed, revolutions per second.
        facts: figures of the machine, such as the geometry of its bearings.
    """

    machine: str
    groups: Levels
    scores: Levels | None = None
    samples: Samples | None = None
    levels: Centibels | None = None
    changes_db: Levels | None = None
    operating: OperatingState | None = None
    speed_hz: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
