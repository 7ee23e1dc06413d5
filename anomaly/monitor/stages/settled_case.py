"""Feedback on a case that somebody closed: one that was reported as normal opens no new case for the same sound."""

from __future__ import annotations

from anomaly.store.cases.case import FEEDBACK, Case, unix_s
from anomaly.store.store import Store

# What feedback changed is taken up at a reset of the score, at most a minute after it was found: until then the sound
# that was reported as normal opens no new case.
SETTLE_S = 120


def normal_since_s(store: Store, case: Case) -> float | None:
    """Return the UNIX time of the last feedback on a case if it reported the case as normal.

    Raises:
        ConfigError: the database cannot be read.
    """
    feedback = store.history.events(case_id=case.id, name=FEEDBACK)
    if not feedback or feedback[-1].detail.get("verdict") != "normal":
        return None
    return unix_s(feedback[-1].time)
