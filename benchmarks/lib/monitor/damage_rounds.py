"""Many rounds of damage: each is noted as it ends, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from lib.monitor.store_content import leave_behind
from lib.monitor.store_faults import DamageRound, from_line, run_round, to_line
from lib.progress import log

_SHARED_MEMORY = Path("/dev/shm")
_REPORT_EVERY = 50
# Order matters: the first pattern that is found names the damage.
_PLACES = (
    ("cut", r"\bcut"),
    ("removed", r"\bremoved"),
    ("log", r"\bwal\b"),
    ("shared memory", r"\bshm\b"),
    ("header", r"\bheader page"),
    ("free list", r"\bfree list page"),
    ("any page", r"\bany page"),
    ("table or index", r"\bpage"),
)


def quick_folder() -> Path | None:
    """Folder in memory, if there is one: on a disk, syncing takes most of the time, and damages nothing more."""
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None


def run_rounds(seed: int, rounds: int, notes: Path) -> list[DamageRound]:
    """Run the rounds of a seed that are not noted yet; return all.

    Args:
        seed: of the content and of the damage.
        rounds: how many.
        notes: file with a line for each round that has ended; it is made.
    """
    done = {one.number: one for one in _noted(notes)}
    missing = [number for number in range(rounds) if number not in done]
    if not missing:
        return [done[number] for number in range(rounds)]
    if len(missing) < rounds:
        log(f"seed {seed}: {rounds - len(missing)} of {rounds} rounds are noted already")
    notes.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=quick_folder()) as name, notes.open("a", encoding="utf-8") as file:
        earlier = leave_behind(Path(name) / "earlier", seed)
        for number in missing:
            done[number] = run_round(earlier, seed, number, Path(name) / "round")
            file.write(to_line(done[number]) + "\n")
            file.flush()
            if len(done) % _REPORT_EVERY == 0:
                failed = sum(one.failed for one in done.values())
                log(f"seed {seed}: {len(done)} of {rounds} rounds, {failed} with a loss or a crash")
    return [done[number] for number in range(rounds)]


def _noted(notes: Path) -> list[DamageRound]:
    """Rounds that have ended; the last line of a run that was killed may be half a line."""
    if not notes.is_file():
        return []
    lines = notes.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        notes.write_text("".join(whole), encoding="utf-8")
    return [from_line(line) for line in whole]


def figures(rounds: Sequence[DamageRound]) -> dict[str, Any]:
    """Sum up rounds."""
    described = [one for done in rounds for one in done.damages]
    places = Counter(place for text in described for place in _places(text))
    return {
        "rounds": len(rounds),
        "damages_before_service": sum(text.startswith("before") for text in described),
        "damages_during_service": sum(text.startswith("during") for text in described),
        "damaged": {name: places[name] for name, _ in _PLACES},
        "set_aside": sum(done.set_aside for done in rounds),
        "decided_alerts": sum(done.decided for done in rounds),
        "crashes": sum(len(done.crashes) for done in rounds),
        "lost_alerts": sum(done.lost for done in rounds),
        "doubled_alerts": sum(done.doubled for done in rounds),
        "altered_keys": sum(done.altered for done in rounds),
        "repeated_with_key": sum(done.repeated for done in rounds),
        "restarts_after_cut_shared_memory": sum(done.restarts for done in rounds),
        "undrained": sum(done.undrained for done in rounds),
        "median_round_s": round(median(done.seconds for done in rounds), 3),
        "worst_round_s": round(max(done.seconds for done in rounds), 1),
    }


def _places(described: str) -> list[str]:
    parts = described.partition(": ")[2].split(", ")
    found = (next((name for name, pattern in _PLACES if re.search(pattern, part)), None) for part in parts)
    return [name for name in found if name is not None]
