"""What is shipped for running it: everything parses, and names only what exists."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
import yaml
from prometheus_client.parser import text_string_to_metric_families

from anomaly.audio.capture.capture_state import CaptureState
from anomaly.cli import build
from anomaly.config import load_site
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import EventName
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.sources.events import SoundBlock
from anomaly.monitor.telemetry.metrics import STATES, serving
from anomaly.monitor.telemetry.statistics import MonitorStatistics

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "anomaly.service"
INSTRUCTIONS = {
    *("FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "VOLUME", "EXPOSE"),
    *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD", "ARG", "LABEL"),
}


class Unit(configparser.RawConfigParser):
    """A systemd unit; the last of repeated keys is kept, as far as these tests care."""

    def __init__(self) -> None:
        super().__init__(strict=False, interpolation=None)

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.fixture(scope="module")
def unit() -> Unit:
    read = Unit()
    read.read_string(UNIT.read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the container file in order; continued lines joined, comments dropped."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name, rest.strip()) for name, _, rest in found]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def options_of(words: list[str]) -> None:
    """Make sure that a command line of ours is one: the command exists, and each of its options."""
    command: Any = typer.main.get_command(build())
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    given = [word for word in words if word.startswith("--")]
    assert given
    assert set(given) <= known


def test_the_unit_is_one_that_systemd_takes(unit: Unit, tmp_path: Path) -> None:
    assert unit["Service"]["Type"] == "notify"
    assert int(unit["Service"]["WatchdogSec"]) >= 60
    assert unit["Service"]["SupplementaryGroups"] == "audio"
    options_of(shlex.split(unit["Service"]["ExecStart"])[1:])
    analyze = shutil.which("systemd-analyze")
    if analyze is not None:
        # The program is not installed where the tests run; everything else is checked as it stands.
        copy = tmp_path / UNIT.name
        copy.write_text(UNIT.read_text().replace("/opt/anomaly/.venv/bin/anomaly", "/bin/true"))
        done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_hardened(unit: Unit) -> None:
    service = unit["Service"]
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "CapabilityBoundingSet": "",
        "DevicePolicy": "closed",
        "DeviceAllow": "char-alsa rw",
        "DynamicUser": "yes",
        "RestrictNamespaces": "yes",
    }.items():
        assert service[key] == value
    # Private devices would hide the sound cards.
    assert "PrivateDevices" not in service
    assert "/var/lib/" + service["StateDirectory"] == service["WorkingDirectory"]


def test_the_site_file_is_one(tmp_path: Path) -> None:
    site = load_site(DEPLOY / "site.example.yaml", {})
    assert site.state_dir == Path("/var/lib/anomaly")
    assert site.metrics == "127.0.0.1:9464"


def test_the_container_file_is_one(dockerfile: list[tuple[str, str]]) -> None:
    assert {name for name, _ in dockerfile} <= INSTRUCTIONS
    assert dockerfile[0][0] == "FROM"
    for name, rest in dockerfile:
        if name == "COPY" and not rest.startswith("--from"):
            *sources, _ = rest.split()
            assert all((ROOT / source).exists() for source in sources), rest
            # What is not let into the build is not there to be copied.
            allowed = (ROOT / ".dockerignore").read_text().splitlines()
            assert all(f"!{source}" in allowed for source in sources), rest
    stages = [rest for name, rest in dockerfile if name == "FROM"]
    assert all(re.fullmatch(r"docker\.io/library/python:3\.11-slim-\w+( AS \w+)?", stage) for stage in stages)


def test_the_image_runs_a_command_of_ours_as_nobody_special(dockerfile: list[tuple[str, str]]) -> None:
    last = dict(dockerfile)
    assert json.loads(last["ENTRYPOINT"]) == ["anomaly"]
    options_of(json.loads(last["CMD"]))
    assert last["USER"] == "anomaly"
    assert last["STOPSIGNAL"] == "SIGTERM"
    runs = " ".join(rest for name, rest in dockerfile if name == "RUN")
    assert "--groups audio" in runs
    assert "torch" not in runs
    assert "[metrics]" in runs


def test_what_compose_mounts_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"anomaly", "mosquitto", "prometheus", "grafana"}
    volumes = set(compose["volumes"])
    for service in services.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            # ./etc is the user's own.
            assert source in volumes or source == "./etc" or (DEPLOY / source).exists(), source
    assert (
        DEPLOY / services["anomaly"]["build"]["context"] / services["anomaly"]["build"]["dockerfile"]
    ).is_file()


def test_the_container_gets_the_audio_group_of_the_host(compose: dict[str, Any]) -> None:
    ours = compose["services"]["anomaly"]
    assert ours["devices"] == ["/dev/snd"]
    assert ours["group_add"] == ["${AUDIO_GID:-29}"]
    assert "AUDIO_GID=$(stat -c %g /dev/snd/timer)" in (DEPLOY / "README.md").read_text()


def test_prometheus_reads_the_port_that_the_container_opens(
    compose: dict[str, Any], dockerfile: list[tuple[str, str]]
) -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    (target,) = config["scrape_configs"][0]["static_configs"][0]["targets"]
    host, port = target.split(":")
    assert host in compose["services"]
    assert dict(dockerfile)["EXPOSE"] == port
    assert f"0.0.0.0:{port}" in dict(dockerfile)["CMD"]
    for file in config["rule_files"]:
        assert (DEPLOY / file).is_file()
        assert f"./{file}:/etc/prometheus/{file}:ro" in compose["services"]["prometheus"]["volumes"]


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


def test_rules_tell_of_a_machine_that_fails_and_of_one_that_is_not_judged() -> None:
    told = {state for rule in rules() for state in labels_in(rule["expr"], "anomaly_state")}
    # WATCH is told by the dashboard alone: it becomes an alarm, or passes.
    assert told == set(STATES) - {"OK", "WATCH"}


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


def test_grafana_finds_its_source_and_its_dashboard(compose: dict[str, Any]) -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    dashboard = json.loads((DEPLOY / "grafana" / "anomaly.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    provider = yaml.safe_load((provisioning / "dashboards" / "anomaly.yaml").read_text())["providers"][0]
    folder = provider["options"]["path"]
    mounts = compose["services"]["grafana"]["volumes"]
    assert f"./grafana/anomaly.json:{folder}/anomaly.json:ro" in mounts


def test_udev_rules() -> None:
    rules = [
        line
        for line in (DEPLOY / "90-anomaly-microphone.rules").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    part = re.compile(r'[A-Z]+(\{[\w/]+\})?(==|=|\+=|!=)"[^"]*"')
    assert len(rules) == 2
    for rule in rules:
        assert all(part.fullmatch(one.strip()) for one in rule.split(",")), rule


def test_every_file_is_named_in_the_manual() -> None:
    manual = (DEPLOY / "README.md").read_text()
    compose_text = (DEPLOY / "compose.yaml").read_text()
    for path in DEPLOY.iterdir():
        if path.is_file() and path.name not in ("README.md", "peers.txt"):
            assert path.name in manual or path.name in compose_text, path.name


def test_commands_of_the_manual_exist() -> None:
    text = (DEPLOY / "README.md").read_text() + (ROOT / "docs" / "monitor.md").read_text()
    tree: Any = typer.main.get_command(build())
    for words in re.findall(r"`anomaly ([a-z]+)", text):
        assert words in tree.commands, words
