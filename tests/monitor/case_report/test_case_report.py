"""Reports of cases: content, HTML and PDF, and the command."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from anomaly.cli import run
from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.monitor.case_report.content import report_content
from anomaly.monitor.clips.files import SOUND
from anomaly.store.cases.case import Case, unix_s
from anomaly.store.clip_index import CLIPS_FOLDER, PICTURE
from anomaly.store.database.rows import ClipRow
from anomaly.store.store import DATABASE_NAME, Store

OPENED = "2026-12-01T10:00:00.000Z"
EVIDENCE = {"explanation": {"sentence": "Impulses <at> 87 Hz.", "family": "outer-race"}}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Case]:
    """Return a state folder with one case and its clip."""
    folder = tmp_path_factory.mktemp("state")
    case = Case("pump", "machine", OPENED, "pump does not sound normal", 9.0, 1e-7, EVIDENCE)
    clip = folder / CLIPS_FOLDER / "clip"
    clip.mkdir(parents=True)
    soundfile.write(clip / SOUND, 0.1 * np.random.default_rng(0).standard_normal(48_000), 16_000)
    picture = io.BytesIO()
    Image.new("RGB", (300, 200)).save(picture, "PNG")
    (clip / PICTURE).write_bytes(picture.getvalue())
    with Store.open(folder / DATABASE_NAME) as store:
        store.cases.open(case)
        store.clips.add(ClipRow("c1", case.id, "pump", unix_s(OPENED), 3.0, "full", "clip", 100))
    return folder, case


def test_content_holds_reason_check_and_pictures(state: tuple[Path, Case]) -> None:
    folder, case = state
    facts = RotatingFacts.model_validate({"speed_rpm": 1480, "bearings": 6205})
    with Store.open(folder / DATABASE_NAME) as store:
        content = report_content(store, store.cases.find(case.id), facts, unix_s(OPENED) + 60)
    rows = dict(content.rows)
    assert rows["what"] == "pump does not sound normal"
    assert rows["why"] == "Impulses <at> 87 Hz."
    assert "replace the bearing" in content.checks[0]
    assert len(content.pictures) == 2


@pytest.mark.parametrize("suffix", ["html", "pdf"])
def test_the_command_writes_a_file_that_stands_alone(
    state: tuple[Path, Case], tmp_path: Path, suffix: str
) -> None:
    folder, case = state
    out = tmp_path / f"report.{suffix}"
    assert run(["report", case.id[:8], "--state", str(folder), "--out", str(out)]) == 0
    data = out.read_bytes()
    if suffix == "pdf":
        assert data.startswith(b"%PDF")
    else:
        assert data.count(b"data:image/png;base64,") == 2
        assert b"Impulses &lt;at&gt; 87 Hz." in data
        assert b"<script" not in data


def test_another_kind_of_file_is_refused(
    state: tuple[Path, Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, case = state
    arguments = ["report", case.id, "--state", str(folder), "--out", str(tmp_path / "report.doc")]
    assert run(arguments) == 2
    assert "neither .html nor .pdf" in capsys.readouterr().err
