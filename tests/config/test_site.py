"""site.yaml: read as written, wrong keys named with their line, environment over file, schema current."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from anomaly.config import Site, find_file, find_site, load_site, site_schema
from anomaly.errors import ConfigError

SCHEMA = Path(__file__).parents[2] / "docs" / "site.schema.json"
WHOLE = """\
machines:
  pump:
    device: hw:1,0
    channel: 1
    detector: teacher
    false_alarms_per_day: 0.5
  fan:
    device: 22:00
sinks:
  webhook:
    - name: plant
      url: https://plant.example/hook
      mode: binary
      secret_file: secrets/hook
  mqtt:
    - name: house
      host: broker.example
      tls: on
      username: off
      password_env: MQTT_PASSWORD
state_dir: memory
models_dir: /opt/models
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return path


def test_a_whole_file(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, WHOLE), {})
    pump, fan = site.machines["pump"], site.machines["fan"]
    assert (pump.device, pump.channel, pump.detector, pump.false_alarms_per_day) == (
        "hw:1,0",
        1,
        "teacher",
        0.5,
    )
    assert (fan.device, fan.channel, fan.detector, fan.false_alarms_per_day) == (
        "22:00",
        "mean",
        "student",
        1.0,
    )
    (hook,), (broker,) = site.sinks.root["webhook"], site.sinks.root["mqtt"]
    assert (hook.mode, hook.secret_file) == ("binary", tmp_path / "secrets" / "hook")
    assert (broker.tls, broker.username, broker.port) == (True, "off", None)
    assert (site.state_dir, site.models_dir) == (tmp_path / "memory", Path("/opt/models"))


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    for text in ("", "machines:\nsinks:\n", "sinks:\n  webhook:\n  mqtt:\n"):
        assert load_site(write(tmp_path, text), {}) == Site()
    assert Site().state_dir == Path("state")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)
    site = load_site(path, {"ANOMALY_STATE": "/run/state", "ANOMALY_MODELS": ""})
    assert (site.state_dir, site.models_dir) == (Path("/run/state"), Path("/opt/models"))
    assert find_site(None, {"ANOMALY_MODELS": "m"}).models_dir == Path("m")


def test_choice_of_the_site_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_file(None, {}) is None
    assert find_site(None, {}) == Site()
    write(tmp_path, WHOLE)
    assert find_file(None, {}) == Path("site.yaml")
    assert find_file(None, {"ANOMALY_CONFIG": "other.yaml"}) == Path("other.yaml")
    assert find_file(Path("given.yaml"), {"ANOMALY_CONFIG": "other.yaml"}) == Path("given.yaml")
    with pytest.raises(ConfigError, match=r"other\.yaml: cannot be read"):
        find_site(None, {"ANOMALY_CONFIG": "other.yaml"})


