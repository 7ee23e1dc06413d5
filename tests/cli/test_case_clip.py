"""`anomaly cases clip`: clips of a case are played or copied after the access is logged."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from anomaly.alerts import Case, Store, iso_utc
from anomaly.cli import run
from anomaly.errors import DeviceError
from anomaly.monitor.clips import access
from anomaly.monitor.clips.access import ClipAccess
from anomaly.monitor.clips.files import ClipFacts, write_clip
from anomaly.store.clip_index import CLIPS_FOLDER
from anomaly.store.database.rows import ClipRow
from anomaly.store.store import DATABASE_NAME

BEGIN_S = 1_800_000_000.0


@pytest.fixture
def case(own_folder: Path) -> Case:
    """A case with two clips, one of sound and one of levels, in ./state."""
    sound = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    with Store.open(Path("state") / DATABASE_NAME) as store:
        opened = store.cases.open(Case("pump", "machine", iso_utc(BEGIN_S), "x"))
        assert opened is not None
        for number, content in enumerate(["features", "full"]):
            facts = ClipFacts(
                f"{number:012d}", opened.id, "pump", content, BEGIN_S + number, 32_000, 0, BEGIN_S, "student",
                "abc", {"bands": 32, "reset_s": 10}, True,
            )  # fmt: skip
            levels = np.zeros((1, 60, 32), np.int32)
            size = write_clip(
                Path("state") / CLIPS_FOLDER / "pump" / content,
                facts,
                sound if content == "full" else None,
                levels,
                b"png",
            )
            store.clips.add(
                ClipRow(facts.id, opened.id, "pump", facts.begin_s, 2.0, content, f"pump/{content}", size)
            )
    return opened


def json_of(capsys: pytest.CaptureFixture[str], *line: str) -> Any:
    assert run([*line, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_list(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    result = json_of(capsys, "cases", "clip", case.id[:8])
    assert [clip["content"] for clip in result["clips"]] == ["features", "full"]
    assert result["clips"][0]["begin"] == iso_utc(BEGIN_S)
    assert result["accesses"] == []
    assert run(["cases", "clip", case.id]) == 0
    assert "speech" not in capsys.readouterr().out


def test_export_is_logged(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    result = json_of(
        capsys, "cases", "clip", case.id, "--export", "out", "--by", "anna", "--note", "what was it"
    )
    assert result["exported"] == ["out/000000000000", "out/000000000001"]
    assert soundfile.info("out/000000000001/sound.flac").frames == 32_000
    assert sorted(p.name for p in Path("out/000000000000").iterdir()) == [
        "clip.json",
        "levels.npz",
        "spectrogram.png",
    ]
    assert [(a["who"], a["how"], a["note"]) for a in result["accesses"]] == [
        ("anna", "export", "what was it")
    ] * 2
    assert run(["cases", "clip", case.id, "--export", "out"]) == 3
    assert "is there already" in capsys.readouterr().err
    assert run(["cases", "clip", case.id]) == 0
    assert "export by anna: what was it" in capsys.readouterr().out


def test_an_export_that_the_disk_does_not_take_leaves_nothing(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(source: Path, to: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(to))

    monkeypatch.setattr("anomaly.monitor.clips.access.shutil.copy2", full)
    assert run(["cases", "clip", case.id, "--export", "out/there"]) == 3
    assert (
        capsys.readouterr().err
        == "error: out/there/000000000000: cannot be written: No space left on device\n"
    )
    assert not Path("out").exists()


def test_access_log_of_all_cases(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert json_of(capsys, "cases", "listeners") == []
    assert run(["cases", "clip", case.id, "--export", "there", "--by", "ann", "--note", "a rattle"]) == 0
    capsys.readouterr()
    with Store.open(Path("state") / DATABASE_NAME) as store:
        # The log keeps accesses to clips that were removed since.
        store.clips.remove(f"{1:012d}")
    found = json_of(capsys, "cases", "listeners")
    assert [(one["clip_id"], one["who"], one["how"]) for one in found] == [
        (f"{number:012d}", "ann", "export") for number in range(2)
    ]
    assert run(["cases", "listeners"]) == 0
    output = capsys.readouterr()
    assert f"case {case.id[:8]}" in output.out
    assert "export by ann: a rattle" in output.out
    assert "2 accesses to clips" in output.err
    assert run(["cases", "listeners", "--state", "nowhere"]) == 3


def test_play_is_logged_before_the_player_starts(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with Store.open(Path("state") / DATABASE_NAME) as store:
        played: list[int] = []

        def player(command: list[str]) -> int:
            assert len(store.clips.accesses()) == 1
            played.append(soundfile.info(command[-1]).frames)
            return 0

        clip_access = ClipAccess(store, Path("state") / CLIPS_FOLDER, "anna")
        clip_access.play(store.clips.select()[1], run=player)
        assert played == [32_000]
        with pytest.raises(DeviceError, match="could not play"):
            clip_access.play(store.clips.select()[1], run=lambda _: 1)
        assert [access.how for access in store.clips.accesses()] == ["play", "play"]


def test_without_a_player(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(access.shutil, "which", lambda _: None)
    assert run(["cases", "clip", case.id, "--play"]) == 6
    assert "no player is installed" in capsys.readouterr().err
    with Store.open(Path("state") / DATABASE_NAME) as store:
        assert store.clips.accesses() == []


def test_levels_cannot_be_played(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(Path("state") / DATABASE_NAME) as store:
        store.clips.remove(store.clips.select()[1].id)
    assert run(["cases", "clip", case.id, "--play"]) == 4
    assert "holds features, no sound" in capsys.readouterr().err


def test_clips_that_are_gone(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree("state/clips/pump/full")
    assert run(["cases", "clip", case.id, "--play"]) == 4
    assert "no longer kept" in capsys.readouterr().err
    with Store.open(Path("state") / DATABASE_NAME) as store:
        for clip in store.clips.select():
            store.clips.remove(clip.id)
    assert run(["cases", "clip", case.id, "--export", "out"]) == 4
    assert "no clip is kept" in capsys.readouterr().err
    result = json_of(capsys, "cases", "clip", case.id)
    assert all(clip["removed_s"] for clip in result["clips"])


def test_damaged_clips_are_not_exported(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    Path("state/clips/pump/full/sound.flac").write_bytes(b"fLaC")
    assert run(["cases", "clip", case.id, "--play"]) == 4
    assert "is no whole clip" in capsys.readouterr().err


def test_mistakes(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cases", "clip", case.id, "--play", "--export", "x"]) == 2
    assert run(["cases", "clip", "zz"]) == 2
    assert run(["cases", "clip", case.id, "--state", "nowhere"]) == 3
