"""Retention of clips by age, number, size and free disk space; folders that a crash left are removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.config import Clips
from anomaly.errors import ConfigError
from anomaly.monitor.clips.retention import make_room, sweep, sweep_orphans
from anomaly.store.database.rows import ClipRow
from anomaly.store.store import Store

DAY_S = 86_400.0
NOW_S = 1_800_000_000.0
MIB = 2**20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anomaly.sqlite") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "clips"


def store_clip(store: Store, folder: Path, number: int, age_days: float, size: int = MIB) -> None:
    name = f"pump/{number}"
    (folder / name).mkdir(parents=True)
    (folder / name / "sound.flac").write_bytes(b"x")
    store.clips.add(
        ClipRow(f"{number:012d}", "ca5e", "pump", NOW_S - age_days * DAY_S, 30.0, "full", name, size)
    )


def clips_left(store: Store, folder: Path) -> list[int]:
    listed = [int(clip.id) for clip in store.clips.select()]
    assert sorted(int(path.name) for path in folder.glob("pump/*")) == sorted(listed)
    return listed


def test_old_clips_are_removed(store: Store, folder: Path) -> None:
    for number, age in enumerate([40, 31, 29, 0]):
        store_clip(store, folder, number, age)
    assert sweep(store, folder, Clips(keep_days=30), NOW_S) == 2
    assert clips_left(store, folder) == [2, 3]
    assert len(store.clips.select(removed=True)) == 4


def test_the_oldest_clips_are_removed_beyond_a_number(store: Store, folder: Path) -> None:
    for number in range(5):
        store_clip(store, folder, number, 10 - number)
    sweep(store, folder, Clips(keep_count=3), NOW_S)
    assert clips_left(store, folder) == [2, 3, 4]
    # Room is made for the next clip.
    make_room(store, folder, Clips(keep_count=3, free_mib=0), NOW_S, for_bytes=1)
    assert clips_left(store, folder) == [3, 4]


def test_the_oldest_clips_are_removed_beyond_a_size(store: Store, folder: Path) -> None:
    for number in range(4):
        store_clip(store, folder, number, 10 - number, size=2 * MIB)
    sweep(store, folder, Clips(keep_mib=5), NOW_S)
    assert clips_left(store, folder) == [2, 3]


def test_clips_within_the_limits_are_kept(store: Store, folder: Path) -> None:
    store_clip(store, folder, 1, 1)
    assert sweep(store, folder, Clips(), NOW_S) == 0
    assert clips_left(store, folder) == [1]


def test_a_disk_that_is_nearly_full(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(10**12, 0, 201 * MIB)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    make_room(store, folder, Clips(free_mib=200), NOW_S, for_bytes=MIB // 2)
    with pytest.raises(ConfigError, match="201 MiB of the disk are free") as caught:
        make_room(store, folder, Clips(free_mib=200), NOW_S, for_bytes=2 * MIB)
    assert "free_mib" in str(caught.value.hint)


def test_clips_whose_files_are_missing(store: Store, folder: Path) -> None:
    store_clip(store, folder, 1, 99)
    shutil.rmtree(folder)
    assert sweep(store, folder, Clips(), NOW_S) == 1
    assert store.clips.select() == []


def test_orphans_are_removed_after_an_hour(store: Store, folder: Path) -> None:
    store_clip(store, folder, 1, 0)
    for name in ("pump/2", "pump/.3.new.abc", "pump/young"):
        (folder / name).mkdir()
        (folder / name / "sound.flac").write_bytes(b"x")
        if name != "pump/young":
            os.utime(folder / name, (NOW_S - 10**9, NOW_S - 10**9))
    os.utime(folder / "pump/1", (0, 0))
    assert sweep_orphans(store, folder) == 2
    assert sorted(path.name for path in folder.glob("pump/*")) == ["1", "young"]
    assert sweep_orphans(store, folder / "none") == 0
