"""Share of faults that reach ALARM within a minute, at the limit of the decision.

A ranking (AUC) says nothing of the alarm itself, and a clip of ten seconds is often shorter than the decision takes. So
the clips of one fault follow each other without a reset of the decision, as they would at a microphone, and are cut
into stretches of a minute; a stretch counts if the decision reaches ALARM within it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from anomaly.detect.decision import Decision, Limit, State

WITHIN_S = 60


@dataclass(frozen=True)
class JoinedAlarms:
    """Stretches of a minute that reached ALARM.

    Args:
        alarmed: those that did.
        stretches: all of them; one, if there is less than a minute of sound.
    """

    alarmed: int
    stretches: int

    @property
    def share(self) -> float | None:
        """Return the share that reached ALARM; None without sound."""
        return self.alarmed / self.stretches if self.stretches else None

    def __add__(self, other: JoinedAlarms) -> JoinedAlarms:
        return JoinedAlarms(self.alarmed + other.alarmed, self.stretches + other.stretches)

    def as_json(self) -> dict[str, object]:
        """Return the figures as JSON types."""
        return {"share": self.share, "alarmed": self.alarmed, "stretches": self.stretches}


def joined_alarms(clips: Iterable[Sequence[float]], limit: Limit, within_s: int = WITHIN_S) -> JoinedAlarms:
    """Count the stretches of clips in a row that reach ALARM.

    Args:
        clips: tail probability of each second that the decision takes, clip after clip.
        limit: of the decision.
        within_s: length of a stretch; of a longer clip the first so many seconds are a stretch of their own.
    """
    stretches: list[list[float]] = []
    waiting: list[float] = []
    for clip in clips:
        if len(clip) >= within_s:
            stretches.append(list(clip[:within_s]))
            continue
        waiting += clip
        if len(waiting) >= within_s:
            stretches.append(waiting[:within_s])
            waiting = waiting[within_s:]
    if waiting and not stretches:
        stretches.append(waiting)
    return JoinedAlarms(sum(_reaches_alarm(one, limit) for one in stretches), len(stretches))


def joined_by_fault(
    clips: Iterable[tuple[str, Sequence[float]]], limit: Limit, within_s: int = WITHIN_S
) -> dict[str, JoinedAlarms]:
    """Count the same for each fault, of which every clip has the name, in the order of the names."""
    by_fault: dict[str, list[Sequence[float]]] = {}
    for fault, clip in clips:
        by_fault.setdefault(fault, []).append(clip)
    return {fault: joined_alarms(by_fault[fault], limit, within_s) for fault in sorted(by_fault)}


def in_total(by_fault: Mapping[str, JoinedAlarms]) -> JoinedAlarms:
    """Return the sum over faults."""
    return sum(by_fault.values(), JoinedAlarms(0, 0))


def _reaches_alarm(p_values: Sequence[float], limit: Limit) -> bool:
    decision = Decision(limit)
    return any(decision.update(p_value) is State.ALARM for p_value in p_values)
