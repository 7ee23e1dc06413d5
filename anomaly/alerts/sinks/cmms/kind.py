"""Kind of sink ``cmms``: its section of the site file, how it is made, and its probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from anomaly.alerts.sinks.cmms.presets import Preset, PresetName, preset
from anomaly.alerts.sinks.cmms.template import LookupTemplate, RequestTemplate
from anomaly.alerts.sinks.http_account import PROBE_S, HttpServerConfig
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.alerts.sinks.sink import Sink
from anomaly.config import Text
from anomaly.languages import Language

if TYPE_CHECKING:
    from anomaly.alerts.sinks.cmms.sink import CmmsSink

MESSAGE_NAMES = frozenset(
    {
        *("case", "mark", "message", "event", "machine", "name", "place", "asset", "criticality", "kind"),
        *("severity", "priority", "urgency", "title", "headline", "text", "opened_at", "time", "answers"),
    }
)
"""Names that a template may use, beside those of ``values``; ``order`` in ``update`` alone."""


class CmmsConfig(HttpServerConfig):
    """Maintenance system that gets one work order per case."""

    url: Text = Field(description="address of its HTTP interface; the paths of the requests follow it")
    preset: PresetName | Literal["custom"] = Field(description="system whose requests are used, or custom")
    least_severity: Literal["minor", "major", "severe"] = Field(
        default="minor", description="a case below it makes no work order"
    )
    sensor_cases: bool = Field(default=True, description="faults of microphones make work orders too")
    values: dict[str, str] = Field(
        default_factory=dict, description="names for the templates, such as siteid"
    )
    priorities: dict[Literal["minor", "major", "severe"], Text] = Field(
        default_factory=dict, description="how the system calls the priority of each severity"
    )
    token_header: Text | None = Field(
        default=None,
        description="header that carries the token; default: Authorization, or that of the preset",
    )
    lookup: LookupTemplate | None = Field(default=None, description="finds the work order of a case")
    create: RequestTemplate | None = Field(default=None, description="makes the work order of a case")
    update: RequestTemplate | None = Field(default=None, description="adds to the work order of a case")
    language: Language | None = Field(default=None, description="en or de; default: that of the site")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        requests = {"lookup": self.lookup, "create": self.create, "update": self.update}
        missing = [name for name, request in requests.items() if request is None]
        if self.preset == "custom" and missing:
            raise ValueError(f"preset: custom needs {' and '.join(missing)}")
        if self.create is not None and self.create.id is None:
            raise ValueError("create needs id: where the answer holds the work order's number")
        known = MESSAGE_NAMES | set(self.values) | set({} if self.preset == "custom" else self.base.values)
        for name, request in requests.items():
            allowed = known | ({"order"} if name == "update" else set())
            if request is not None and (unknown := sorted(set(request.names()) - allowed)):
                raise ValueError(
                    f"{name} names ${{{unknown[0]}}}, which is none of {', '.join(sorted(allowed))}"
                )
        return self

    @property
    def base(self) -> Preset:
        """The preset; not for ``custom``.

        Raises:
            KeyError: there is none.
        """
        if self.preset == "custom":
            raise KeyError(self.preset)
        return preset(self.preset)

    @property
    def requests(self) -> Preset:
        """Requests of the preset, with those of this section in their place."""
        own = {name: getattr(self, name) for name in ("lookup", "create", "update", "token_header")}
        given = {name: value for name, value in own.items() if value is not None}
        if self.preset == "custom":
            return Preset(**given, priorities=self.priorities, values=self.values)
        merged = {
            "priorities": self.base.priorities | self.priorities,
            "values": self.base.values | self.values,
        }
        return self.base.model_copy(update=given | merged)


def build(config: CmmsConfig, context: SinkContext) -> Sink:
    """Make a sender of work orders."""
    return _sink(config, context)


def probe(config: CmmsConfig, context: SinkContext) -> str:
    """Look for a work order that there is not, with the account of the sink; nothing is made."""
    sink = _sink(config, context, PROBE_S)
    try:
        return sink.check()
    finally:
        sink.close()


def _sink(config: CmmsConfig, context: SinkContext, longest_s: float | None = None) -> CmmsSink:
    from anomaly.alerts.sinks.cmms.order_numbers import OrderNumbers
    from anomaly.alerts.sinks.cmms.sink import CmmsSink

    requests = config.requests
    return CmmsSink(
        config.name,
        config.session(context, "cmms", longest_s, token_header=requests.token_header, keep_alive=False),
        requests,
        least_severity=config.least_severity,
        sensor_cases=config.sensor_cases,
        language=config.language or context.language,
        site=context.site,
        test_only=context.test_only,
        orders=OrderNumbers(
            None if context.site is None else context.site.state_dir / f"work-orders-{config.name}.json"
        ),
    )


CMMS = SinkKind("work orders in maintenance systems", CmmsConfig, build, probe)
