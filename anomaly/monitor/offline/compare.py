"""Two versions of a bundle over the same sound: where they agree, where they do not, before one is put into use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anomaly.audio.files.recordings import read_16k
from anomaly.detect.decision import Policy, State
from anomaly.detect.model import Model
from anomaly.detect.scoring import SecondScore
from anomaly.detect.verdict import Verdict as Judged
from anomaly.detect.verdict import judge
from anomaly.errors import AnomalyError
from anomaly.monitor.clips.files import read_clip
from anomaly.monitor.offline.clip_score import score_clip
from anomaly.store.rows import ClipRow

_PLAIN = Policy()


@dataclass(frozen=True)
class VersionVerdict:
    """What one version says of one piece of sound.

    Args:
        score: of the whole piece.
        p_value: smallest of the seconds that the decision took; 1 where it took none.
        alarm: whether the decision, begun with it, reaches ALARM.
    """

    score: float
    p_value: float
    alarm: bool


@dataclass(frozen=True)
class RecordingComparison:
    """One piece of sound under both versions; ``error`` where it cannot be scored."""

    path: str
    one: VersionVerdict | None
    other: VersionVerdict | None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


class VersionComparison:
    """Scores sound with two models.

    Args:
        one: the version that is compared with, usually the one in use.
        other: the version that might take its place.
        detector: its name, such as student.
        false_alarms_per_day: the budget of both.
        policy: when an alarm begins and ends around the limit.

    Raises:
        ConfigError: the budget cannot be kept.
    """

    def __init__(
        self,
        one: Model,
        other: Model,
        detector: str,
        false_alarms_per_day: float,
        policy: Policy = _PLAIN,
    ) -> None:
        self._policy = policy
        self._scorers = (one.scorer(detector), other.scorer(detector))
        self._limits = [scorer.calibration.limit(false_alarms_per_day) for scorer in self._scorers]

    def recordings(self, paths: Sequence[Path]) -> Iterator[RecordingComparison]:
        """Each recording."""
        for path in paths:
            try:
                samples = read_16k(path)
                yield self._compared(
                    str(path), [scorer.recording(samples, where=path) for scorer in self._scorers]
                )
            except AnomalyError as error:
                yield RecordingComparison(str(path), None, None, str(error))

    def clips(self, folder: Path, clips: Sequence[ClipRow]) -> Iterator[RecordingComparison]:
        """Each stored clip that can be scored again."""
        for row in clips:
            try:
                clip = read_clip(folder / row.folder)
                yield self._compared(row.folder, [score_clip(clip, scorer) for scorer in self._scorers])
            except AnomalyError as error:
                yield RecordingComparison(row.folder, None, None, str(error))

    def _compared(self, path: str, scores: Sequence[list[SecondScore]]) -> RecordingComparison:
        one, other = (
            _verdict(judge(found, limit, policy=self._policy), found)
            for limit, found in zip(self._limits, scores, strict=True)
        )
        return RecordingComparison(path, one, other)


def _verdict(judged: Judged, scores: list[SecondScore]) -> VersionVerdict:
    taken = [s.p_value for s, state in zip(scores, judged.states, strict=True) if state is not None]
    return VersionVerdict(round(judged.score, 4), min(taken, default=1.0), judged.state is State.ALARM)


def summary(rows: Sequence[RecordingComparison]) -> dict[str, Any]:
    """How the two versions differ over all pieces of sound."""
    both = [(row.one, row.other) for row in rows if row.one is not None and row.other is not None]
    return {
        "compared": len(both),
        "errors": len(rows) - len(both),
        "alarms_one": sum(one.alarm for one, _ in both),
        "alarms_other": sum(other.alarm for _, other in both),
        "appear": sum(other.alarm and not one.alarm for one, other in both),
        "vanish": sum(one.alarm and not other.alarm for one, other in both),
    }
