"""What the demo found, from training to the delivered alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anomaly.demo.trial import Trial
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.training.pipeline import TrainingResult


@dataclass(eq=False)
class Watched:
    """What the monitor said while the pump failed."""

    seconds: list[SecondRecord] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)

    def alarm_s(self) -> float | None:
        """Second of the stream at which the first alarm began."""
        first = next((r.second for r in self.seconds if r.state == "ALARM"), None)
        return None if first is None else first + 1.0


@dataclass(frozen=True, eq=False)
class DemoResult:
    """What the demo found.

    Args:
        out: the folder with report, bundle, recordings and database.
        trained: the training.
        watched: records of the failing pump.
        alert: the message as the receiver got it.
        trial: student and teacher on unseen clips.
        begins_s: second at which the bearing began to fail.
        took_s: seconds the demo took, by stage.
    """

    out: Path
    trained: TrainingResult
    watched: Watched
    alert: Mapping[str, Any]
    trial: Trial
    begins_s: float
    took_s: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The result of ``demo --json``."""
        return {
            "report": str(self.out / "index.html"),
            "alert": dict(self.alert),
            "fault_began_s": self.begins_s,
            "alarm_s": self.watched.alarm_s(),
            "auc": {"student": self.trial.auc("student"), "teacher": self.trial.auc("teacher")},
            "training": self.trained.to_dict(),
            "took_s": self.took_s,
        }
