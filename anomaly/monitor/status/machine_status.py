"""Status of one machine: its state, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anomaly.monitor.status.budget import BudgetStatus
from anomaly.readable import count, duration, local_time
from anomaly.store.cases.case import SHORT_ID, Case, iso_utc, unix_s
from anomaly.store.cases.sensor_fault import sensor_case
from anomaly.store.machine_summary import MachineSummary
from anomaly.store.state_kinds import JUDGED_STATES, STALE_S, StateKind

# A monitor stores its seconds every ten: what is older on a disk that takes nothing says nothing about now.
_STORED_EVERY_S = 12.0
# An alarm comes first; a machine that is not judged may be failing, and comes before one that is merely watched.
_ORDER = ("ALARM", None, "WATCH", "OK")


@dataclass(frozen=True)
class MaintenanceStatus:
    """Maintenance of a machine that goes on.

    Args:
        until_s: UNIX seconds of its end; None for a window of the site file.
        by: person who began it; None likewise.
        note: why.
    """

    until_s: float | None = None
    by: str | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types; times are UTC."""
        until = None if self.until_s is None else iso_utc(self.until_s)
        return {"planned": self.by is None, "until": until, "by": self.by, "note": self.note or None}

    def text(self) -> str:
        """Return one phrase for people."""
        if self.until_s is None:
            return "in maintenance by a window of the site file: alarms open no cases"
        why = f" ({self.note})" if self.note else ""
        return f"in maintenance until {local_time(self.until_s)} by {self.by}{why}: alarms open no cases"


@dataclass(frozen=True)
class MachineStatus:
    """Status of one machine.

    Args:
        machine: its name.
        state: OK, WATCH or ALARM; None while it is not judged.
        reason: why it is not judged; "" while it is.
        since_s: UNIX seconds of the beginning of the state, or of its absence; None if it was never judged.
        last_sound_s: UNIX seconds of the newest stored second.
        sensor: ``ok``, or the fault of the microphone; None where nothing is known of it.
        operating_state: running, stopped, ramping or unknown; None likewise.
        open_cases: of the machine and of its microphone, newest first.
        model: detector and version of the bundle.
        budget: its alarms compared with the budget; None where the database cannot be read.
        maintenance: its maintenance that goes on, during which alarms open no cases; None without one.
    """

    machine: str
    state: str | None
    reason: str
    since_s: float | None
    last_sound_s: float | None
    sensor: str | None
    operating_state: str | None
    open_cases: Sequence[Case]
    model: str | None
    budget: BudgetStatus | None
    maintenance: MaintenanceStatus | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types; times are UTC."""
        return {
            "machine": self.machine,
            "state": self.state,
            "reason": self.reason or None,
            "since": None if self.since_s is None else iso_utc(self.since_s),
            "last_sound": None if self.last_sound_s is None else iso_utc(self.last_sound_s),
            "sensor": self.sensor,
            "operating_state": self.operating_state,
            "open_cases": len(self.open_cases),
            "cases": [case.id for case in self.open_cases],
            "model": self.model,
            "budget": None if self.budget is None else self.budget.to_dict(),
            "maintenance": None if self.maintenance is None else self.maintenance.to_dict(),
        }

    @property
    def rank(self) -> int:
        """Place in a list with the worst machine first."""
        return _ORDER.index(self.state)

    def text(self, now_s: float) -> str:
        """Return one line for people: verdict, since when, and the facts behind it."""
        facts = [] if self.maintenance is None else [self.maintenance.text()]
        facts += [self._sound(now_s), *self._microphone()]
        if self.operating_state:
            facts.append(f"machine {self.operating_state}")
        facts.append(_cases(self.open_cases))
        facts.append(f"model {self.model}" if self.model else "no model")
        facts += [self.budget.text()] if self.budget else []
        since = f"since {local_time(self.since_s)}" if self.since_s is not None else "never judged"
        head = f"{self.state or 'UNKNOWN':<7}  {self.machine:<12}  {since}"
        return "; ".join([f"{head}: {self.reason}" if self.reason else head, *facts])

    def _sound(self, now_s: float) -> str:
        if self.last_sound_s is None:
            return "no sound yet"
        return f"last sound {duration(max(0.0, now_s - self.last_sound_s))} ago"

    def _microphone(self) -> list[str]:
        return [f"microphone {self.sensor}"] if self.sensor is not None else []


def machine_status(
    machine: str,
    stored: MachineSummary,
    open_cases: Sequence[Case],
    *,
    monitored: bool,
    model: str | None,
    budget: BudgetStatus | None,
    now_s: float,
    stale: str = "",
) -> MachineStatus:
    """Combine what is stored of a machine.

    Args:
        machine: its name.
        stored: its newest facts.
        open_cases: its open cases, newest first.
        monitored: a monitor holds its lock.
        model: detector and version of its bundle, for a machine without a stored one.
        budget: its alarms compared with the budget.
        now_s: UNIX seconds.
        stale: why the monitor may know more than is stored here; "" if it does not.
    """
    last_s = None if stored.last is None else stored.last.time_s
    fresh = monitored and last_s is not None and now_s - last_s <= (_STORED_EVERY_S if stale else STALE_S)
    fault = sensor_case(open_cases)
    reason, since_s = _unknown(stored, fault, monitored=monitored, fresh=fresh, stale=stale)
    states = {kind: row.state for kind, row in stored.states.items()}
    state = None if reason or stored.last is None else stored.last.state
    decision = stored.states.get(StateKind.DECISION)
    if state is not None:
        since_s = last_s if decision is None or decision.state != state else decision.time_s
    status = None if fault is None else str(fault.evidence.get("status", "fault"))
    return MachineStatus(
        machine,
        state,
        reason,
        since_s,
        last_s,
        status or (states.get(StateKind.SENSOR) if fresh else None),
        states.get(StateKind.OPERATING) if fresh and fault is None else None,
        open_cases,
        (states.get(StateKind.MODEL) if monitored else None) or model,
        budget,
    )


def _unknown(
    stored: MachineSummary, fault: Case | None, *, monitored: bool, fresh: bool, stale: str
) -> tuple[str, float | None]:
    """Return why a machine is not judged, or "", and the UNIX time since when."""
    last_s = None if stored.last is None else stored.last.time_s
    if not monitored:
        return "no monitor watches it; `anomaly monitor` starts one", last_s
    if stale and not fresh:
        return f"the monitor runs, and what it stores cannot be seen: {stale}", last_s
    if fault is not None:
        return fault.summary, unix_s(fault.opened_at)
    if stored.last is None or not fresh:
        return "the monitor runs, but no sound arrives", last_s
    if stored.last.state not in JUDGED_STATES:
        decision = stored.states.get(StateKind.DECISION)
        return "the sound cannot be judged", last_s if decision is None else decision.time_s
    return "", None


def _cases(cases: Sequence[Case]) -> str:
    if not cases:
        return "no open case"
    return f"{count(len(cases), 'open case')} ({', '.join(case.id[:SHORT_ID] for case in cases)})"
