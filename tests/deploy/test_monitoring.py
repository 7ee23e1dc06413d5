"""Dashboard, alert rules and manual name the metrics and states that the monitor exports, and all that matter."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from anomaly.audio.capture.capture_state import CaptureState
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import EventName
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.sources.events import SoundBlock
from anomaly.monitor.telemetry.metrics import STATES, serving
from anomaly.monitor.telemetry.statistics import MonitorStatistics

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def exported() -> set[str]:
    """Names of all samples that a monitor exports after every kind of event."""
    statistics, bus = MonitorStatistics(lambda: 1.0), EventBus()
    statistics.subscribe(bus, "pump", "0123456789ab", live=True)
    bus.publish(SoundBlock(np.zeros(16_000, np.float32), 0.0))
    bus.publish(SecondRecord("pump", 1.0, 0, 0.1, 0.5, "OK", "ok", -30.0))
    bus.publish(EventRecord(EventName.CASE_OPENED, "pump", 1.0, "x", {"kind": "machine"}))
    bus.publish(EventRecord(EventName.CAPTURE_STATE, "pump", 1.0, "x", {"to": "healthy"}))
    statistics.site.pending["plant"] = 1
    with serving(statistics, "127.0.0.1:0") as port:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:anomaly|process|python)_[a-z0-9_]+", expression))


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    dashboard = json.loads((DEPLOY / "grafana" / "anomaly.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for variable in dashboard["templating"]["list"]:
        yield f"variable {variable['name']}", variable["definition"]
    for annotation in dashboard["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]
    for rule in rules():
        yield f"rule {rule['alert']}", rule["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_dashboard_and_rules_name_only_what_is_exported(
    where: str, expression: str, exported: set[str]
) -> None:
    named = names_in(expression)
    assert named or expression.startswith("up{"), where
    assert named <= exported, where
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")


def labels_in(expression: str, metric: str, label: str = "state") -> set[str]:
    """Return the values of a label that an expression selects of a metric."""
    selectors = re.findall(rf"\b{metric}\{{([^}}]*)\}}", expression)
    return {value for one in selectors for value in re.findall(rf'\b{label}="([^"]*)"', one)}


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_dashboard_and_rules_name_only_states_that_are_exported(where: str, expression: str) -> None:
    assert labels_in(expression, "anomaly_state") <= set(STATES), where
    assert labels_in(expression, "anomaly_capture_state") <= {state.value for state in CaptureState}, where


def test_rules_alert_on_a_machine_that_fails_and_on_one_that_is_not_judged() -> None:
    alerted = {state for rule in rules() for state in labels_in(rule["expr"], "anomaly_state")}
    # WATCH is shown on the dashboard alone: it becomes an alarm, or passes.
    assert alerted == set(STATES) - {"OK", "WATCH"}


def test_the_dashboard_shows_each_state_by_its_name() -> None:
    panels = json.loads((DEPLOY / "grafana" / "anomaly.json").read_text())["panels"]
    (panel,) = [one for one in panels if one["title"] == "State"]
    (target,) = panel["targets"]
    terms = re.findall(
        r"(?:(\d) \* )?sum by \(machine\) \(anomaly_state\{[^}]*state=\"(\w+)\"", target["expr"]
    )
    values = {"OK": 0} | {state: int(factor or 1) for factor, state in terms}
    assert set(values) == set(STATES)
    assert len(set(values.values())) == len(STATES)
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    shown = {state: mapping["options"][str(value)] for state, value in values.items()}
    assert {state: one["text"] for state, one in shown.items()} == {
        **{state: state for state in STATES},
        "UNKNOWN": "not judged",
    }
    assert [state for state, one in shown.items() if one["color"] == "green"] == ["OK"]


def test_a_single_value_is_never_older_than_the_last_reading() -> None:
    panels = json.loads((DEPLOY / "grafana" / "anomaly.json").read_text())["panels"]
    single = [target for panel in panels if panel["type"] == "stat" for target in panel["targets"]]
    assert single
    # Over a range the last value of a monitor that is gone would be shown as that of now.
    assert all(target["instant"] and not target["range"] for target in single)


def test_each_exported_metric_is_documented_and_each_documented_one_exported(exported: set[str]) -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.split("## Metrics for Prometheus")[1].split("\n## ")[0]
    # A histogram and a counter are exported as several samples.
    suffix = r"_(?:bucket|sum|count|created)$"
    ours = {re.sub(suffix, "", name) for name in exported if name.startswith("anomaly_")}
    assert {name for name in names_in(section) if name.startswith("anomaly_")} == ours


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((DEPLOY / "grafana" / "anomaly.json").read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
