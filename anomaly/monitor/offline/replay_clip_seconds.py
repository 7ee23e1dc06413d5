"""Replay of cases whose scores are no longer stored, by the live results that were kept with their clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.errors import InputError
from anomaly.monitor.clips.files import ClipFacts, read_facts
from anomaly.monitor.offline.replay_result import ReplayedCase
from anomaly.store.cases.case import Case, unix_s
from anomaly.store.database.rows import ScoreRow
from anomaly.store.state_kinds import model_label
from anomaly.store.store import Store


@dataclass(frozen=True)
class ClipHistory:
    """Clips of a site, and the model whose results in them count.

    Args:
        folder: of all clips.
        model: bundle and detector in question, see `model_label`.
    """

    folder: Path
    model: str


def replay_from_clip(
    store: Store, case: Case, clips: ClipHistory | None, alarm_in: Callable[[Sequence[ScoreRow]], bool]
) -> ReplayedCase:
    """Decide whether a case would have been opened, by the live results in its clips.

    Args:
        store: lists the clips.
        case: its scores are no longer stored.
        clips: of the site; None makes the outcome unknown.
        alarm_in: returns whether consecutive seconds raise an alarm.
    """
    reason = "its scores are gone"
    if clips is None:
        return ReplayedCase(case.id, case.opened_at, "unknown", reason)
    for row in store.clips.select(case_id=case.id):
        try:
            facts = read_facts(clips.folder / row.folder)
            seconds = clip_rows(facts)
        except InputError as error:
            reason = error.message
            continue
        if model_label(facts.detector, facts.model) != clips.model:
            reason = "its clip was scored by another bundle or detector"
        elif alarm_in(seconds):
            return ReplayedCase(case.id, case.opened_at, "stays", "clip")
        elif _covers(facts, case):
            return ReplayedCase(case.id, case.opened_at, "vanishes", "clip")
        else:
            reason = "no alarm within its clip, which ends before the case does"
    return ReplayedCase(case.id, case.opened_at, "unknown", reason)


def clip_rows(facts: ClipFacts) -> list[ScoreRow]:
    """Return the seconds of a clip in the form in which the monitor stores them.

    Raises:
        InputError: they are not as a monitor writes them.
    """
    try:
        return [
            ScoreRow(
                facts.machine,
                facts.begin_s + int(second["second"]) + 1,
                int(second["second"]),
                _number(second["score"]),
                _number(second["p_value"]),
                str(second["state"]),
            )
            for second in facts.seconds
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"holds no seconds: {error}", where=f"clip {facts.id}") from error


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _covers(facts: ClipFacts, case: Case) -> bool:
    """Return whether the sound was normal again before the clip ended: no later second can have raised the alarm."""
    end_s = facts.begin_s + facts.samples / SAMPLE_RATE_HZ
    return case.returned_at is not None and unix_s(case.returned_at) <= end_s
