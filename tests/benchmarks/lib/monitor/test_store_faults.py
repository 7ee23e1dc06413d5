"""Random damage of the store: no crash, no decided alert lost, none sent twice under different keys."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lib.monitor import damage_rounds
from lib.monitor.damage_rounds import figures, run_rounds
from lib.monitor.page_damage import PAGE, damage
from lib.monitor.store_content import EarlierRun, leave_behind
from lib.monitor.store_faults import DamageRound


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder that is not synced to a disk."""
    with tempfile.TemporaryDirectory(dir=damage_rounds.quick_folder()) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def earlier(memory: Path) -> EarlierRun:
    return leave_behind(memory / "earlier", seed=1)


def test_random_damage_before_and_during_service(tmp_path: Path) -> None:
    rounds = run_rounds(20_000, 40, tmp_path / "notes.jsonl")
    found = figures(rounds)
    assert [one for one in rounds if one.failed] == []
    assert found["crashes"] == found["lost_alerts"] == found["doubled_alerts"] == found["altered_keys"] == 0
    # The rounds show something: files were damaged and replaced, and alerts were decided in spite of that.
    assert found["damages_before_service"] > 10
    assert found["damages_during_service"] > 60
    assert found["set_aside"] > 30
    assert found["decided_alerts"] > 300
    assert sum(found["damaged"].values()) > 100


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[int] = []

    def one(_: object, seed: int, number: int, work: Path) -> DamageRound:
        run.append(number)
        if len(run) == 3:
            raise KeyboardInterrupt
        return DamageRound(number, damages=[f"during: cut of {work.name}"], decided=seed)

    monkeypatch.setattr(damage_rounds, "run_round", one)
    notes = tmp_path / "notes.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_rounds(7, 5, notes)
    with notes.open("a") as file:
        file.write('{"number": 2, "dama')  # killed while it wrote
    rounds = run_rounds(7, 5, notes)
    assert run == [0, 1, 2, 2, 3, 4]
    assert [round.number for round in rounds] == [0, 1, 2, 3, 4]
    assert figures(rounds)["decided_alerts"] == 35
    assert figures(rounds)["damaged"]["cut"] == 5
    assert run_rounds(7, 5, notes) == rounds
    assert len(run) == 6


def test_the_content_is_realistic(earlier: EarlierRun) -> None:
    with closing(sqlite3.connect(earlier.clean / "anomaly.sqlite")) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        empty = [t for t in tables if connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] == 0]
        assert empty == []
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] > 10
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        waiting = connection.execute("SELECT count(*) FROM deliveries WHERE status = 'pending'").fetchone()[0]
    assert waiting == len(earlier.waiting) == 2
    assert (earlier.killed / "anomaly.sqlite-wal").stat().st_size > PAGE


def test_every_part_is_damaged_and_the_damage_is_repeatable(earlier: EarlierRun, memory: Path) -> None:
    originals = {file.name: file.read_bytes() for file in earlier.killed.iterdir() if file.is_file()}
    folder, described = memory / "damaged", list[str]()
    folder.mkdir()
    for seed in range(400):
        contents = []
        for _ in range(2 if seed < 40 else 1):
            for name, content in originals.items():
                (folder / name).write_bytes(content)
            described.append(damage(folder / "anomaly.sqlite", random.Random(seed)))
            contents.append({file.name: file.read_bytes() for file in folder.iterdir()})
        assert contents[0] == contents[-1]
    # All tables and indexes are hit, and all kinds of damage are done.
    with closing(sqlite3.connect(earlier.clean / "anomaly.sqlite")) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE rootpage > 0")]
    text = "\n".join(described)
    kinds = ["noise", "zeros", "bits", "scratched", "torn", "copied", "swapped", "cut", "removed"]
    places = [f"{name} page" for name in [*names, "header", "free list", "any"]] + ["wal at", "shm at"]
    assert [word for word in [*kinds, *places] if word not in text] == []


def test_nothing_to_damage(tmp_path: Path) -> None:
    assert damage(tmp_path / "none", random.Random(3)) == ""
    assert not (tmp_path / "none").exists()
