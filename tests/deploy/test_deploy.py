"""Files for running the monitor as a service: all of them parse, and names only what exists."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from anomaly.cli import build
from anomaly.config import load_site

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
