"""The monitor's options: what the command line says, else the site file, else the default."""

from __future__ import annotations

import math

from anomaly.audio.channels import Channel, parse_channel
from anomaly.config import Site
from anomaly.detect.model import DETECTORS, DetectorName
from anomaly.errors import UsageError
from anomaly.monitor.run import Plan, choose


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
) -> Plan:
    """Combine command line and site file.

    Raises:
        UsageError: a value cannot be used.
        ConfigError: no machine, or several, could be meant.
    """
    chosen = None if detector is None else detector_name(detector)
    heard = None if channel is None else parse_channel(channel)
    if false_alarms_per_day is not None:
        check_budget(false_alarms_per_day)
    name, settings = choose(site, machine, device, source)
    if device is None and source is None and settings is not None:
        device = settings.device
    default_channel: Channel = settings.channel if settings is not None and source is None else "mean"
    default_budget = settings.false_alarms_per_day if settings is not None else 1.0
    return Plan(
        machine=name,
        device=device,
        source=source,
        channel=default_channel if heard is None else heard,
        detector=chosen or (settings.detector if settings is not None else "student"),
        false_alarms_per_day=false_alarms_per_day or default_budget,
        realtime=realtime,
    )


def detector_name(text: str) -> DetectorName:
    """Read the name of a detector.

    Raises:
        UsageError: there is none of that name.
    """
    for name in DETECTORS:
        if text == name:
            return name
    raise UsageError(
        f"there is no detector {text!r}", where="--detector", hint=f"one of {', '.join(DETECTORS)}"
    )


def check_budget(false_alarms_per_day: float) -> None:
    """Refuse budgets that mean nothing.

    Raises:
        UsageError: it is not positive, not finite, or more than one a minute.
    """
    if not (math.isfinite(false_alarms_per_day) and 1e-4 <= false_alarms_per_day <= 1440):
        raise UsageError(
            f"a budget of {false_alarms_per_day} false alarms a day cannot be kept",
            where="--false-alarms-per-day",
            hint="give a number between 0.0001 and 1440",
        )
