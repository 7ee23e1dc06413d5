"""Cases whose scores per second are gone, judged by the seconds that were kept with their clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.errors import InputError
from anomaly.monitor.clips.files import ClipFacts, read_facts
from anomaly.monitor.offline.replay_result import ReplayedCase
from anomaly.store.case import Case, unix_s
from anomaly.store.rows import ScoreRow
from anomaly.store.state_kinds import model_label
from anomaly.store.store import Store


@dataclass(frozen=True)
class ClipHistory:
    """Where clips lie, and whose results count.

    Args:
        folder: of all clips.
        model: whose scores are meant, see `model_label`.
    """

    folder: Path
    model: str


def replay_from_clip(
    store: Store, case: Case, clips: ClipHistory | None, alarm_in: Callable[[Sequence[ScoreRow]], bool]
) -> ReplayedCase:
    """Whether a case would have been opened, as far as the live results in its clips tell.

    Args:
        store: where clips are listed.
        case: whose scores are no longer stored.
        clips: where they lie; None: nothing is known.
        alarm_in: whether there is an alarm in seconds that follow each other.
    """
    why = "its scores are gone"
    if clips is None:
        return ReplayedCase(case.id, case.opened_at, "unknown", why)
    for row in store.clips.select(case_id=case.id):
        try:
            facts = read_facts(clips.folder / row.folder)
            seconds = _rows(facts)
        except InputError as error:
            why = error.message
            continue
        if model_label(facts.detector, facts.model) != clips.model:
            why = "its clip was heard by another bundle or detector"
        elif alarm_in(seconds):
            return ReplayedCase(case.id, case.opened_at, "stays", "clip")
        elif _holds_all(facts, case):
            return ReplayedCase(case.id, case.opened_at, "vanishes", "clip")
        else:
            why = "no alarm within its clip, which ends before the case does"
    return ReplayedCase(case.id, case.opened_at, "unknown", why)


def _rows(facts: ClipFacts) -> list[ScoreRow]:
    """The seconds of a clip as they would be stored.

    Raises:
        InputError: they are not as a monitor writes them.
    """
    try:
        return [
            ScoreRow(
                facts.machine,
                facts.begin_s + int(one["second"]) + 1,
                int(one["second"]),
                _number(one["score"]),
                _number(one["p_value"]),
                str(one["state"]),
            )
            for one in facts.seconds
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"holds no seconds: {error}", where=f"clip {facts.id}") from error


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _holds_all(facts: ClipFacts, case: Case) -> bool:
    """Whether the sound was normal again before the clip ended: later nothing can have made an alarm of it."""
    end_s = facts.begin_s + facts.samples / SAMPLE_RATE_HZ
    return case.returned_at is not None and unix_s(case.returned_at) <= end_s
