"""State folder of a plant: many machines with a year of minutes, hours and states, made by SQLite itself."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from anomaly.store.database.database_file import connect
from anomaly.store.database.schema import MIGRATIONS
from anomaly.store.store import DATABASE_NAME, Store

_MINUTES = """
    WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n + 1 < ?2)
    INSERT INTO minutes SELECT ?1, ?3 + 60 * n, 60, 60, 0.4 + (n * 37 % 100) / 100.0, 1.5 + (n * 91 % 200) / 100.0,
        0.01, 0, n % 1000 = 0 FROM count"""
_HOURS = MIGRATIONS[6].statements[1]


def machine_names(count: int) -> list[str]:
    """Return the names of so many machines."""
    return [f"machine-{number:03}" for number in range(count)]


def make_plant(folder: Path, machines: int, days: float) -> None:
    """Write site file and database.

    Args:
        folder: of the site.
        machines: number of machines.
        days: length of the record of each, up to now.
    """
    names, minutes = machine_names(machines), int(days * 1_440)
    begin_s = int(time.time()) // 60 * 60 - 60 * minutes
    lines = [f"  {name}: {{device: 'hw:{at}', location: 'Hall {at // 25}'}}" for at, name in enumerate(names)]
    (folder / "site.yaml").write_text("machines:\n" + "\n".join(lines) + "\n")
    state = folder / "state"
    state.mkdir()
    Store.open(state / DATABASE_NAME).close()
    with closing(connect(state / DATABASE_NAME)) as database:
        # Seven gigabytes need no log while they are made.
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        for name in names:
            database.execute(_MINUTES, (name, minutes, begin_s))
            second = (name, time.time() - 5, 0, 0.5, 0.5, "OK")
            database.execute("INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?)", second)
            for kind, value in (("decision", "OK"), ("sensor", "ok"), ("operating", "running")):
                row = (name, kind, begin_s, value)
                database.execute("INSERT INTO states (machine, kind, time_s, state) VALUES (?, ?, ?, ?)", row)
        database.execute(_HOURS)
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")
