"""Calibration filter: leaves out sound that a calibration holds already, and scores of another model.

A second that counts twice would claim more evidence than there is. Scores of another bundle or detector have another
scale.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from anomaly.detect.calibration.versions import Source
from anomaly.errors import InputError
from anomaly.readable import duration
from anomaly.store.database.rows import ScoreRow, StateRow


@dataclass(frozen=True)
class CalibrationInput:
    """New sound for a calibration, and the seconds that the filter left out of it.

    Args:
        source: the new sound.
        duplicate_s: seconds that the calibration holds already, or that came twice.
        other_model_s: seconds that another model scored, or for which the model is not known.
        remarks: sentences on recordings that were taken although they break off or have another format than usual.
    """

    source: Source
    duplicate_s: int = 0
    other_model_s: int = 0
    remarks: tuple[str, ...] = ()

    def exclusions(self) -> list[str]:
        """Sentences on what was left out and the reason, and on faults of what was taken; empty without any."""
        sentences = list(self.remarks)
        if self.duplicate_s:
            sentences.append(
                f"{duration(self.duplicate_s)} left out: the calibration holds them already, or they came twice"
            )
        if self.other_model_s:
            sentences.append(
                f"{duration(self.other_model_s)} left out: another bundle or detector scored them, or a monitor "
                "that did not record which; for sound of that time use --from"
            )
        return sentences

    def require_new_sound(self) -> None:
        """Refuse an input without a single new second, which `--force` cannot change.

        Raises:
            InputError: not one second is new.
        """
        if self.source.seconds == 0:
            raise InputError(
                "; ".join(["holds no second of new sound that can be used", *self.exclusions()]),
                where=self.source.what,
                hint="name other recordings with --from, or wait until the monitor has scored more",
            )


def new_recordings(
    recordings: Iterable[tuple[float, ...]], sources: Iterable[Source]
) -> tuple[tuple[tuple[float, ...], ...], int]:
    """Return the recordings that no source holds, each once, and the number of seconds of the others.

    The scores of a recording are its fingerprint: a bundle gives the same sound the same scores to the last bit,
    whatever the name of the file.

    Args:
        recordings: scores per second of each.
        sources: of the calibration.
    """
    known = {recording for source in sources for recording in source.recordings}
    new: list[tuple[float, ...]] = []
    duplicate_s = 0
    for recording in recordings:
        if recording in known:
            duplicate_s += len(recording)
            continue
        known.add(recording)
        new.append(recording)
    return tuple(new), duplicate_s


def new_rows(rows: Sequence[ScoreRow], sources: Iterable[Source]) -> list[ScoreRow]:
    """Return the rows outside all time spans that a source has already taken from the store."""
    spans = [(source.begin_s, source.end_s) for source in sources if source.kind == "since"]
    return [row for row in rows if not any(begin_s <= row.time_s <= end_s for begin_s, end_s in spans)]


def rows_of_model(rows: Sequence[ScoreRow], changes: Sequence[StateRow], model: str) -> list[ScoreRow]:
    """Return the rows that a model scored.

    Args:
        rows: of one machine.
        changes: its states of the kind `StateKind.MODEL`, oldest first; before the first the model is not known.
        model: see `model_label`.
    """
    scored_by_model = model_predicate(changes, model)
    return [row for row in rows if scored_by_model(row.time_s)]


def model_predicate(changes: Sequence[StateRow], model: str) -> Callable[[float], bool]:
    """Return the predicate "this model scored at this UNIX time"; arguments as of `rows_of_model`."""
    begins_s = [change.time_s for change in changes]
    models = ["", *(change.state for change in changes)]
    return lambda time_s: models[bisect_right(begins_s, time_s)] == model
