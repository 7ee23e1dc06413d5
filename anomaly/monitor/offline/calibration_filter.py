"""What a calibration must not take: sound that it holds already, and scores of another model.

The same second twice is no more evidence, only a longer claim. Scores of another bundle or detector have another scale.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from anomaly.detect.calibration.versions import Source
from anomaly.errors import InputError
from anomaly.store.rows import ScoreRow, StateRow


@dataclass(frozen=True)
class CalibrationInput:
    """New sound for a calibration, and what of it was left out.

    Args:
        source: what is new.
        held_s: seconds left out because the calibration holds them already, or they were given twice.
        other_s: seconds left out because another model scored them, or it is not known which.
    """

    source: Source
    held_s: int = 0
    other_s: int = 0

    def reasons(self) -> list[str]:
        """What was left out and why, in words; empty where nothing was."""
        held = f"{self.held_s} s left out: the calibration holds them already, or they were given twice"
        other = (
            f"{self.other_s} s left out: another bundle or detector scored them, or a monitor from before that was "
            "noted; for sound of that time use --from"
        )
        return [held] * bool(self.held_s) + [other] * bool(self.other_s)

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


def rows_of(rows: Sequence[ScoreRow], models: Sequence[StateRow], model: str) -> list[ScoreRow]:
    """Rows that this model scored.

    Args:
        rows: of one machine.
        models: its states of the kind `StateKind.MODEL`, oldest first; before the first nobody knows.
        model: see `model_label`.
    """
    ours = scored_when(models, model)
    return [row for row in rows if ours(row.time_s)]


def scored_when(models: Sequence[StateRow], model: str) -> Callable[[float], bool]:
    """Whether at a time this model scored; arguments as of `rows_of`."""
    begins = [change.time_s for change in models]
    known = ["", *(change.state for change in models)]
    return lambda time_s: known[bisect_right(begins, time_s)] == model


def new_rows(rows: Sequence[ScoreRow], held: Iterable[Source]) -> list[ScoreRow]:
    """Rows of seconds in no time span that a source has already taken from the monitor's memory."""
    spans = [(source.begin_s, source.end_s) for source in held if source.kind == "since"]
    return [row for row in rows if not any(a <= row.time_s <= b for a, b in spans)]
