"""Options of the monitor: from the command line, else the site file, else the default."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from anomaly.audio.channels import parse_channel
from anomaly.config import Machine, Site
from anomaly.detector_names import check_detector_name
from anomaly.errors import ConfigError
from anomaly.false_alarm_budget import check_budget
from anomaly.monitor.plan import MonitorPlan
from anomaly.workspace import choose_machine


def choose(
    site: Site, machine: str | None, device: str | None, source: str | None
) -> tuple[str, Machine | None]:
    """Return the chosen machine: named, tied to the device by the site file, the only one, or the only bundle.

    Raises:
        ConfigError: no machine or several are possible; lists them.
    """
    tied = site.machines_on(device) if device is not None else []
    if machine is None and len(tied) == 1:
        machine = tied[0]
    if machine is None and device is None and source is None and len(site.machines) == 1:
        machine = next(iter(site.machines))
    if machine is None and len(tied) > 1:
        raise ConfigError(f"several machines listen to {device}", hint=f"add --machine {' or '.join(tied)}")
    settings = None if machine is None else site.machines.get(machine)
    if machine is not None and settings is not None and settings.model is not None:
        choose_machine(site.models_dir, settings.model)
        return machine, settings
    name = choose_machine(site.models_dir, machine)
    return name, site.machines.get(name)


def plan_from(
    site: Site,
    *,
    machine: str | None,
    device: str | None,
    source: str | None,
    detector: str | None,
    channel: str | None,
    false_alarms_per_day: float | None,
    realtime: bool,
) -> MonitorPlan:
    """Combine command line and site file.

    Raises:
        UsageError: a value cannot be used.
        ConfigError: no machine or several are possible.
    """
    chosen = None if detector is None else check_detector_name(detector)
    chosen_channel = None if channel is None else parse_channel(channel)
    if false_alarms_per_day is not None:
        check_budget(false_alarms_per_day)
    name, settings = choose(site, machine, device, source)
    defaults = settings or Machine(device="none")
    own = device is None and source is None and settings is not None
    if own and settings is not None:
        device, source = settings.device, _source_of(name, settings)
    # A channel belongs to its microphone, not to a file or another microphone.
    same = own or (source is None and device == defaults.device)
    return MonitorPlan(
        machine=name,
        device=device,
        source=source,
        channel=chosen_channel if chosen_channel is not None else defaults.channel if same else "mean",
        detector=chosen or defaults.detector,
        false_alarms_per_day=false_alarms_per_day or defaults.false_alarms_per_day,
        realtime=realtime,
        model=defaults.model or "",
    )


def plans_from(site: Site, **options: Any) -> list[MonitorPlan]:
    """Return one plan, or those of all machines of the site file where none is named.

    Plans of a whole site wait for missing microphones: the computer may start before they do.

    Args:
        site: the site file.
        options: as for ``plan_from``.

    Raises:
        UsageError: a value cannot be used.
        ConfigError: as for ``plan_from``.
    """
    one = any(options[name] is not None for name in ("machine", "device", "source"))
    if one or len(site.machines) < 2:
        return [replace(plan_from(site, **options), patient=bool(site.machines) and not one)]
    return [_plan_of_site(name, settings, **options) for name, settings in site.machines.items()]


def _checked(name: str, value: Any) -> Any:
    """Return the value of an option as a plan holds it."""
    if value is None:
        return None
    if name == "detector":
        return check_detector_name(value)
    if name == "channel":
        return parse_channel(value)
    check_budget(value)
    return value


def _plan_of_site(name: str, settings: Machine, **options: Any) -> MonitorPlan:
    """Return the plan of one machine of several; its fault is part of the plan, so that the others are monitored."""
    source, fault = settings.source, None
    try:
        source = _source_of(name, settings)
    except ConfigError as error:
        fault = error
    channel = _checked("channel", options["channel"])
    return MonitorPlan(
        machine=name,
        device=settings.device,
        source=source,
        channel=settings.channel if channel is None else channel,
        detector=_checked("detector", options["detector"]) or settings.detector,
        false_alarms_per_day=_checked("budget", options["false_alarms_per_day"])
        or settings.false_alarms_per_day,
        realtime=options["realtime"],
        model=settings.model or "",
        patient=True,
        fault=fault,
    )


def _source_of(name: str, settings: Machine) -> str | None:
    if settings.source_env is None:
        return settings.source
    address = os.environ.get(settings.source_env)
    if not address:
        raise ConfigError(
            f"the environment variable {settings.source_env} is not set",
            where=f"site file: machines.{name}.source_env",
            hint="it holds the address of the stream, such as rtsp://user:password@camera/audio",
        )
    return address
