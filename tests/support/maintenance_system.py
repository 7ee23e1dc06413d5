"""Maintenance systems on this computer: the parts of their HTTP interfaces that work orders need.

Written from the public descriptions of the interfaces: Maximo JSON API, SAP ``API_MAINTNOTIFICATION`` (OData 2),
ServiceNow Table API, MaintainX, UpKeep and Atlas CMMS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from support.http_server import Answer, HttpServer, Request


@dataclass
class WorkOrder:
    """Work order as the system keeps it: the body of its making, and the bodies of what was added."""

    number: str
    made: Mapping[str, Any]
    added: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class System:
    """Interface of one system.

    Args:
        account: header and value that each request must carry.
        path: of its list.
        query: returns the text that a search names.
        fields: returns the fields of a work order that a search looks into and answers with.
        listed: answer to a search.
        made: answer to a new work order.
        one: pattern of the path of one, with the group ``number``.
        is_search: whether a request is one.
    """

    account: tuple[str, str]
    path: str
    query: Callable[[Request], str]
    fields: Callable[[WorkOrder], Mapping[str, Any]]
    listed: Callable[[list[Mapping[str, Any]]], Any]
    made: Callable[[WorkOrder], Any]
    one: str
    is_search: Callable[[Request], bool] = lambda request: request.method == "GET"


def _parameter(name: str) -> Callable[[Request], str]:
    return lambda request: parse_qs(urlsplit(request.path).query).get(name, [""])[0]


def _quoted(text: str) -> str:
    found = re.search(r"[\"'=]([^\"'=]+)[\"']?\)?$", text)
    return found[1] if found else ""


SYSTEMS = {
    "maximo": System(
        ("apikey", "{token}"),
        "/maximo/api/os/mxapiwodetail",
        lambda request: _quoted(_parameter("oslc.where")(request)),
        lambda order: {
            "externalrefid": order.made["externalrefid"],
            "href": f"http://maximo/api/os/mxapiwodetail/_{order.number}",
        },
        lambda items: {"member": items},
        lambda order: {"href": f"http://maximo/api/os/mxapiwodetail/_{order.number}"},
        r"/maximo/api/os/mxapiwodetail/_(?P<number>\d+)",
    ),
    "sap-pm": System(
        ("authorization", "Bearer {token}"),
        "/sap/API_MAINTNOTIFICATION/MaintenanceNotification",
        lambda request: _quoted(_parameter("$filter")(request)),
        lambda order: {
            "NotificationText": order.made["NotificationText"],
            "MaintenanceNotification": order.number,
        },
        lambda items: {"d": {"results": items}},
        lambda order: {"d": {"MaintenanceNotification": order.number}},
        r"/sap/API_MAINTNOTIFICATION/MaintenanceNotification\('(?P<number>\d+)'\)",
    ),
    "servicenow": System(
        ("authorization", "Bearer {token}"),
        "/api/now/table/wm_order",
        lambda request: _parameter("sysparm_query")(request).partition("=")[2],
        lambda order: {"correlation_id": order.made["correlation_id"], "sys_id": order.number},
        lambda items: {"result": items},
        lambda order: {"result": {"sys_id": order.number}},
        r"/api/now/table/wm_order/(?P<number>\d+)",
    ),
    "maintainx": System(
        ("authorization", "Bearer {token}"),
        "/v1/workorders",
        lambda _: "",
        lambda order: {"title": order.made["title"], "id": int(order.number)},
        lambda items: {"workOrders": items, "nextCursor": None},
        lambda order: {"id": int(order.number)},
        r"/v1/workorders/(?P<number>\d+)/comments",
    ),
    "upkeep": System(
        ("session-token", "{token}"),
        "/api/v2/work-orders",
        _parameter("search"),
        lambda order: {"title": order.made["title"], "id": order.number},
        lambda items: {"success": True, "results": items},
        lambda order: {"success": True, "result": {"id": order.number}},
        r"/api/v2/work-orders/(?P<number>\d+)",
    ),
    "atlas": System(
        ("authorization", "Bearer {token}"),
        "/work-orders",
        lambda request: str(request.json["filterFields"][0]["value"]),
        lambda order: {"title": order.made["title"], "id": int(order.number)},
        lambda items: {"content": items, "totalElements": len(items)},
        lambda order: {"id": int(order.number)},
        r"/work-orders/(?P<number>\d+)",
        lambda request: request.path == "/work-orders/search" and request.method == "POST",
    ),
}


class MaintenanceSystem:
    """One system at a server.

    Attributes:
        orders: work orders, in the order of their making.
        fail: makes an answer in place of the usual one, or returns None; called before anything is done, or after it
            where ``after`` is set.
    """

    def __init__(self, name: str, server: HttpServer, token: str = "t0ken") -> None:
        self.system, self.name, self.token = SYSTEMS[name], name, token
        self.server = server
        self.orders: list[WorkOrder] = []
        self.fail: Callable[[Request], Answer | None] = lambda _: None
        self.after = False
        server.answer = self._answer

    @property
    def changes(self) -> list[Request]:
        """Requests that make or change a work order."""
        return [request for request in self.server.requests if not self.system.is_search(request)]

    def _answer(self, request: Request) -> Answer:
        if not self.after and (failure := self.fail(request)) is not None:
            return failure
        answer = self._usual(request)
        if self.after and (failure := self.fail(request)) is not None:
            return failure
        return answer

    def _usual(self, request: Request) -> Answer:
        header, value = self.system.account
        if request.headers.get(header) != value.format(token=self.token):
            return Answer(401, {"error": "who are you?"})
        if self.system.is_search(request):
            asked = self.system.query(request)
            found = [self.system.fields(order) for order in self.orders]
            items = [item for item in found if asked in str(list(item.values()))]
            return Answer(200, self.system.listed(items), {"X-CSRF-Token": "csrf-1"})
        if self.name == "sap-pm" and request.headers.get("x-csrf-token") != "csrf-1":
            return Answer(403, "CSRF token validation failed")
        path = unquote(urlsplit(request.path).path)
        if path == self.system.path and request.method == "POST":
            self.orders.append(WorkOrder(str(1001 + len(self.orders)), request.json))
            return Answer(201, self.system.made(self.orders[-1]))
        one = re.fullmatch(self.system.one, path)
        known = {order.number: order for order in self.orders}
        if one is None or one["number"] not in known:
            return Answer(404, {"error": "no such work order"})
        known[one["number"]].added.append(request.json)
        return Answer(204 if self.name == "sap-pm" else 200, "" if self.name == "sap-pm" else {})
