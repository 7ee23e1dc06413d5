"""Metrics for Prometheus over HTTP, on the loopback address by default.

Names and base units follow https://prometheus.io/docs/practices/naming/. The client library is loaded only when metrics
are served.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anomaly import __version__
from anomaly.audio.capture.capture_state import CaptureState
from anomaly.config import host_and_port
from anomaly.errors import ConfigError, UsageError
from anomaly.extras import needs
from anomaly.monitor.events import EventName
from anomaly.monitor.telemetry.statistics import DELAY_BUCKETS_S, MachineStatistics, MonitorStatistics
from anomaly.store.state_kinds import JUDGED_STATES

if TYPE_CHECKING:
    from prometheus_client.core import Metric

UNKNOWN_STATE = "UNKNOWN"
STATES = (*JUDGED_STATES, UNKNOWN_STATE)
_COUNTED = {
    EventName.AUDIO_GAP: "anomaly_audio_gaps",
    EventName.DEVICE_LOST: "anomaly_device_losses",
    EventName.CLIP_SAVED: "anomaly_clips_saved",
    EventName.CLIP_FAILED: "anomaly_clips_failed",
    EventName.STORE_FAILED: "anomaly_store_failures",
    EventName.MODEL_ACTIVATED: "anomaly_model_activations",
}


class PrometheusCollector:
    """Collector that turns the statistics into metrics at each scrape."""

    def __init__(self, statistics: MonitorStatistics) -> None:
        self._statistics = statistics

    def collect(self) -> Iterable[Metric]:
        """Yield all metrics as they are now."""
        with self._statistics.lock:
            machines = dict(self._statistics.machines)
            yield from _scores(machines, self._statistics.now_s)
            yield from _inputs(machines)
            yield from _counts(machines)
            yield _delays(machines)
            yield from _site(self._statistics)


def check_address(text: str) -> str:
    """Return host and port of the option ``--metrics``.

    Raises:
        UsageError: the text is no address with a port.
    """
    try:
        return host_and_port(text)
    except ValueError as error:
        raise UsageError(f"{text!r} {error}", where="--metrics") from error


@contextmanager
def serving(statistics: MonitorStatistics, address: str) -> Iterator[int]:
    """Serve ``/metrics`` during the block; yield the port.

    Args:
        statistics: of the monitor.
        address: host and port, such as ``127.0.0.1:9464``; port 0 means any free port.

    Raises:
        ConfigError: the address cannot be used, or the library is not installed.
    """
    with needs("metrics"):
        from prometheus_client import (
            CollectorRegistry,
            PlatformCollector,
            ProcessCollector,
            start_http_server,
        )
    host, _, port = address.rpartition(":")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PrometheusCollector(statistics))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    try:
        server, thread = start_http_server(int(port), addr=host.strip("[]"), registry=registry)
    except (OSError, OverflowError, ValueError) as error:
        raise ConfigError(
            f"metrics cannot be served: {error}", where=address, hint="choose another port with --metrics"
        ) from error
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _scores(machines: dict[str, MachineStatistics], now_s: float) -> Iterator[Metric]:
    """Yield the metrics of the newest second of each machine."""
    from prometheus_client.core import GaugeMetricFamily

    label = ["machine"]
    score = GaugeMetricFamily(
        "anomaly_score", "Newest score, standard deviations of normal sound", labels=label
    )
    p_value = GaugeMetricFamily(
        "anomaly_p_value_ratio", "Probability that normal sound scores so high", labels=label
    )
    level = GaugeMetricFamily("anomaly_sound_level_ratio", "RMS of the sound, full scale is 1", labels=label)
    state = GaugeMetricFamily(
        "anomaly_state",
        "1 for the current state; UNKNOWN while the machine is not judged",
        labels=["machine", "state"],
    )
    sensor = GaugeMetricFamily("anomaly_sensor_ok", "1 while the microphone can be trusted", labels=label)
    for name, machine in machines.items():
        last, current = machine.last, UNKNOWN_STATE
        # Without a score there is no sample: the graph shows a gap, not zero.
        if last is not None and last.state is not None and machine.is_judged(now_s):
            current = last.state
            if last.score is not None and last.p_value is not None:
                score.add_metric([name], last.score)
                p_value.add_metric([name], last.p_value)
        for value in STATES:
            state.add_metric([name, value], float(current == value))
        if last is not None:
            level.add_metric([name], 10 ** (last.level_dbfs / 20))
        if last is not None or machine.sensor_fault:
            ok = last is not None and last.sensor == "ok" and not machine.sensor_fault
            sensor.add_metric([name], float(ok))
    yield from (score, p_value, level, state, sensor)


def _inputs(machines: dict[str, MachineStatistics]) -> Iterator[Metric]:
    """Yield the metrics of capture and model of each machine."""
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    last_sound = GaugeMetricFamily(
        "anomaly_last_sound_timestamp_seconds", "UNIX time of the newest sound", labels=["machine"]
    )
    capture = GaugeMetricFamily(
        "anomaly_capture_state", "1 for the current state of its capture", labels=["machine", "state"]
    )
    model = InfoMetricFamily("anomaly_model", "Version of the bundle that scores", labels=["machine"])
    for name, machine in machines.items():
        # A file has no capture, and a device that was never opened has no state yet.
        for stage in CaptureState if machine.capture else ():
            capture.add_metric([name, stage.value], float(machine.capture == stage.value))
        if machine.last_sound_s is not None:
            last_sound.add_metric([name], machine.last_sound_s)
        if machine.model:
            model.add_metric([name], {"version": machine.model})
    yield from (capture, last_sound, model)


def _counts(machines: dict[str, MachineStatistics]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    scored = CounterMetricFamily("anomaly_judged_seconds", "Sound that was scored", labels=["machine"])
    cases = CounterMetricFamily("anomaly_cases_opened", "Cases that were opened", labels=["machine", "kind"])
    for name, machine in machines.items():
        scored.add_metric([name], machine.seconds)
        for kind in ("machine", "sensor"):
            cases.add_metric([name, kind], machine.cases[kind])
    yield from (scored, cases)
    for event, metric in _COUNTED.items():
        counter = CounterMetricFamily(metric, f"Number of {event} events", labels=["machine"])
        for name, machine in machines.items():
            counter.add_metric([name], machine.events[event])
        yield counter


def _delays(machines: dict[str, MachineStatistics]) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    delays = HistogramMetricFamily(
        "anomaly_score_delay_seconds", "From the last sample of a second to its score", labels=["machine"]
    )
    for name, machine in machines.items():
        buckets, total = [], 0
        for limit, count in zip((*DELAY_BUCKETS_S, float("inf")), machine.delays, strict=True):
            total += count
            buckets.append(("+Inf" if limit == float("inf") else str(limit), float(total)))
        delays.add_metric([name], buckets=buckets, sum_value=machine.delay_sum_s)
    return delays


def _site(statistics: MonitorStatistics) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    site = statistics.site
    yield InfoMetricFamily("anomaly_build", "This program", value={"version": __version__})
    yield GaugeMetricFamily("anomaly_database_bytes", "Size of the database", value=site.database_bytes)
    yield GaugeMetricFamily(
        "anomaly_disk_free_bytes", "Free space on the disk of the database", value=site.disk_free_bytes
    )
    yield GaugeMetricFamily("anomaly_clips", "Number of clips", value=site.clips)
    yield GaugeMetricFamily("anomaly_clips_bytes", "Size of all clips", value=site.clips_bytes)
    pending = GaugeMetricFamily("anomaly_messages_pending", "Undelivered messages", labels=["sink"])
    for sink, count in site.pending.items():
        pending.add_metric([sink], count)
    yield pending
