"""Random page damage of the store: no crash, no decided alert lost, none sent twice under different keys."""

from __future__ import annotations

import random
from pathlib import Path

from lib.monitor.store_faults import PAGE, damage, inject


def test_random_page_damage_before_and_during_service() -> None:
    found = inject(36, seed=20_000)
    assert found.crashes == {}
    assert found.lost == found.doubled == 0
    # The rounds show something: files were damaged, and alerts were decided in spite of that.
    assert found.damages > 72
    assert found.set_aside > 36
    assert found.decided > 72


def test_the_damage_is_real_and_repeatable(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "other"):
        file = tmp_path / name
        file.write_bytes(bytes(range(256)) * (8 * PAGE // 256))
        damage(file, random.Random(3))
        contents.append(file.read_bytes())
    assert contents[0] == contents[1] != bytes(range(256)) * (8 * PAGE // 256)
    damage(tmp_path / "none", random.Random(3))
    assert not (tmp_path / "none").exists()
