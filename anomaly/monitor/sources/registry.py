"""Registry of sources: which kind a plan asks for, and how that kind is opened.

A new kind of source is one more `SourceKind` in `SOURCES`; the first kind that matches a plan opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from anomaly.audio.capture.ffmpeg import is_address
from anomaly.audio.capture.inputs.resolve import resolve
from anomaly.audio.files.stream import STDIN
from anomaly.errors import ConfigError
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.process.stop import Stop
from anomaly.monitor.sources.device_source import from_device, stream_target
from anomaly.monitor.sources.events import ChannelSource, Source
from anomaly.monitor.sources.file_source import from_file, from_stdin


@dataclass(frozen=True)
class SourceKind:
    """One kind of source.

    Args:
        name: of the kind.
        matches: whether a plan asks for it.
        open: opens it for the plans that share it, see `open_source`; nothing is opened before the first ``next``.
    """

    name: str
    matches: Callable[[MonitorPlan], bool]
    open: Callable[[Sequence[MonitorPlan], Stop], ChannelSource]


def open_source(plans: Sequence[MonitorPlan], stop: Stop) -> ChannelSource:
    """Open the source that one or several plans share.

    Args:
        plans: at least one; all name the same device or source.
        stop: ends the sound.

    Raises:
        ConfigError: the plan names no source.
        InputError: a recording or standard input cannot be read.
        DeviceError: a device cannot be opened at the very start, unless the plan is patient.
    """
    for kind in SOURCES:
        if kind.matches(plans[0]):
            return kind.open(plans, stop)
    raise ConfigError(
        "there is nothing to listen to", hint="give --device or --source, or a site.yaml with a device"
    )


def source_key(plan: MonitorPlan) -> str:
    """Return what plans have in common that share one source: machines at the channels of a device or stream."""
    return f"{plan.device} {plan.source}" if plan.live else f"machine {plan.machine}"


def _stdin(plans: Sequence[MonitorPlan], stop: Stop) -> ChannelSource:
    return _single(from_stdin(stop, channel=plans[0].channel))


def _stream(plans: Sequence[MonitorPlan], stop: Stop) -> ChannelSource:
    address = str(plans[0].source)
    channels = [plan.channel for plan in plans]
    return from_device(lambda: stream_target(address), stop, channels, patient=_is_patient(plans))


def _file(plans: Sequence[MonitorPlan], stop: Stop) -> ChannelSource:
    plan = plans[0]
    return _single(from_file(Path(str(plan.source)), stop, realtime=plan.realtime, channel=plan.channel))


def _device(plans: Sequence[MonitorPlan], stop: Stop) -> ChannelSource:
    device = str(plans[0].device)
    channels = [plan.channel for plan in plans]
    return from_device(lambda: resolve(device), stop, channels, patient=_is_patient(plans))


def _is_patient(plans: Sequence[MonitorPlan]) -> bool:
    return len(plans) > 1 or plans[0].patient


def _single(source: Source) -> ChannelSource:
    with closing(source):
        for event in source:
            yield (event,)


SOURCES: tuple[SourceKind, ...] = (
    SourceKind("stdin", lambda plan: plan.source == STDIN, _stdin),
    SourceKind("stream", lambda plan: plan.source is not None and is_address(plan.source), _stream),
    SourceKind("file", lambda plan: plan.source is not None, _file),
    SourceKind("device", lambda plan: plan.device is not None, _device),
)
