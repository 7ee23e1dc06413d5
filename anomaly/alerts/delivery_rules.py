"""Rules of one sink: which of the waiting messages are sent now, which together, which later, and which not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from anomaly.config import Site
from anomaly.config.calendar_window import is_in_any
from anomaly.config.delivery import DeliverySettings
from anomaly.store.cases.case import Case, unix_s
from anomaly.store.database.rows import DueMessage

GROUP_S = 60.0
"""Seconds for which messages for people are collected, unless the site file says otherwise."""
# Fewer cases than this are worth a message each, with its own picture and thread.
LEAST_GROUP = 3
# Cases in one group.
MOST_GROUPED = 2_000
# Longest time for which messages are collected, in seconds.
MOST_GROUPED_S = 3_600.0
# How often a message that is held back in quiet hours is looked at again.
_LOOK_AGAIN_S = 60.0
# Events whose messages are grouped: those that the monitor causes, and that can come in floods.
_GROUPED = ("case.opened", "case.escalated", "case.returned", "case.closed", "case.unshelved")
NOT_NEEDED = "not sent: acknowledged or closed in time"
OWN_ANSWER = "not sent: an answer of the system that the sink leads to"


@dataclass
class DeliveryPlan:
    """Result of the rules.

    Args:
        groups: messages to send now, in order; several in a group are sent as one.
        held: deliveries to look at again, with the UNIX time.
        skipped: deliveries that are not to be made, because nobody needs them any more.
        wait_until_s: UNIX time until which more messages are collected; 0 if nothing is.
    """

    groups: list[list[DueMessage]] = field(default_factory=list)
    held: list[tuple[DueMessage, float]] = field(default_factory=list)
    skipped: list[DueMessage] = field(default_factory=list)
    wait_until_s: float = 0.0


class DeliveryRules:
    """Rules of a sink.

    Args:
        settings: of the site file.
        for_people: people read the messages one by one.
    """

    def __init__(self, settings: DeliverySettings | None = None, *, for_people: bool = False) -> None:
        self._settings = settings or DeliverySettings()
        usual_s = GROUP_S if for_people else 0.0
        self._group_s = usual_s if self._settings.group_s is None else self._settings.group_s
        self._sent_s: dict[str, float | None] = {}

    @property
    def are_trivial(self) -> bool:
        """True if each message is sent at once and alone."""
        rules = self._settings
        return not (self._group_s or rules.quiet or rules.cooldown_min or rules.unacknowledged_min)

    def plan(
        self,
        waiting: Sequence[DueMessage],
        now_s: float,
        *,
        stored: Callable[[str], Case | None],
        notified: Callable[[str], bool],
        last_sent_s: Callable[[str], float | None] = lambda _: None,
        at_once: bool = False,
    ) -> DeliveryPlan:
        """Decide on the messages that wait.

        Args:
            waiting: of each case the oldest, oldest first.
            now_s: UNIX seconds.
            stored: returns a case as it stands now, by its identifier.
            notified: returns whether the sink has got a message of a case.
            last_sent_s: returns the UNIX time of the last message about a machine, perhaps by an earlier process.
            at_once: do not wait for more messages to group: the process ends.
        """
        plan, ready = DeliveryPlan(), []
        for due in waiting:
            until_s = self._step_s(due, now_s, stored, notified)
            if until_s is None:
                plan.skipped.append(due)
                continue
            until_s = max(until_s, self._quiet_s(due, now_s), self._cool_s(due, now_s, last_sent_s))
            if until_s > now_s:
                plan.held.append((due, until_s))
            else:
                ready.append(due)
        until_s = min((due.queued_s for due in ready), default=now_s) + self._group_s
        if at_once or not 0.0 < until_s - now_s <= MOST_GROUPED_S:
            plan.groups.extend(self._groups(ready))
        else:
            plan.wait_until_s = until_s if ready else 0.0
        return plan

    def sent(self, group: Sequence[DueMessage], now_s: float) -> None:
        """Note that messages were sent."""
        if self._settings.cooldown_min:
            self._sent_s.update({due.message.machine: now_s for due in group})

    def _step_s(
        self,
        due: DueMessage,
        now_s: float,
        stored: Callable[[str], Case | None],
        notified: Callable[[str], bool],
    ) -> float | None:
        """Return when a message may be sent by the escalation step; None if it need not be."""
        wait_s, case = self._settings.unacknowledged_min * 60.0, due.message.case
        if not wait_s or case is None or notified(case.id):
            return now_s
        current = stored(case.id) or case
        if not current.is_open or current.acknowledged_at is not None:
            return None
        return unix_s(current.opened_at) + wait_s

    def _quiet_s(self, due: DueMessage, now_s: float) -> float:
        case = due.message.case
        if case is None or case.urgency >= self._settings.quiet_below:
            return now_s
        return now_s + _LOOK_AGAIN_S if is_in_any(self._settings.quiet, now_s) else now_s

    def _cool_s(self, due: DueMessage, now_s: float, last_sent_s: Callable[[str], float | None]) -> float:
        machine = due.message.machine
        if self._settings.cooldown_min and machine not in self._sent_s:
            self._sent_s[machine] = last_sent_s(machine)
        sent_s = self._sent_s.get(machine)
        if sent_s is None or due.message.event == "case.opened" or sent_s > now_s:
            return now_s
        return sent_s + self._settings.cooldown_min * 60.0

    def _groups(self, ready: Sequence[DueMessage]) -> list[list[DueMessage]]:
        if not self._group_s:
            return [[due] for due in ready]
        by_event: dict[str, list[DueMessage]] = {}
        for due in ready:
            grouped = due.message.event in _GROUPED and due.message.case is not None
            by_event.setdefault(due.message.event if grouped else due.message.id, []).append(due)
        found: list[list[DueMessage]] = []
        for together in by_event.values():
            one = len(together) >= LEAST_GROUP or _have_one_cause(together)
            found.extend([together] if one else [[due] for due in together])
        return found


def _have_one_cause(together: Sequence[DueMessage]) -> bool:
    """Return whether two cases or more are one thing for a person.

    So are microphones that fail, or come back, in the same way at the same time: a computer, a sound card or a hub was
    lost. And so are an alarm of a machine and the failure of its microphone: one of the two has caused the other.
    """
    cases = [due.message.case for due in together if due.message.case is not None]
    if len(cases) < 2:
        return False
    faults = {str(case.evidence.get("status")) if case.kind == "sensor" else None for case in cases}
    return len({case.machine for case in cases}) == 1 or (len(faults) == 1 and None not in faults)


def delivery_rules(site: Site) -> dict[str, DeliveryRules]:
    """Return the rules of each sink of a site, by its name."""
    from anomaly.alerts.sinks.registry import sink_kind

    return {
        entry.config.name: DeliveryRules(
            entry.config.delivery, for_people=sink_kind(entry.kind).audience == "people"
        )
        for entry in site.sinks
    }
