"""`anomaly config`: check, show and schema."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from anomaly.cli import run
from anomaly.config import site_schema

SITE = """\
machines:
  pump: {device: hw:0}
sinks:
  webhook:
    - {name: plant, url: "https://plant.example/", secret_env: HOOK_SECRET}
"""


@pytest.fixture
def site(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    path = own_folder / "site.yaml"
    path.write_text(SITE)
    return path


@pytest.fixture
def models(site: Path, pump_bundle: Path) -> Path:
    """Folder of bundles with that of the machine in it."""
    return shutil.copytree(pump_bundle, site.parent / "models" / "pump").parent


@pytest.mark.usefixtures("models")
def test_check(site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    assert run(["config", "check"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "site.yaml: ok, machines: pump, sinks: plant\n")
    assert run(["config", "check", str(site), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        **{"path": str(site), "ok": True, "machines": ["pump"], "sinks": ["plant"]}
    }


def test_check_names_machines_without_bundle_or_stream(
    site: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write_text(SITE + "  mqtt: [{name: house, host: 'bad..host'}]\n")
    text = site.read_text().replace(
        "  pump: {device: hw:0}\n",
        "  pump: {device: hw:0}\n  fan: {device: hw:1}\n  mill: {device: hw:2, model: turbine}\n"
        "  yard: {source_env: YARD_ADDRESS, model: pump}\n",
    )
    site.write_text(text)
    assert run(["config", "check"]) == 3
    shown = capsys.readouterr().err
    assert shown.startswith("error: site.yaml:3: machines.fan: models/fan: ")
    for place in (
        "4: machines.mill.model",
        "5: machines.yard.source_env",
        "8: sinks.webhook.0",
        "9: sinks.mqtt.0",
    ):
        assert f"also site.yaml:{place}: " in shown


@pytest.mark.usefixtures("models")
def test_check_misses_a_secret(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "check"]) == 3
    assert capsys.readouterr().err == (
        "error: site.yaml:5: sinks.webhook.0: webhook plant: the secret is empty: environment variable "
        "HOOK_SECRET\n  put the secret there before the command; the site file never holds it\n"
    )


def test_check_names_the_line_of_an_address(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(
        "sinks:\n  webhook:\n    - {name: a, url: 'http://a.example/'}\n    - {name: b, url: nonsense}\n"
    )
    assert run(["config", "check"]) == 3
    assert capsys.readouterr().err == (
        "error: site.yaml:4: sinks.webhook.1: webhook b: the address must begin with http:// or https://\n"
    )


def test_check_names_the_line(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text("machines:\n  pump: {device: hw:0}\nsink: {}\n")
    assert run(["config", "check"]) == 3
    assert capsys.readouterr().err == "error: site.yaml:3: sink: unknown key (did you mean sinks?)\n"


def test_check_names_all_errors_at_once(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(
        "machines:\n  pump: {device: hw:0, modl: x}\n  fan: {}\nsinks:\n  webhook:\n"
        "    - {name: a, url: 'http://a.example/', secret_env: HOOK_SECRET}\n    - {name: b, url: nonsense}\n"
    )
    assert run(["config", "check"]) == 3
    said = capsys.readouterr().err
    assert "site.yaml:2: machines.pump.modl: unknown key (did you mean model?)" in said
    assert "also line 3: machines.fan: a machine has one of device, source and source_env" in said
    assert "also site.yaml:6: sinks.webhook.0: webhook a: the secret is empty" in said
    assert "also site.yaml:7: sinks.webhook.1: webhook b: the address must begin with" in said


def test_check_names_all_sinks(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(
        "sinks:\n  webhook:\n    - {name: a, url: 'http://a.example/', secret_env: HOOK_SECRET}\n"
        "    - {name: b, url: nonsense}\n"
    )
    assert run(["config", "check"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: site.yaml:3: sinks.webhook.0")
    assert "also site.yaml:4: sinks.webhook.1" in said


def test_the_site_file_is_named_as_other_commands_name_it(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write_text("machines: 5\n")
    other = site.rename(site.with_name("other.yaml"))
    assert run(["config", "check", "--config", str(other)]) == 3
    assert f"{other}:1: machines: must be a mapping" in capsys.readouterr().err
    assert run(["config", "show", "--config", str(other)]) == 3
    assert run(["config", "check", str(other), "--config", str(other)]) == 2
    assert "name the site file once" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_says_what_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANOMALY_CONFIG", "nowhere.yaml")
    assert run(["config", "check"]) == 3
    said = capsys.readouterr().err
    assert "nowhere.yaml: cannot be read: No such file or directory" in said
    assert "ANOMALY_CONFIG" in said


def test_a_list_for_a_path_is_explained(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text("models_dir: [a]\n")
    assert run(["config", "check"]) == 3
    assert "site.yaml:1: models_dir: must be a path\n" in capsys.readouterr().err


def test_check_without_a_file(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.unlink()
    assert run(["config", "check"]) == 3
    assert "there is no site.yaml here" in capsys.readouterr().err


def test_show(site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ANOMALY_STATE", "/run/state")
    assert run(["config", "show"]) == 0
    assert "false_alarms_per_day: 1.0\n" in capsys.readouterr().out
    assert run(["config", "show", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["state_dir"] == "/run/state"
    assert found["sinks"]["webhook"][0]["secret_env"] == "HOOK_SECRET"


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == site_schema()


def test_check_connects_to_each_sink(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        good = f"{{name: a, allow_private: true, url: 'http://127.0.0.1:{port}/'}}"
        site.write_text(f"sinks:\n  webhook:\n    - {good}\n")
        assert run(["config", "check", "--connect"]) == 0
        assert capsys.readouterr().err.startswith(f"a: 127.0.0.1:{port} answers\n")
        assert run(["config", "check", "--connect", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["answers"] == {"a": f"127.0.0.1:{port} answers"}
        site.write_text(
            f"sinks:\n  webhook:\n    - {good}\n    - {{name: b, allow_private: true, url: 'http://127.0.0.1:1/'}}\n"
            "  syslog:\n    - {name: c, host: 127.0.0.1, port: 1}\n"
        )
        assert run(["config", "check"]) == 0
        assert run(["config", "check", "--connect"]) == 7
    said = capsys.readouterr().err
    assert "error: site.yaml:4: sinks.webhook.1: 127.0.0.1:1 does not answer" in said
    assert "also site.yaml:6: sinks.syslog.0: 127.0.0.1:1 does not answer" in said


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        ("  webhook:\n    - {name: a, url: 'ftp://x/'}\n", "must begin with http:// or https://"),
        (
            "  email:\n    - {name: a, host: b, sender: nobody, recipients: [c@d.example]}\n",
            "must be an address of mail",
        ),
        (
            "  cmms:\n    - {name: a, url: 'http://b/', preset: atlas,"
            " create: {method: POST, path: '/${x}', id: id}}\n",
            "create names ${x}",
        ),
        ("  alertmanager:\n    - {name: a, url: 'http://u:p@b/'}\n", "the address holds a user or password"),
    ],
)
def test_check_finds_addresses_and_templates(
    site: Path, capsys: pytest.CaptureFixture[str], sink: str, words: str
) -> None:
    site.write_text(f"sinks:\n{sink}")
    assert run(["config", "check"]) == 3
    said = capsys.readouterr().err
    assert "site.yaml:3: sinks." in said
    assert words in said
    assert "u:p" not in said


@pytest.mark.usefixtures("models")
def test_check_reads_the_secrets_of_answers(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    site.write_text(SITE + "answers:\n  port: 8420\n  systems: [{name: maximo, secret_env: MAXIMO_SECRET}]\n")
    for secret, words in (("", "the secret is empty"), ("too short", "fewer than 16 characters")):
        monkeypatch.setenv("MAXIMO_SECRET", secret)
        assert run(["config", "check"]) == 3
        said = capsys.readouterr().err
        assert "site.yaml:8: answers.systems: answers of maximo: " in said
        assert words in said
        assert "openssl rand" in said or "put the secret there" in said
        site.write_text(site.read_text().replace("device:", "divice:"))
        assert run(["config", "check"]) == 3
        assert words in capsys.readouterr().err
        site.write_text(site.read_text().replace("divice:", "device:"))
    monkeypatch.setenv("MAXIMO_SECRET", "a secret that is long enough")
    assert run(["config", "check"]) == 0