def test_the_machine_of_a_device(tmp_path: Path) -> None:
    text = "machines: {a: {device: hw:1}, b: {device: hw:1, channel: 1}, c: {device: hw:10}}\n"
    site = load_site(write(tmp_path, text), {})
    assert site.machines_on("hw:1") == ["a", "b"]
    assert site.machines_on("hw:2") == []


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (
            "machines:\n  pump:\n    devise: hw:0\n    device: x\n",
            "3: machines.pump.devise",
            "did you mean device?",
        ),
        ("machines:\n  pump: {}\n", "2: machines.pump", "it has none of them"),
        ("machines:\n  pump:\n", "2: machines.pump", "must be a mapping of keys to values"),
        ("machines:\nsinks:\nother:\n", "3: other", "unknown key"),
        ("sinks:\n  webhook:\n    -\n", "3: sinks.webhook.0", "must be a mapping of keys to values"),
        ("machine: {}\n", "1: machine", "unknown key (did you mean machines?)"),
        ("sinks:\n  pigeon: []\n", "2: sinks.pigeon", "unknown kind of sink (known: "),
        ("machines:\n  ../x: {device: a}\n", "2: machines.../x", "is no machine name"),
        ("machines:\n  p:\n    device: ' '\n", "3: machines.p.device", "must have at least 1 character"),
        ("machines:\n  p:\n    device: a\n    channel: -1\n", "4: machines.p.channel", "'mean' or"),
        (
            "machines:\n  p:\n    device: a\n    channel: one\n",
            "4: machines.p.channel",
            "'mean' or a whole number",
        ),
        (
            "machines:\n  p:\n    device: a\n    detector: x\n",
            "4: machines.p.detector",
            "'student' or 'teacher'",
        ),
        (
            "machines:\n  p: {device: a, false_alarms_per_day: 0}\n",
            "2: machines.p.false_alarms_per_day",
            "greater than or equal to 0.0001",
        ),
        (
            "machines:\n  p: {device: a, false_alarms_per_day: nan}\n",
            "2: machines.p.false_alarms_per_day",
            "finite",
        ),
        (
            "machines:\n  p: {device: a, false_alarms_per_day: inf}\n",
            "2: machines.p.false_alarms_per_day",
            "finite",
        ),
        ("machines: [pump]\n", "1: machines", "a mapping of keys to values"),
        ("sinks:\n  webhook:\n    name: a\n    url: b\n", "2: sinks.webhook", "must be a list"),
        ("sinks:\n  webhook:\n    - name: a\n", "3: sinks.webhook.0", "url is missing"),
        ("sinks:\n  mqtt:\n    - {name: a, host: b, tls: perhaps}\n", "3: sinks.mqtt.0.tls", "true or false"),
        ("sinks:\n  mqtt:\n    - {name: a, host: b, port: 70000}\n", "3: sinks.mqtt.0.port", "65535"),
        ("sinks:\n  mqtt:\n    - {name: a, host: b, ca_file: c}\n", "3: sinks.mqtt.0", "without tls"),
        (
            "sinks:\n  mqtt:\n    - {name: a, host: b, password_env: c}\n",
            "3: sinks.mqtt.0",
            "needs a username",
        ),
        ("- a\n", "1", "must hold keys"),
        ("just words\n", "1", "must hold keys"),
    ],
)
def test_errors_name_line_and_key(text: str, place: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_site(path, {})
    assert str(caught.value).startswith(f"{path}:{place}: ")
    assert words in str(caught.value)
    assert caught.value.exit_code == 3


def test_all_errors_are_listed_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path, "state: x\nmachines:\n  pump:\n    device: hw:0\n    channel: left\n    speed: 3\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_site(path, {})
    assert str(caught.value) == f"{path}:1: state: unknown key (did you mean state_dir?)"
    assert caught.value.hint == (
        "also line 5: machines.pump.channel: must be 'mean' or a whole number\n"
        "  also line 6: machines.pump.speed: unknown key (known: alarm, channel, cmms_number, criticality, "
        "detector, device, display_name, facts, false_alarms_per_day, location, maintenance, model, "
        "source, source_env)"
    )


def test_a_value_that_may_be_secret_is_not_repeated(tmp_path: Path) -> None:
    path = write(tmp_path, "sinks:\n  mqtt:\n    - {name: a, host: b, username: c, password: s3cret}\n")
    with pytest.raises(ConfigError, match="did you mean password_") as caught:
        load_site(path, {})
    assert "s3cret" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    "text",
    [
        "sinks:\n  webhook:\n    - {name: a, url: b, secret_env: c, secret_file: d}\n",
        "sinks:\n  mqtt:\n    - {name: a, host: b, username: u, password_env: c, password_file: d}\n",
    ],
)
def test_one_secret_only(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not both"):
        load_site(write(tmp_path, text), {})


def test_names_of_sinks_differ(tmp_path: Path) -> None:
    text = "sinks:\n  webhook: [{name: a, url: b}]\n  mqtt: [{name: a, host: b}]\n"
    with pytest.raises(ConfigError, match=r"two sinks have the name 'a': webhook\.0 and this one") as caught:
        load_site(write(tmp_path, text), {})
    assert str(caught.value.where).endswith(":3: sinks.mqtt.0.name")


def test_two_machines_cannot_share_a_channel(tmp_path: Path) -> None:
    text = "machines:\n  a: {device: hw:0}\n  b: {device: hw:0}\n"
    with pytest.raises(ConfigError, match="machines 'a' and 'b' share device and channel"):
        load_site(write(tmp_path, text), {})


def test_the_schema_is_current() -> None:
    assert json.loads(SCHEMA.read_text()) == site_schema(), (
        "run `anomaly config schema > docs/site.schema.json`"
    )


def test_the_example_of_the_manual(tmp_path: Path) -> None:
    text = (SCHEMA.parent / "alerts.md").read_text()
    site = load_site(write(tmp_path, text.split("```yaml\n")[1].split("```")[0]), {})
    assert list(site.machines) == ["pump"]
    assert site.sinks.names == ["plant", "house"]


def test_address_of_metrics(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("metrics: 127.0.0.1:9464\n")
    assert load_site(path, {}).metrics == "127.0.0.1:9464"
    for wrong in ("9464", "localhost", "localhost:http", "localhost:70000"):
        path.write_text(f"metrics: '{wrong}'\n")
        with pytest.raises(ConfigError, match="must be an address and a port"):
            load_site(path, {})


def test_retention_settings(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("clips: {content: features, keep_count: 3}\nkeep: {scores_days: 2}\n")
    site = load_site(path, {})
    assert (Site().clips.content, site.clips.content, site.clips.keep_count) == (
        "speech-filtered",
        "features",
        3,
    )
    assert (Site().keep.scores_days, site.keep.scores_days, site.keep.minutes_days) == (1.0, 2.0, 365.0)
    path.write_text("clips: {content: off}\n")
    with pytest.raises(ConfigError, match=r"clips\.content"):
        load_site(path, {})


def test_asset_facts_of_a_machine(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "machines:\n  pump: {device: mic, display_name: Feed pump, location: 'Hall 2, bay 7', cmms_number: 0815,"
        " criticality: high}\n  fan: {device: mic2}\n"
    )
    site = load_site(file)
    assert site.asset_of("pump") == {
        "display_name": "Feed pump",
        "location": "Hall 2, bay 7",
        "cmms_number": "0815",
        "criticality": "high",
    }
    assert site.asset_of("fan") == {"criticality": "medium"}
    assert site.asset_of("unknown") == {}
    file.write_text("machines:\n  pump: {device: mic, criticality: huge}\n")
    with pytest.raises(ConfigError, match="criticality"):
        load_site(file)


def test_all_missing_keys_of_a_section_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, "sinks: {email: [{name: m, host: h}]}\n"), {})
    assert caught.value.message == "sender is missing, recipients is missing"


SYSTEMS = "systems: [{name: maximo, secret_env: S}]"


@pytest.mark.parametrize(
    ("section", "place", "words"),
    [
        (f"{{{SYSTEMS}}}", "answers", "give port, mqtt or both"),
        ("{port: 8420}", "answers", "systems is missing"),
        ("{systems: [], port: 8420}", "answers", "systems names none"),
        (
            "{systems: [{name: maximo}], port: 8420}",
            "answers.systems.0",
            "give secret_env or secret_file, one of them",
        ),
        (f"{{{SYSTEMS}, port: 0}}", "answers.port", "greater than or equal to 1"),
        (f"{{{SYSTEMS}, port: 8420, url: 'ftp://x'}}", "answers.url", "must begin with http:// or https://"),
        (f"{{{SYSTEMS}, port: 8420, url: 'https://a:b@x/'}}", "answers.url", "without user and password"),
        (f"{{{SYSTEMS}, mqtt: [house], url: 'https://x/'}}", "answers", "url is of no use without port"),
        (f"{{{SYSTEMS}, mqtt: [home]}}", "answers.mqtt.0", "there is no MQTT sink 'home'; known: house"),
        (f"{{{SYSTEMS}, mqtt: [plant]}}", "answers.mqtt.0", "there is no MQTT sink 'plant'; known: house"),
        (f"{{{SYSTEMS}, port: 8420, window_s: 5}}", "answers.window_s", "greater than or equal to 10"),
        (f"{{{SYSTEMS}, port: 8420, prot: 1}}", "answers.prot", "did you mean port?"),
        (
            "{systems: [{name: a, secret_env: S}, {name: a, secret_env: T}], port: 1}",
            "answers",
            "two systems",
        ),
    ],
)
def test_mistakes_in_the_section_of_answers(tmp_path: Path, section: str, place: str, words: str) -> None:
    sinks = "sinks: {mqtt: [{name: house, host: b}], webhook: [{name: plant, url: 'https://x/'}]}\n"
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        load_site(write(tmp_path, f"{sinks}answers: {section}\n"), {})
    assert str(caught.value.where).endswith(f":2: {place}")
