"""Metrics for Prometheus over HTTP, on the loopback address by default.

Names and base units follow https://prometheus.io/docs/practices/naming/. The library is loaded only when
metrics are served.
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
    """Collects the statistics as metrics at each scrape."""

    def __init__(self, statistics: MonitorStatistics) -> None:
        self._statistics = statistics

    def collect(self) -> Iterable[Metric]:
        """Yield all metrics as they are now."""
        with self._statistics.lock:
            machines = dict(self._statistics.machines)
            yield from _scores(machines, self._statistics.now_s)
            yield from _counts(machines)
            yield _delays(machines)
            yield from _site(self._statistics)


def check_address(text: str) -> str:
    """Host and port as the option ``--metrics`` gives them.

    Raises:
        UsageError: they are none.
    """
    try:
        return host_and_port(text)
    except ValueError as error:
        raise UsageError(f"{text!r} {error}", where="--metrics") from error


@contextmanager
def serving(statistics: MonitorStatistics, address: str) -> Iterator[int]:
    """Serve ``/metrics`` during the block; yield the port.

    Args:
        statistics: what to show.
        address: host and port, such as ``127.0.0.1:9464``; port 0 is any that is free.

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
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

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
        "1 for the state it is in; UNKNOWN while it is not judged",
        labels=["machine", "state"],
    )
    sensor = GaugeMetricFamily("anomaly_sensor_ok", "1 while the microphone can be trusted", labels=label)
    heard = GaugeMetricFamily(
        "anomaly_last_sound_timestamp_seconds", "When sound last arrived, UNIX time", labels=label
    )
    capture = GaugeMetricFamily(
        "anomaly_capture_state", "1 for the state its capture is in", labels=["machine", "state"]
    )
    model = InfoMetricFamily("anomaly_model", "Which bundle scores", labels=label)
    for name, mine in machines.items():
        # A file has no capture, and a device that was never opened is being started.
        for stage in CaptureState if mine.capture else ():
            capture.add_metric([name, stage.value], float(mine.capture == stage.value))
        if mine.last_sound_s is not None:
            heard.add_metric([name], mine.last_sound_s)
        model.add_metric([name], {"version": mine.model})
        if mine.last is None:
            continue
        judged = mine.is_judged(now_s)
        # Without a score there is no sample: a gap in the graph, not a zero.
        if judged and mine.last.score is not None and mine.last.p_value is not None:
            score.add_metric([name], mine.last.score)
            p_value.add_metric([name], mine.last.p_value)
        level.add_metric([name], 10 ** (mine.last.level_dbfs / 20))
        sensor.add_metric([name], float(mine.last.sensor == "ok" and not mine.sensor_fault))
        shown = mine.last.state if judged else UNKNOWN_STATE
        for one in STATES:
            state.add_metric([name, one], float(shown == one))
    yield from (score, p_value, level, state, sensor, capture, heard, model)


def _counts(machines: dict[str, MachineStatistics]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    judged = CounterMetricFamily("anomaly_judged_seconds", "Sound that was judged", labels=["machine"])
    cases = CounterMetricFamily("anomaly_cases_opened", "Cases that were opened", labels=["machine", "kind"])
    for name, mine in machines.items():
        judged.add_metric([name], mine.seconds)
        for kind in ("machine", "sensor"):
            cases.add_metric([name, kind], mine.cases[kind])
    yield from (judged, cases)
    for event, metric in _COUNTED.items():
        counter = CounterMetricFamily(metric, f"How often {event} was reported", labels=["machine"])
        for name, mine in machines.items():
            counter.add_metric([name], mine.events[event])
        yield counter


def _delays(machines: dict[str, MachineStatistics]) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    delays = HistogramMetricFamily(
        "anomaly_score_delay_seconds", "From the last sample of a second to its score", labels=["machine"]
    )
    for name, mine in machines.items():
        buckets, total = [], 0
        for limit, count in zip((*DELAY_BUCKETS_S, float("inf")), mine.delays, strict=True):
            total += count
            buckets.append(("+Inf" if limit == float("inf") else str(limit), float(total)))
        delays.add_metric([name], buckets=buckets, sum_value=mine.delay_sum_s)
    return delays


def _site(statistics: MonitorStatistics) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    site = statistics.site
    yield InfoMetricFamily("anomaly_build", "This program", value={"version": __version__})
    yield GaugeMetricFamily("anomaly_database_bytes", "Size of the database", value=site.database_bytes)
    yield GaugeMetricFamily(
        "anomaly_disk_free_bytes", "Free on the database's disk", value=site.disk_free_bytes
    )
    yield GaugeMetricFamily("anomaly_clips", "Clips that are kept", value=site.clips)
    yield GaugeMetricFamily("anomaly_clips_bytes", "Size of all clips", value=site.clips_bytes)
    pending = GaugeMetricFamily("anomaly_messages_pending", "Messages to deliver", labels=["sink"])
    for sink, count in site.pending.items():
        pending.add_metric([sink], count)
    yield pending
