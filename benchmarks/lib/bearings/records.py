"""Records of a manifest: the channel to diagnose, the facts of its bearing and its cause."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.files.recordings import read
from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.physics.machine_normal import Sound

BEARING_FAMILIES = ("inner-race", "outer-race", "ball")
LIFE = "run to failure"
_POSITIONS = {"drive end": "DE", "fan end": "FE"}
_GEOMETRY = ("balls", "ball_mm", "pitch_mm", "contact_deg")


@dataclass(frozen=True)
class LabelledRecord:
    """One row of a manifest.

    Args:
        path: the recording.
        fault: its cause; ``normal``, or ``run to failure``.
        machine: records of one source and bearing share it.
        rpm: speed, if stated.
        channel: number of the channel to diagnose.
        facts: geometry of the bearing.
        size_mil: size of the fault, for tables.
        load: load of the machine.
    """

    path: Path
    fault: str
    machine: str
    rpm: float | None
    channel: int
    facts: RotatingFacts
    size_mil: str
    load: str

    def sound(self) -> Sound:
        """Read the channel to diagnose."""
        recording = read(self.path, channel=self.channel)
        return Sound(recording.samples.astype(np.float64), recording.sample_rate_hz)


def read_manifest(folder: Path) -> list[LabelledRecord]:
    """Read ``manifest.csv`` of a folder."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [_record(folder, row) for row in csv.DictReader(file)]


def _record(folder: Path, row: dict[str, str]) -> LabelledRecord:
    bearing = {key: row[key] for key in _GEOMETRY if row.get(key)}
    names = row["channel_names"].split()
    wanted = next((short for words, short in _POSITIONS.items() if words in row["bearing"]), None)
    return LabelledRecord(
        folder / row["path"],
        row["fault"],
        "normal of " + (row["source"] if row["fault"] != LIFE else row["path"]) + row["bearing"],
        float(row["rpm"]) if row["rpm"] else None,
        names.index(wanted) if wanted in names else 0,
        RotatingFacts.model_validate({"bearings": [bearing]} if "balls" in bearing else {}),
        row["size_mil"],
        row["load_hp"],
    )
