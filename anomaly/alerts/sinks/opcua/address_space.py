"""Address space of the server: ``Objects/anomaly/<machine>`` with variables and two conditions each.

Identifiers such as ``ns=2;s=pump/Score`` stay the same after a restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from asyncua import Server, ua

from anomaly.alerts.sinks.opcua.event import CONDITION_NAMES, Fields
from anomaly.alerts.sinks.opcua.nodes import Nodes
from anomaly.store.cases.case import KINDS, CaseKind
from anomaly.store.database.rows import LiveScore

NAMESPACE = "urn:anomaly:machines"
STATES = ("OK", "WATCH", "ALARM", "UNKNOWN")
"""States of a machine; the place of each is its number."""
_UNKNOWN = STATES.index("UNKNOWN")
# A number, where those of machines are texts.
_ROOT = 1
_VARIABLES = {
    "State": ua.VariantType.String,
    "StateNumber": ua.VariantType.UInt32,
    "Score": ua.VariantType.Double,
    "PValue": ua.VariantType.Double,
    "SensorState": ua.VariantType.String,
    "OperatingState": ua.VariantType.String,
    "OpenCases": ua.VariantType.UInt32,
    "LastSound": ua.VariantType.DateTime,
}
# Facts of a machine, and the names of their properties.
_FACTS = {"location": "Location", "cmms_number": "AssetNumber", "criticality": "Criticality"}
_METHODS = (ua.ObjectIds.AcknowledgeableConditionType_Acknowledge, ua.ObjectIds.ConditionType_AddComment)
# A field of the event that is no node of the condition: the ConditionId.
_NO_NODE = "NodeId"


class MachineNodes(NamedTuple):
    """Nodes of one machine.

    Args:
        machine: its object.
        conditions: by kind of case.
        written: variables of the conditions that exist.
    """

    machine: ua.NodeId
    conditions: Mapping[CaseKind, ua.NodeId]
    written: set[ua.NodeId]


class AddressSpace:
    """Nodes of all machines; used on the server's loop alone.

    Args:
        server: initialised.
        namespace: index of `NAMESPACE`.
        locale: of names and texts.
    """

    def __init__(self, server: Server, namespace: int, locale: str) -> None:
        self._nodes, self._namespace = Nodes(server, namespace, locale), namespace
        self._machines: dict[str, MachineNodes] = {}
        self.root = ua.NodeId(_ROOT, namespace)
        objects, server_node = ua.NodeId(ua.ObjectIds.ObjectsFolder), ua.NodeId(ua.ObjectIds.Server)
        self._nodes.add_object(self.root, objects, "anomaly", ua.ObjectIds.FolderType, notifier=True)
        self._nodes.refer(server_node, ua.ObjectIds.HasNotifier, self.root, ua.NodeClass.Object)

    @property
    def machines(self) -> Mapping[str, MachineNodes]:
        """Nodes of each machine that has any."""
        return self._machines

    async def machine(self, name: str, facts: Mapping[str, str]) -> MachineNodes:
        """Return the nodes of a machine; they are made at its first use.

        Args:
            name: of the machine.
            facts: of the site file: display name, location, CMMS number, criticality.
        """
        if name not in self._machines:
            self._machines[name] = await self._new_machine(name, facts)
        return self._machines[name]

    async def write_score(self, nodes: MachineNodes, row: LiveScore) -> None:
        """Write a machine's newest second; what is not known has a status that says so."""
        time = datetime.fromtimestamp(row.time_s, UTC)
        known = row.state if row.is_known and row.state in STATES else STATES[_UNKNOWN]
        status = ua.StatusCodes.Good if row.is_known else ua.StatusCodes.Uncertain
        for variable, value in (("State", known), ("StateNumber", STATES.index(known))):
            await self._write(nodes, variable, value, status, time)
        missing = _missing_status(row)
        measured = {
            "Score": row.score,
            "PValue": row.p_value,
            "SensorState": row.sensor,
            "OperatingState": row.operating,
        }
        for variable, found in measured.items():
            await self._write(
                nodes, variable, found, ua.StatusCodes.Good if found is not None else missing, time
            )
        if row.second:
            await self._write(nodes, "LastSound", time, ua.StatusCodes.Good, time)

    async def write_open_cases(self, nodes: MachineNodes, number: int) -> None:
        """Write how many cases of a machine are open."""
        await self._write(nodes, "OpenCases", number)

    async def write_condition(self, nodes: MachineNodes, kind: CaseKind, fields: Fields) -> None:
        """Write the fields of a condition's event to its variables, which are made at its first event."""
        condition = nodes.conditions[kind]
        for path, value in fields.items():
            if path == _NO_NODE:
                continue
            node = self._nodes.child(condition, path)
            if node not in nodes.written:
                owner, _, name = path.rpartition("/")
                parent = self._nodes.child(condition, owner) if owner else condition
                # A state, or a value with a time, is a variable; the rest are properties.
                is_property = not {f"{path}/Id", f"{path}/SourceTimestamp"} & set(fields)
                self._nodes.add_variable(node, parent, name, value, is_property=is_property, is_standard=True)
                nodes.written.add(node)
            await self._nodes.write(node, value)

    async def _new_machine(self, name: str, facts: Mapping[str, str]) -> MachineNodes:
        machine = ua.NodeId(name, self._namespace)
        shown = facts.get("display_name", "")
        kind = ua.ObjectIds.BaseObjectType
        self._nodes.add_object(machine, self.root, name, kind, shown=shown, notifier=True)
        self._nodes.refer(self.root, ua.ObjectIds.HasNotifier, machine, ua.NodeClass.Object)
        for fact, title in _FACTS.items():
            if text := facts.get(fact):
                value = ua.Variant(str(text), ua.VariantType.String)
                self._nodes.add_variable(
                    self._nodes.child(machine, title), machine, title, value, is_property=True
                )
        self._add_variables(machine)
        made = MachineNodes(machine, {kind: self._add_condition(machine, kind) for kind in KINDS}, set())
        waiting = ua.StatusCodes.BadWaitingForInitialData
        for variable in ("Score", "PValue", "SensorState", "OperatingState", "LastSound"):
            await self._write(made, variable, None, waiting)
        await self._write(made, "State", STATES[_UNKNOWN], ua.StatusCodes.Uncertain)
        await self._write(made, "StateNumber", _UNKNOWN, ua.StatusCodes.Uncertain)
        await self._write(made, "OpenCases", 0)
        return made

    def _add_variables(self, machine: ua.NodeId) -> None:
        null = ua.Variant(None, ua.VariantType.Null)
        for variable, data_type in _VARIABLES.items():
            node = self._nodes.child(machine, variable)
            self._nodes.add_variable(node, machine, variable, null, data_type=data_type)
        node = self._nodes.child(machine, "StateNumber")
        names = ua.Variant([ua.LocalizedText(state, "en") for state in STATES], ua.VariantType.LocalizedText)
        self._nodes.add_variable(
            self._nodes.child(node, "EnumStrings"),
            node,
            "EnumStrings",
            names,
            is_property=True,
            is_standard=True,
        )

    def _add_condition(self, machine: ua.NodeId, kind: CaseKind) -> ua.NodeId:
        name = CONDITION_NAMES[kind]
        condition = self._nodes.child(machine, name)
        self._nodes.add_object(condition, machine, name, ua.ObjectIds.OffNormalAlarmType)
        self._nodes.refer(machine, ua.ObjectIds.HasCondition, condition, ua.NodeClass.Object)
        for method in _METHODS:
            # The methods of the type: clients call them with the node of the condition.
            self._nodes.refer(condition, ua.ObjectIds.HasComponent, ua.NodeId(method), ua.NodeClass.Method)
        return condition

    async def _write(
        self,
        nodes: MachineNodes,
        variable: str,
        value: Any,
        status: int = ua.StatusCodes.Good,
        time: datetime | None = None,
    ) -> None:
        kind = ua.VariantType.Null if value is None else _VARIABLES[variable]
        await self._nodes.write(
            self._nodes.child(nodes.machine, variable), ua.Variant(value, kind), status, time
        )


def _missing_status(row: LiveScore) -> int:
    """Return the status of what a second does not say: the microphone fails, no sound comes, or nobody knows."""
    if row.sensor not in ("ok", None):
        return ua.StatusCodes.BadSensorFailure
    return ua.StatusCodes.BadNoCommunication if row.sensor is None else ua.StatusCodes.BadNoData
