"""What a calibration must not take: sound that it holds already, and scores of another model.

The same second twice is no more evidence, only a longer claim. Scores of another bundle or detector have another scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anomaly.alerts.records import ScoreRow
from anomaly.detect.calibration_versions import Source
from anomaly.errors import InputError


@dataclass(frozen=True)
class Gathered:
    """New sound for a calibration, and what of it was left out.

    Args:
        source: what is new.
        held_s: seconds left out because the calibration holds them already, or they were given twice.
    """

    source: Source
    held_s: int = 0

    def reasons(self) -> list[str]:
        """What was left out and why, in words; empty where nothing was."""
        held = f"{self.held_s} s left out: the calibration holds them already, or they were given twice"
        return [held] if self.held_s else []

    def check_any(self) -> None:
        """Refuse to add nothing at all; `--force` is no help there.

        Raises:
            InputError: not one second is new.
        """
        if self.source.seconds == 0:
            raise InputError(
                "; ".join(["holds no second of new sound that can be used", *self.reasons()]),
                where=self.source.what,
                hint="give other sound with --from, or wait until the monitor has heard more",
            )


def new_recordings(
    recordings: Iterable[tuple[float, ...]], held: Iterable[Source]
) -> tuple[tuple[tuple[float, ...], ...], int]:
    """Recordings that no source holds, each once, and the seconds of the others.

    The scores of a recording are its fingerprint: a bundle gives the same sound the same scores to the last bit,
    whatever the file is called.
    """
    known = {recording for source in held for recording in source.recordings}
    kept: list[tuple[float, ...]] = []
    left_out = 0
    for recording in recordings:
        if recording in known:
            left_out += len(recording)
            continue
        known.add(recording)
        kept.append(recording)
    return tuple(kept), left_out


def new_rows(rows: Sequence[ScoreRow], held: Iterable[Source]) -> list[ScoreRow]:
    """Rows of seconds in no time span that a source has already taken from the monitor's memory."""
    spans = [(source.begin_s, source.end_s) for source in held if source.kind == "since"]
    return [row for row in rows if not any(a <= row.time_s <= b for a, b in spans)]
