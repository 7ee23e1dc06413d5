"""Nodes of an OPC UA server: objects, variables, references and values; identifiers are texts."""

from __future__ import annotations

from datetime import UTC, datetime

from asyncua import Server, ua


class Nodes:
    """Makes and writes nodes of one namespace; used on the server's loop alone.

    Args:
        server: initialised.
        namespace: index of the namespace.
        locale: of the names of objects.
    """

    def __init__(self, server: Server, namespace: int, locale: str) -> None:
        self._server, self._namespace, self._locale = server, namespace, locale

    def child(self, parent: ua.NodeId, name: str) -> ua.NodeId:
        """Return the identifier of what lies below a node: ``ns=2;s=pump/Score``."""
        return ua.NodeId(f"{parent.Identifier}/{name}", self._namespace)

    def add_object(
        self,
        node: ua.NodeId,
        parent: ua.NodeId,
        name: str,
        kind: int,
        *,
        shown: str = "",
        notifier: bool = False,
    ) -> None:
        """Make an object.

        Args:
            node: its identifier.
            parent: of which it is a component.
            name: its browse name.
            kind: identifier of its type in namespace 0.
            shown: its display name; by default the browse name.
            notifier: clients may subscribe to its events.
        """
        attributes = ua.ObjectAttributes(
            DisplayName=ua.LocalizedText(shown or name, self._locale), EventNotifier=1 if notifier else 0
        )
        browse = ua.QualifiedName(name, self._namespace)
        self._add(node, parent, browse, ua.NodeClass.Object, attributes, kind, ua.ObjectIds.HasComponent)

    def add_variable(
        self,
        node: ua.NodeId,
        parent: ua.NodeId,
        name: str,
        value: ua.Variant,
        *,
        data_type: ua.VariantType | None = None,
        is_property: bool = False,
        is_standard: bool = False,
    ) -> None:
        """Make a variable that clients may read.

        Args:
            node: its identifier.
            parent: to which it belongs.
            name: its browse name.
            value: its first value.
            data_type: its type; by default that of the value.
            is_property: a property rather than a component.
            is_standard: the browse name is one of the standard's.
        """
        attributes = ua.VariableAttributes(
            DisplayName=ua.LocalizedText(name, "en"),
            Value=value,
            DataType=ua.NodeId((data_type or value.VariantType).value),
            ValueRank=ua.ValueRank.OneDimension if value.is_array else ua.ValueRank.Scalar,
            AccessLevel=1,
            UserAccessLevel=1,
        )
        kind = ua.ObjectIds.PropertyType if is_property else ua.ObjectIds.BaseDataVariableType
        reference = ua.ObjectIds.HasProperty if is_property else ua.ObjectIds.HasComponent
        browse = ua.QualifiedName(name, 0 if is_standard else self._namespace)
        self._add(node, parent, browse, ua.NodeClass.Variable, attributes, kind, reference)

    def refer(self, source: ua.NodeId, kind: int, target: ua.NodeId, target_class: ua.NodeClass) -> None:
        """Add a reference."""
        item = ua.AddReferencesItem(
            SourceNodeId=source,
            ReferenceTypeId=ua.NodeId(kind),
            IsForward=True,
            TargetNodeId=target,
            TargetNodeClass=target_class,
        )
        for status in self._server.iserver.node_mgt_service.add_references([item]):
            status.check()

    async def write(
        self,
        node: ua.NodeId,
        value: ua.Variant,
        status: int = ua.StatusCodes.Good,
        time: datetime | None = None,
    ) -> None:
        """Write a value with its status and time; clients that monitor it are told."""
        now = datetime.now(UTC)
        written = ua.DataValue(
            value, StatusCode=ua.StatusCode(status), SourceTimestamp=time or now, ServerTimestamp=now
        )
        await self._server.write_attribute_value(node, written)

    def _add(
        self,
        node: ua.NodeId,
        parent: ua.NodeId,
        browse: ua.QualifiedName,
        node_class: ua.NodeClass,
        attributes: ua.ObjectAttributes | ua.VariableAttributes,
        kind: int,
        reference: int,
    ) -> None:
        item = ua.AddNodesItem(
            ParentNodeId=parent,
            ReferenceTypeId=ua.NodeId(reference),
            RequestedNewNodeId=node,
            BrowseName=browse,
            NodeClass=node_class,
            NodeAttributes=attributes,
            TypeDefinition=ua.NodeId(kind),
        )
        for result in self._server.iserver.node_mgt_service.add_nodes([item]):
            result.StatusCode.check()
