"""Operations: a machine is added, activated, and its alerts are tried."""

from __future__ import annotations

import time

from anomaly.alerts import AlertMessage, build_sink, iso_utc
from anomaly.alerts.sinks import AnsweringSink, SinkError
from anomaly.bundle import open_bundle
from anomaly.web.api.machine_operations import machine as shown_machine
from anomaly.web.api.operation import Call, Operation
from anomaly.web.api.schemas.job import ActivationBody, SinkAnswer, SinkTest
from anomaly.web.api.schemas.machine import Activated, MachineDetail, NewMachine
from anomaly.web.errors import ApiError
from anomaly.web.security.identity import Right
from anomaly.web.site_editor import add_machine, set_budget


def add(call: Call) -> MachineDetail:
    """Add a machine to the site file."""
    access, body = call.services.access, call.body
    if (body.device is None) == (body.source is None):
        raise ApiError(422, "a machine has one of device and source")
    settings = {
        "device": body.device,
        "source": body.source,
        "channel": None if body.channel == "mean" else body.channel,
        "model": body.bundle,
        "detector": body.detector,
        "false_alarms_per_day": body.false_alarms_per_day,
        "display_name": body.display_name or None,
        "location": body.location or None,
        "criticality": None if body.criticality == "medium" else body.criticality,
    }
    add_machine(access.file, access.site.state_dir, body.machine, settings)
    named = Call(call.services, call.caller, call.request, {"machine": body.machine})
    return shown_machine(named)


def activate(call: Call) -> Activated:
    """Monitor a machine from now on."""
    services, name = call.services, call.path["machine"]
    site, file = services.access.site, services.access.file
    if name not in site.machines or file is None:
        raise ApiError(
            404, f"there is no machine {name!r} in the site file", "add it with POST /api/v1/machines"
        )
    # A bundle that cannot be used is said now, not by the monitor later.
    open_bundle(site.models_dir / site.bundle_of(name))
    per_day = call.body.false_alarms_per_day
    if per_day is not None:
        set_budget(file, site.state_dir, name, per_day)
    monitored = services.access.is_monitored(name)
    message = f"{name} is monitored"
    if not monitored:
        services.monitors.activate(name)
        message = f"the monitor of {name} starts"
    elif per_day is not None and per_day != site.machines[name].false_alarms_per_day:
        message = f"{name} is monitored; the new budget holds from the next start of its monitor"
    return Activated(machine=name, monitored=monitored, message=message)


def test_sink(call: Call) -> SinkAnswer:
    """Send a test message to a sink, and wait for its confirmation."""
    site, name = call.services.access.site, call.path["sink"]
    if name not in site.sinks.names:
        raise ApiError(404, f"there is no sink {name!r}", f"sinks: {', '.join(site.sinks.names) or 'none'}")
    target = build_sink(site, name, test_only=True)
    try:
        target.deliver(AlertMessage("test", call.body.machine, iso_utc(time.time())))
    except SinkError as error:
        raise ApiError(424, error.message, error.hint or "check its section of the site file") from error
    finally:
        target.close()
    answer = target.last_answer if isinstance(target, AnsweringSink) else ""
    return SinkAnswer(sink=name, delivered=True, answer=answer)


SETUP_OPERATIONS = (
    Operation(
        "POST",
        "/machines",
        "add_machine",
        "Add a machine to the site file",
        Right.ADMINISTER,
        add,
        MachineDetail,
        body=NewMachine,
        refusals=(409,),
    ),
    Operation(
        "POST",
        "/machines/{machine}/activate",
        "activate_machine",
        "Monitor a machine from now on",
        Right.ADMINISTER,
        activate,
        Activated,
        body=ActivationBody,
        refusals=(409,),
    ),
    Operation(
        "POST",
        "/sinks/{sink}/test",
        "test_sink",
        "Send a test message to a sink",
        Right.OPERATE,
        test_sink,
        SinkAnswer,
        body=SinkTest,
        refusals=(409, 424),
    ),
)
