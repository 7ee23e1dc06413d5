"""The examples of docs/answers.md: they run as they stand, and the payloads in them follow the schemas."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from jsonschema import Draft202012Validator

from anomaly.alerts import Case, Store
from anomaly.alerts.answers.http_endpoint import HttpEndpoint
from anomaly.alerts.payload_schemas import PAYLOAD_SCHEMAS
from anomaly.config import load_site
from support.answers import SECRET

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "answers.md").read_text(encoding="utf-8")
CASE = "ca56b1d0e2f34a5b8c7d6e5f4a3b2c1d"


def block(kind: str) -> str:
    """First block of code of a kind."""
    found = re.search(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def run(command: list[str], script: str, endpoint: HttpEndpoint, folder: Path, case: Case) -> str:
    """Run an example with the address, the secret and the case of this test."""
    (folder / "secret").write_bytes(SECRET + b"\n")
    for old, new in (
        ("127.0.0.1:8420", f"127.0.0.1:{endpoint.port}"),
        ("/etc/anomaly/maximo-secret", str(folder / "secret")),
        (CASE, case.id),
    ):
        assert old in script
        script = script.replace(old, new)
    done = subprocess.run([*command, script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_work_order_is_closed_by_curl(
    endpoint: HttpEndpoint, live_store: Store, open_case: Callable[..., Case], tmp_path: Path
) -> None:
    case = open_case()
    result = json.loads(run(["sh", "-c"], block("sh"), endpoint, tmp_path, case))
    assert (result["status"], result["state"], result["case"]) == (200, "closed", case.id)
    stored = live_store.cases.get(case.id)
    assert stored is not None
    assert (stored.finding, stored.action) == ("outer-race", "bearing replaced")
    assert live_store.history.events(case_id=case.id)[-1].detail["note"] == "work order 4711"


def test_work_is_reported_by_python(
    endpoint: HttpEndpoint, live_store: Store, open_case: Callable[..., Case], tmp_path: Path
) -> None:
    case = open_case()
    printed = run([sys.executable, "-c"], block("python"), endpoint, tmp_path, case)
    assert "'status': 200" in printed
    (event,) = live_store.history.events(case_id=case.id, name="case.work-reported")
    assert (event.detail["action"], event.detail["order"]) == ("greased", "4711")


def test_the_answer_on_the_page_follows_the_schema() -> None:
    Draft202012Validator(PAYLOAD_SCHEMAS["answer"]()).validate(json.loads(block("json")))


def test_the_section_of_the_site_file(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(block("yaml") + "sinks: {mqtt: [{name: house, host: broker}]}\n")
    answers = load_site(file, {}).answers
    assert answers is not None
    assert (answers.port, answers.address) == (8420, "https://anomaly.plant.example/answers")


def test_every_kind_of_answer_is_in_the_table() -> None:
    mapping = PAYLOAD_SCHEMAS["answer"]()["discriminator"]["mapping"]
    rows = re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows[rows.index("answer") + 1 :]) == sorted(mapping)
