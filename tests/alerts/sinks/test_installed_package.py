"""A sink of another package, the example of docs/alerts.md: installed by pip, listed, configured, probed and used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import build_sink
from anomaly.alerts.sinks import Sink
from anomaly.alerts.sinks.testing import SINK_CHECKS, Check
from anomaly.cli import run
from anomaly.config import Site, site_schema

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package of the manual into a folder of its own."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site-packages")
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    for name, content in re.findall(
        r"^```\w+\n# (pyproject\.toml|anomaly_jsonl\.py)\n(.*?)^```", text, re.M | re.S
    ):
        (source / name).write_text(content, encoding="utf-8")
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)], check=True
    )
    return target


@pytest.fixture(autouse=True)
def folder(site_packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the package importable, in a folder with a site file that uses it."""
    for name in ("ANOMALY_CONFIG", "ANOMALY_STATE", "ANOMALY_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.syspath_prepend(site_packages)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.yaml").write_text("sinks:\n  jsonl:\n    - {name: archive, path: share/alerts.jsonl}\n")
    (tmp_path / "share").mkdir()
    yield tmp_path
    sys.modules.pop("anomaly_jsonl", None)


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "share" / "alerts.jsonl").read_text().splitlines()]


def test_it_is_listed(capsys: Capture) -> None:
    assert run(["alerts", "kinds", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1] == {
        **{"name": "jsonl", "description": "files of JSON lines", "package": "anomaly-jsonl"}
    }
    assert site_schema()["$defs"]["Sinks"]["properties"]["jsonl"]["items"] == {"$ref": "#/$defs/JsonlConfig"}


def test_it_is_configured(folder: Path, capsys: Capture) -> None:
    assert run(["config", "check"]) == 0
    assert capsys.readouterr().err == "site.yaml: ok, machines: none, sinks: archive\n"
    assert run(["config", "show", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["sinks"]["jsonl"]
    assert (shown["name"], shown["path"]) == ("archive", "share/alerts.jsonl")
    (folder / "site.yaml").write_text("sinks:\n  jsonl:\n    - {name: archive}\n")
    assert run(["config", "check"]) == 3
    assert capsys.readouterr().err == "error: site.yaml:3: sinks.jsonl.0: path is missing\n"


def test_it_is_probed(folder: Path, capsys: Capture, no_inputs: None) -> None:
    def level() -> str:
        run(["doctor", "--json"])
        found = {check["check"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
        return str(found["site.sink.archive"]["level"])

    assert level() == "ok"
    (folder / "share").rename(folder / "gone")
    assert level() == "fail"


def test_it_is_tested(folder: Path, capsys: Capture) -> None:
    assert run(["alerts", "test", "archive"]) == 0
    assert [message["event"] for message in written(folder)] == ["test"]
    (folder / "share").rename(folder / "gone")
    assert run(["alerts", "test", "archive"]) == 7
    assert "archive: cannot be written" in capsys.readouterr().err


def test_the_monitor_uses_it(folder: Path, capsys: Capture) -> None:
    words = ["monitor", "--source", str(GOLDEN / "fan.flac"), "--machine", "fan", "--no-realtime", "--jsonl"]
    assert run([*words, "--models", str(GOLDEN / "models")]) == 0
    assert [(message["event"], message["machine"]) for message in written(folder)][:1] == [
        ("case.opened", "fan")
    ]


class JsonlHarness:
    """The sink on a folder that can be away, or in which something else has the name of the file."""

    secret = ""

    def __init__(self, folder: Path) -> None:
        self._share, self._file = folder / "share", folder / "share" / "alerts.jsonl"

    def build(self) -> Sink:
        sinks = {"jsonl": [{"name": "contract", "path": str(self._file)}]}
        return build_sink(Site.model_validate({"sinks": sinks}), "contract")

    def received(self) -> list[Mapping[str, Any]]:
        return (
            [json.loads(line) for line in self._file.read_text().split("\n")[:-1]]
            if self._file.is_file()
            else []
        )

    def stop_receiver(self) -> None:
        self._share.rename(self._share.with_name("unmounted"))

    def start_receiver(self) -> None:
        self._share.with_name("unmounted").rename(self._share)

    def hang(self) -> bool:
        return False

    def refuse(self) -> None:
        self._file.unlink(missing_ok=True)
        self._file.mkdir()


@pytest.mark.parametrize("check", SINK_CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_it_keeps_the_contract(check: Check, folder: Path) -> None:
    check(JsonlHarness(folder))
