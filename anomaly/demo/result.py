"""Result of the demo, from training to the delivered alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anomaly.demo.scenes import FAULT_S
from anomaly.demo.trial import Trial
from anomaly.detect.decision import Limit
from anomaly.evaluate.metrics.joined_alarms import in_total
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.training.pipeline import TrainingResult


@dataclass(eq=False)
class MonitorRecords:
    """Records of the monitor while the pump failed."""

    seconds: list[SecondRecord] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)

    def alarm_s(self) -> float | None:
        """Second of the stream at which the first alarm began."""
        first = next((r.second for r in self.seconds if r.state == "ALARM"), None)
        return None if first is None else first + 1.0


@dataclass(frozen=True, eq=False)
class DemoResult:
    """Result of one demo.

    Args:
        out: the folder with report, bundle, recordings and database.
        trained: result of the training.
        monitored: records of the failing pump.
        alert: message as it was delivered.
        trial: student and teacher on unseen clips.
        limit: limit of the decision that the monitor used.
        begins_s: second at which the bearing began to fail.
        took_s: duration of each stage in seconds.
    """

    out: Path
    trained: TrainingResult
    monitored: MonitorRecords
    alert: Mapping[str, Any]
    trial: Trial
    limit: Limit
    begins_s: float
    took_s: dict[str, float]

    def delay_s(self) -> float | None:
        """Seconds from the beginning of the fault to the alarm; None without an alarm."""
        alarm_s = self.monitored.alarm_s()
        return None if alarm_s is None else alarm_s - self.begins_s

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that ``demo --json`` prints."""
        return {
            "report": str(self.out / "index.html"),
            "alert": dict(self.alert),
            "fault_began_s": self.begins_s,
            "alarm_s": self.monitored.alarm_s(),
            "auc": {"student": self.trial.auc("student"), "teacher": self.trial.auc("teacher")},
            "alarmed": {
                "within_s": FAULT_S,
                **in_total(self.trial.alarmed("student")).as_json(),
                "faults": {name: one.as_json() for name, one in self.trial.alarmed("student").items()},
            },
            "training": self.trained.to_dict(),
            "took_s": self.took_s,
        }
