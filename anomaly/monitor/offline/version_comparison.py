"""Comparison of two versions of a bundle on the same sound, before one of them is put into use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anomaly.audio.files.recordings import read_16k
from anomaly.detect.decision import Policy, State
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.detect.verdict import Verdict, judge
from anomaly.errors import AnomalyError
from anomaly.monitor.clips.files import read_clip
from anomaly.monitor.offline.clip_score import score_clip
from anomaly.store.database.rows import ClipRow

_DEFAULT_POLICY = Policy()


@dataclass(frozen=True)
class VersionVerdict:
    """Verdict of one version on one recording.

    Args:
        score: of the whole recording.
        p_value: smallest of the seconds that the decision counted; 1 where it counted none.
        alarm: the decision, begun with the recording, reaches ALARM.
    """

    score: float
    p_value: float
    alarm: bool


@dataclass(frozen=True)
class RecordingComparison:
    """Verdicts of both versions on one recording or clip; ``error`` where it cannot be scored."""

    path: str
    one: VersionVerdict | None
    other: VersionVerdict | None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self)


class VersionComparison:
    """Comparison of two versions under one budget.

    Args:
        one: scorer of the reference, usually the version in use.
        other: scorer of the candidate to take its place.
        false_alarms_per_day: the budget of both.
        policy: when an alarm begins and ends around the limit.

    Raises:
        ConfigError: the budget cannot be kept.
    """

    def __init__(
        self,
        one: Scorer,
        other: Scorer,
        false_alarms_per_day: float,
        policy: Policy = _DEFAULT_POLICY,
    ) -> None:
        self._policy = policy
        self._scorers = (one, other)
        self._limits = [scorer.calibration.limit(false_alarms_per_day) for scorer in self._scorers]

    def recordings(self, paths: Sequence[Path]) -> Iterator[RecordingComparison]:
        """Compare each recording."""
        for path in paths:
            try:
                samples = read_16k(path)
                yield self._comparison(
                    str(path), [scorer.recording(samples, where=path) for scorer in self._scorers]
                )
            except AnomalyError as error:
                yield RecordingComparison(str(path), None, None, error.message)

    def clips(self, folder: Path, clips: Sequence[ClipRow]) -> Iterator[RecordingComparison]:
        """Compare each stored clip that can be scored again."""
        for row in clips:
            try:
                clip = read_clip(folder / row.folder)
                yield self._comparison(row.folder, [score_clip(clip, scorer) for scorer in self._scorers])
            except AnomalyError as error:
                yield RecordingComparison(row.folder, None, None, error.message)

    def _comparison(self, path: str, scores: Sequence[list[SecondScore]]) -> RecordingComparison:
        one, other = (
            _version_verdict(judge(seconds, limit, policy=self._policy), seconds)
            for limit, seconds in zip(self._limits, scores, strict=True)
        )
        return RecordingComparison(path, one, other)


def _version_verdict(verdict: Verdict, scores: Sequence[SecondScore]) -> VersionVerdict:
    counted = [s.p_value for s, state in zip(scores, verdict.states, strict=True) if state is not None]
    return VersionVerdict(round(verdict.score, 4), min(counted, default=1.0), verdict.state is State.ALARM)


def summary(rows: Sequence[RecordingComparison]) -> dict[str, Any]:
    """Count the recordings and alarms of both versions, and the recordings on which they differ."""
    both = [(row.one, row.other) for row in rows if row.one is not None and row.other is not None]
    return {
        "compared": len(both),
        "errors": len(rows) - len(both),
        "alarms_one": sum(one.alarm for one, _ in both),
        "alarms_other": sum(other.alarm for _, other in both),
        "appear": sum(other.alarm and not one.alarm for one, other in both),
        "vanish": sum(one.alarm and not other.alarm for one, other in both),
    }
