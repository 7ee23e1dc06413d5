"""The command line names a table or a folder; an unknown alarm level is assumed from the first values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly.audio.files.write import save_wav
from anomaly.errors import InputError
from anomaly.prognosis.index.series import IndexSeries
from anomaly.prognosis.sources import index_of, with_alarm_level


def snapshots(folder: Path, count: int) -> Path:
    random = np.random.default_rng(0)
    for n in range(count):
        sound = random.normal(0.0, 0.02, 1_600).astype(np.float32)
        save_wav(folder / f"{1_775_044_800 + 600 * n}.wav", sound, 16_000)
    return folder


def test_a_folder_of_recordings(tmp_path: Path) -> None:
    found = index_of(snapshots(tmp_path, 12))
    assert (found.kind, len(found), found.name) == ("bands", 12, tmp_path.name)
    assert found.alarm_level == pytest.approx(np.log(1.65))


def test_too_few_recordings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 3 recordings, 10 are needed"):
        index_of(snapshots(tmp_path, 3))


def test_one_recording(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a trend needs many"):
        index_of(snapshots(tmp_path, 1) / "1775044800.wav")


def test_no_such_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        index_of(tmp_path / "none")


def test_alarm_levels() -> None:
    values = np.random.default_rng(0).normal(1.0, 0.1, 200)
    series = IndexSeries("pump", "score", np.arange(200.0), values)
    assumed = with_alarm_level(series, None)
    assert assumed.alarm_level == pytest.approx(1.6, abs=0.3)
    assert assumed.level_source.startswith("assumed")
    assert with_alarm_level(series, 3.0).alarm_level == 3.0
    assert with_alarm_level(assumed.with_level(2.0, "known"), None).level_source == "known"
