"""Test of student and teacher on labelled clips that are not in the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.demo.scenes import test_clips
from anomaly.detect.decision import Limit, State
from anomaly.detect.model import Model
from anomaly.detect.scoring import SecondScore, recording_score
from anomaly.detect.verdict import judge
from anomaly.detector_names import BUILT_IN_DETECTORS
from anomaly.evaluate.metrics import detection_metrics
from anomaly.evaluate.metrics.alarm_rates import Confusion, confusion
from anomaly.evaluate.metrics.joined_alarms import JoinedAlarms, joined_by_fault

BUDGET_PER_DAY = 1.0


@dataclass(frozen=True)
class ScoredClip:
    """Scores and alarms of all detectors on one clip.

    Args:
        fault: its fault, or None.
        severity: 0 to 1.
        scores: by detector.
        alarms: whether the clip alone raises an alarm, by detector.
        p_values: of the seconds that the decision takes, by detector.
    """

    fault: str | None
    severity: float
    scores: dict[str, float]
    alarms: dict[str, bool]
    p_values: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Trial:
    """Scores and alarms on all clips of the test.

    Args:
        clips: of all faults and severities, and normal ones.
        limits: of the decision, by detector.
    """

    clips: tuple[ScoredClip, ...]
    limits: dict[str, Limit]

    @property
    def labels(self) -> list[bool]:
        """Return True for each clip with a fault."""
        return [clip.fault is not None for clip in self.clips]

    def scores(self, detector: str) -> list[float]:
        """Return the score of each clip."""
        return [clip.scores[detector] for clip in self.clips]

    def auc(self, detector: str) -> float:
        """Return the area under the ROC curve over all clips."""
        return detection_metrics.auc(self.labels, self.scores(detector))

    def confusion(self, detector: str) -> Confusion:
        """Count the alarms on single clips at the limit of the budget."""
        return confusion(self.labels, [float(clip.alarms[detector]) for clip in self.clips], 0.5)

    def alarmed(self, detector: str) -> dict[str, JoinedAlarms]:
        """Count faults that reach ALARM within a minute, clips of a fault and severity in a row, by both."""
        faulty = [
            (f"{clip.fault} {clip.severity:g}", clip.p_values[detector])
            for clip in self.clips
            if clip.fault is not None
        ]
        return joined_by_fault(faulty, self.limits[detector])

    def by_fault(
        self, detector: str
    ) -> tuple[list[str], list[float], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
        """AUC of each fault and severity against all normal clips: (faults, severities, [faults, severities])."""
        normal = [c.scores[detector] for c in self.clips if c.fault is None]
        faults = sorted({c.fault for c in self.clips if c.fault is not None})
        severities = sorted({c.severity for c in self.clips if c.fault is not None})
        table = np.full((len(faults), len(severities)), np.nan)
        for row, fault in enumerate(faults):
            for column, severity in enumerate(severities):
                faulty = [
                    c.scores[detector] for c in self.clips if (c.fault, c.severity) == (fault, severity)
                ]
                table[row, column] = detection_metrics.auc(
                    [False] * len(normal) + [True] * len(faulty), normal + faulty
                )
        return faults, severities, table


def run_trial(model: Model, seed: int) -> Trial:
    """Score the demo's test clips with student and teacher."""
    scored = []
    limits = {name: model.scorer(name).calibration.limit(BUDGET_PER_DAY) for name in BUILT_IN_DETECTORS}
    for clip in test_clips(seed):
        seconds = {name: model.scorer(name).recording(clip.samples) for name in BUILT_IN_DETECTORS}
        scored.append(
            ScoredClip(
                clip.fault,
                clip.severity,
                {name: recording_score(scores) for name, scores in seconds.items()},
                {name: judge(scores, limits[name]).state is State.ALARM for name, scores in seconds.items()},
                {name: _decided(scores, limits[name]) for name, scores in seconds.items()},
            )
        )
    return Trial(tuple(scored), limits)


def _decided(seconds: Sequence[SecondScore], limit: Limit) -> tuple[float, ...]:
    states = judge(seconds, limit).states
    return tuple(one.p_value for one, state in zip(seconds, states, strict=True) if state is not None)
