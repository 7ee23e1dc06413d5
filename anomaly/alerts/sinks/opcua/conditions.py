"""Conditions of all machines: their states, and which of them the clients know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from asyncua import ua

from anomaly.alerts.sinks.opcua.address_space import AddressSpace, MachineNodes
from anomaly.alerts.sinks.opcua.condition import (
    ConditionKey,
    ConditionState,
    condition_key,
    condition_state,
    message_event_id,
    state_event_id,
)
from anomaly.alerts.sinks.opcua.event import CONDITION_TYPES, OutgoingEvent, condition_fields
from anomaly.store.cases.case import KINDS, Case, CaseKind, CaseState, unix_s
from anomaly.store.outbox.message import AlertMessage, MessageEvent

Words = Callable[[AlertMessage], str]


@dataclass
class Condition:
    """One condition.

    Args:
        state: as it stands.
        before: its state before that.
        notified: what the newest event said.
        looked: what the newest look at the open cases said.
    """

    state: ConditionState
    before: ConditionState | None = None
    notified: ConditionKey | None = None
    looked: ConditionKey | None = None


class Conditions:
    """Keeps the conditions, and writes them to the address space; used on the server's loop alone.

    Args:
        space: nodes.
        facts: of a machine, from the site file.
        words: puts a message into one sentence.
        locale: of the sentence.
    """

    def __init__(
        self, space: AddressSpace, facts: Callable[[str], Mapping[str, str]], words: Words, locale: str
    ) -> None:
        self._space, self._facts, self._words, self._locale = space, facts, words, locale
        self._conditions: dict[tuple[str, CaseKind], Condition] = {}

    async def machine(self, name: str) -> MachineNodes:
        """Return the nodes of a machine; at its first use they and its conditions are made."""
        is_new = name not in self._space.machines
        nodes = await self._space.machine(name, self._facts(name))
        if is_new:
            for kind in KINDS:
                key = ConditionKey("", active=False, acknowledged=True, suppressed=False, severity=1)
                state = ConditionState(name, kind, key, 0.0, time.time(), state_event_id(key), "")
                self._conditions[name, kind] = Condition(state, notified=key)
                await self._write(nodes, self._conditions[name, kind])
        return nodes

    def by_node(self, node: ua.NodeId) -> Condition | None:
        """Return the condition of a node, or None."""
        for name, nodes in self._space.machines.items():
            for kind, condition in nodes.conditions.items():
                if condition == node:
                    return self._conditions[name, kind]
        return None

    async def events_of(self, message: AlertMessage) -> list[OutgoingEvent]:
        """Bring the conditions of a message's cases up to it; return its events, one for each case."""
        events = []
        for case in message.group or ((message.case,) if message.case is not None else ()):
            state = condition_state(
                case,
                self._words(message if not message.group else _of_one(message, case)),
                unix_s(message.time),
                message_event_id(message.id, case.id),
                message.note or "",
                message.by or "",
            )
            nodes = await self.machine(case.machine)
            condition = self._conditions[case.machine, case.kind]
            before = condition.state
            state = state.with_comment_of(before)
            # An old message of a backlog is sent as it was, but does not set the condition back.
            if state.follows(before):
                await self._change(nodes, condition, state)
            condition.notified = state.key
            events.append(self._event(nodes, state, before))
        return events

    async def follow(self, cases: Iterable[Case]) -> list[OutgoingEvent]:
        """Bring the conditions to the open cases, also to those without a message: after a restart, or shelved.

        Returns:
            Events of conditions that clients see otherwise, and have seen so at the look before, too.
        """
        found = {(case.machine, case.kind): case for case in cases}
        for machine, _ in found:
            await self.machine(machine)
            await asyncio.sleep(0)  # clients get their answers in between
        events = []
        for place, condition in list(self._conditions.items()):
            await self._follow_one(await self.machine(place[0]), condition, found.get(place))
            key = condition.state.key
            if key != condition.notified and key == condition.looked:
                nodes = self._space.machines[place[0]]
                events.append(self._event(nodes, condition.state, condition.before))
            condition.looked = key
        return events

    def mark_notified(self, events: Sequence[OutgoingEvent]) -> None:
        """Note that these events were sent."""
        sent = {event.fields["EventId"].Value for event in events}
        for condition in self._conditions.values():
            if condition.state.event_id in sent:
                condition.notified = condition.state.key

    async def acknowledged(self, condition: Condition, case: Case, user: str, comment: str) -> None:
        """Show that a client has acknowledged a case; its event comes with the message."""
        message = AlertMessage("case.acknowledged", case.machine, case.opened_at, case, by=user, note=comment)
        state = condition_state(case, self._words(message), time.time(), None, comment, user)
        await self._change(
            await self.machine(case.machine), condition, state.with_comment_of(condition.state)
        )

    def retained(self) -> Iterator[OutgoingEvent]:
        """Yield an event for each condition of interest, with the EventId of its newest one."""
        for (machine, _), condition in self._conditions.items():
            if condition.state.retain:
                yield self._event(self._space.machines[machine], condition.state, condition.before)

    async def _follow_one(self, nodes: MachineNodes, condition: Condition, case: Case | None) -> None:
        now_s, before = time.time(), condition.state
        if case is not None and condition_key(case, now_s) != before.key:
            state = condition_state(case, self._words(_state_message(case)), now_s).with_comment_of(before)
            if state.follows(before):
                await self._change(nodes, condition, state)
                await asyncio.sleep(0)
        elif case is None and before.retain:
            await self._change(nodes, condition, before.ended(now_s, before.text))

    async def _change(self, nodes: MachineNodes, condition: Condition, state: ConditionState) -> None:
        condition.before, condition.state = condition.state, state
        await self._write(nodes, condition)

    async def _write(self, nodes: MachineNodes, condition: Condition) -> None:
        state = condition.state
        fields = condition_fields(state, condition.before, _named(nodes, state.kind), self._locale)
        await self._space.write_condition(nodes, state.kind, fields)
        open_cases = [
            one for kind in KINDS if (one := self._conditions.get((state.machine, kind))) and one.state.retain
        ]
        await self._space.write_open_cases(nodes, len(open_cases))

    def _event(
        self, nodes: MachineNodes, state: ConditionState, before: ConditionState | None
    ) -> OutgoingEvent:
        fields = condition_fields(state, before, _named(nodes, state.kind), self._locale)
        server = ua.NodeId(ua.ObjectIds.Server)
        return OutgoingEvent(fields, CONDITION_TYPES, (server, self._space.root, nodes.machine))


def _named(nodes: MachineNodes, kind: CaseKind) -> Mapping[str, ua.NodeId]:
    variable = "State" if kind == "machine" else "SensorState"
    watched = ua.NodeId(f"{nodes.machine.Identifier}/{variable}", nodes.machine.NamespaceIndex)
    return {"machine": nodes.machine, "condition": nodes.conditions[kind], "input": watched}


def _of_one(message: AlertMessage, case: Case) -> AlertMessage:
    """Return the message about one case of a group."""
    return AlertMessage(message.event, case.machine, message.time, case)


def _state_message(case: Case) -> AlertMessage:
    """Return a message that says how a case stands."""
    event: MessageEvent = (
        "case.returned" if case.state == CaseState.RETURNED_UNACKNOWLEDGED else "case.opened"
    )
    return AlertMessage(event, case.machine, case.opened_at, case)
