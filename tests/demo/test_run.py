"""The demo from start to end, with a training that takes seconds."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anomaly.bundle import open_bundle
from anomaly.demo import run, scenes
from anomaly.demo.result import DemoResult
from anomaly.demo.run import run_demo
from anomaly.demo.summary import alarm_sentence, clips_sentence, summary_text
from anomaly.errors import AnomalyError, ConfigError, RemoteError
from anomaly.monitor.records import Record
from anomaly.progress import Report
from anomaly.store.store import DATABASE_NAME, Store
from anomaly.teacher.fit import TeacherPlan
from anomaly.training import TrainingRequest, TrainingResult
from anomaly.training.profiles import PROFILES, TrainingProfile

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """A minute of healthy sound, a quick training, and half as many clips."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROFILES, "fast", TrainingProfile(teacher=TeacherPlan(epochs=4), distil=None))
        patch.setattr(scenes, "HEALTHY_S", 90.0)
        patch.setattr(scenes, "_NORMAL_CLIPS", 10)
        patch.setattr(scenes, "_SEVERITIES", (1.0,))
        yield


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "report"


def play(out: Path, seed: int = 0) -> tuple[DemoResult, list[Record], list[str]]:
    shown: list[Record] = []
    stages: list[str] = []
    result = run_demo(
        out, seconds=60.0, seed=seed, report=lambda stage, _: stages.append(stage), show=shown.append
    )
    return result, shown, list(dict.fromkeys(stages))


@pytest.fixture(scope="module")
def first(out: Path) -> tuple[DemoResult, list[Record], list[str]]:
    return play(out)


def test_the_alarm_comes_after_the_fault_and_the_alert_arrives(
    first: tuple[DemoResult, list[Record], list[str]],
) -> None:
    result, shown, stages = first
    alarm_s = result.monitored.alarm_s()
    assert alarm_s is not None
    assert result.begins_s == 24.0
    assert 24 < alarm_s < 60
    assert (result.alert["event"], result.alert["machine"], result.alert["state"]) == (
        "case.opened",
        "pump",
        "ALARM",
    )
    assert [record.second for record in result.monitored.seconds] == list(range(60))
    assert len(shown) == 60 + len(result.monitored.events)
    assert stages[0] == "simulating"
    assert stages[-3:] == ["watching", "testing", "reporting"]
    assert set(result.took_s) == {"simulating", "training", "watching", "testing", "reporting"}


def test_its_result_is_json(first: tuple[DemoResult, list[Record], list[str]], out: Path) -> None:
    answer = json.loads(json.dumps(first[0].to_dict()))
    assert answer["report"] == str(out / "index.html")
    assert answer["training"]["verified"] is True
    assert 0.5 < answer["auc"]["student"] <= 1
    assert answer["alert"]["case"]["kind"] == "machine"


def test_the_report_stands_alone_and_shows_the_pictures(
    first: tuple[DemoResult, list[Record], list[str]], out: Path
) -> None:
    page = (out / "index.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)
    assert sum(source.startswith("data:") for source in sources) >= 5
    assert not re.search(r"<script|@import|url\(|https?://", page)
    for heading in ("Sound at the microphone", "Score and decision", "Alarms on unseen", "Chip use"):
        assert heading in page
    assert first[0].alert["id"] in page
    assert open_bundle(out / "models/pump").manifest.machine == "pump"


def test_the_report_begins_with_the_alarm_and_ends_with_the_chip(
    first: tuple[DemoResult, list[Record], list[str]], out: Path
) -> None:
    page = (out / "index.html").read_text()
    summary = re.search(r'<p class="summary">(.*?)</p>', page, re.DOTALL)
    assert summary is not None
    assert summary[1].startswith(alarm_sentence(first[0]).replace("'", "&#39;"))
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles[0] == "Score and decision of the student"
    assert titles[-3:] == ["Chip use", "Placement and routing", "Energy is a range"]


def test_the_screen_begins_with_the_alarm(
    first: tuple[DemoResult, list[Record], list[str]], out: Path
) -> None:
    result = first[0]
    alarm, model, alert, report = summary_text(result).split("\n\n")
    assert alarm.splitlines() == [alarm_sentence(result), clips_sentence(result)]
    assert re.match(r"Alarm \d+ s after the bearing \(outer race\) began to fail: it began at 24 s", alarm)
    assert model.startswith(("The model: ready", "The model: not ready"))
    assert re.search(r"ALARM since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+", alert)
    assert "of normal sound" in alert
    assert str(out / "index.html") in report
    assert "AUC" not in "".join((alarm, model, alert))


def test_all_figures_come_with_details(first: tuple[DemoResult, list[Record], list[str]]) -> None:
    details = summary_text(first[0], details=True)
    for figure in ("AUC student", "neurons", first[0].alert["id"], "took "):
        assert figure in details


def test_the_alarm_is_raised_where_the_drawn_sum_passes_the_limit(
    first: tuple[DemoResult, list[Record], list[str]],
) -> None:
    result = first[0]
    seconds = result.monitored.seconds
    sums = [record.cusum for record in seconds]
    over = next(number for number, total in enumerate(sums) if total >= result.limit.value)
    assert over + 1 == result.monitored.alarm_s()


def test_a_second_demo_into_the_same_folder_has_an_alert_of_its_own(
    first: tuple[DemoResult, list[Record], list[str]], out: Path
) -> None:
    again, _, _ = play(out)
    assert again.alert["id"] != first[0].alert["id"]
    with Store.open(out / "state" / DATABASE_NAME, create=False) as store:
        assert [case.id for case in store.cases.select()] == [again.alert["case"]["id"]]
    # The same seed: the same sounds, the same model, the same scores.
    assert [r.score for r in again.monitored.seconds] == [r.score for r in first[0].monitored.seconds]


def test_a_pump_that_never_fails_is_no_success(
    first: tuple[DemoResult, list[Record], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_before(request: TrainingRequest, report: Report) -> TrainingResult:
        """Give the model of the first demo, whose pump learned from the same sound."""
        shutil.copytree(first[0].out / "models", tmp_path / "report/models")
        return first[0].trained

    monkeypatch.setattr(run, "train", as_before)
    monkeypatch.setattr(scenes, "severity_at", lambda time_s, _: np.zeros_like(time_s))
    monkeypatch.setattr(run, "_DELIVERY_S", 0.1)
    with pytest.raises(RemoteError, match="no alert arrived"):
        play(tmp_path / "report")
    assert not (tmp_path / "report" / "index.html").exists()


def test_a_folder_that_is_a_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "report").touch()
    with pytest.raises(AnomalyError, match="cannot be") as caught:
        play(tmp_path / "report")
    assert caught.value.exit_code == 3


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with pytest.raises(ConfigError, match="no demo made it"):
        run_demo(tmp_path, seconds=60, seed=0, report=lambda *_: None, show=lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
