"""Page of an archive: every section, from tables written by hand."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.archive.report.archive_tables import ArchiveTables
from anomaly.archive.report.spectrogram_image import png
from anomaly.archive.results.result_folder import ResultFolder
from anomaly.archive.results.run_settings import PartSettings
from anomaly.archive.rows import FileRow
from anomaly.cli import run
from anomaly.errors import InputError


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    sound = tmp_path / "<loud>.wav"
    soundfile.write(sound, np.random.default_rng(0).standard_normal(40_000) * 0.1, 16_000)
    begin = datetime(2025, 1, 1, 12, tzinfo=UTC)
    rows = [
        FileRow(str(sound), 2.5, 9.5, 1e-9, "ALARM", "ok", None, time=begin + timedelta(days=9)),
        FileRow("gone.wav", 2.5, 3.0, 0.01, "WATCH", "ok", None),
        FileRow("a.wav", 2.5, None, None, None, "not-judged", "lasts 0.50 s; too short"),
        FileRow("b.wav", 2.5, None, None, None, "not-judged", "lasts 0.75 s; too short"),
        FileRow("c.wav", None, None, None, None, "error", "is empty (0 bytes)"),
    ]
    calm = FileRow("calm.wav", 2.5, 0.1, 0.5, "OK", "ok", None)
    rows += [replace(calm, path=f"{day}.wav", time=begin + timedelta(days=day)) for day in range(9)]
    folder = ResultFolder(tmp_path / "scores", PartSettings({"pump": "abc"}, "student", 1.0, "mean", False))
    folder.begin()
    named = [replace(row, machine="pump", model="abc") for row in rows]
    for number in range(0, len(named), 3):
        folder.write_part(named[number : number + 3])
    folder.finish()
    return tmp_path / "scores"


def test_tables_are_summed_up(scores: Path) -> None:
    tables = ArchiveTables(scores)
    assert tables.counts() == {"ALARM": 1, "OK": 9, "WATCH": 1, "error": 1, "not-judged": 2}
    days = tables.health()
    assert [day.alarms for day in days] == [0] * 9 + [1]
    assert [file.score for file in tables.worst(2)] == [9.5, 3.0]
    first, second = tables.causes()
    assert (first.files, first.words, first.example) == (2, "lasts … s; too short", "a.wav")
    assert second.status == "error"


def test_a_page_is_written(scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(scores)]) == 0
    page = (scores / "report.html").read_text()
    assert "1 of 11 files in ALARM, 1 in WATCH; 3 of 14 could not be judged" in page
    assert page.count("<svg") == 2
    assert page.count("data:image/png") == 1
    assert "&lt;loud&gt;.wav" in page
    assert "<loud>" not in page
    assert "2025-01-10" in page
    assert "http" not in page


def test_a_folder_without_scores_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(tmp_path)]) == 4
    assert "manifest.json" in capsys.readouterr().err
    with pytest.raises(InputError):
        ArchiveTables(tmp_path)


def test_png_holds_its_pixels() -> None:
    data = png(np.arange(6, dtype=np.uint8).reshape(2, 3))
    at = data.index(b"IDAT") + 4
    assert zlib.decompressobj().decompress(data[at:]) == b"\0\0\1\2\0\3\4\5"
