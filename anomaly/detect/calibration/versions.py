"""Versions of a calibration that are made after training: numbered, and stored outside the bundle.

    state/calibrations/pump/student/0001.json   one file for each version, never changed
    state/calibrations/pump/student/current     number of the version in use; 0 is the calibration of the bundle

A bundle stays as it was signed. A version holds the added normal sound, as scores in the order of time, and the version
of the bundle that it belongs to; both are combined when it is loaded. It changes tail probabilities and the limit,
never the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from anomaly import atomic
from anomaly.detect.calibration import checksummed
from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.scoring import Scorer
from anomaly.errors import ConfigError, ModelError, UsageError
from anomaly.workspace import machine_name

FOLDER, CURRENT = "calibrations", "current"
SourceKind = Literal["from", "since", "feedback"]
_BLOCK_S = 60


@dataclass(frozen=True)
class Source:
    """Normal sound added to a calibration.

    Args:
        kind: recordings (`from`), a time span of the monitor (`since`), or a case marked as normal (`feedback`).
        what: paths, the time span, or the case.
        begin_s: UNIX seconds of its begin; 0 for recordings.
        end_s: UNIX seconds of its end; 0 for recordings.
        recordings: scores per second of each uninterrupted stretch.
    """

    kind: SourceKind
    what: str
    begin_s: float
    end_s: float
    recordings: tuple[tuple[float, ...], ...]

    @property
    def seconds(self) -> int:
        """Number of seconds of sound."""
        return sum(len(recording) for recording in self.recordings)


@dataclass(frozen=True)
class CalibrationVersion:
    """One version of a calibration.

    Args:
        number: from 1.
        bundle: version of the bundle that it belongs to.
        created_at: ISO 8601, UTC.
        by: name of the user who made it.
        reason: free text.
        alone: whether the bundle's own held-out sound is left out.
        sources: added sound.
    """

    number: int
    bundle: str
    created_at: str
    by: str
    reason: str
    alone: bool
    sources: tuple[Source, ...]

    def calibration(self, own: Calibration) -> Calibration:
        """Return the calibration of this version, built on the bundle's own.

        Raises:
            ModelError: the bundle is too old to add to, or nothing is left.
        """
        if not self.alone and own.order is None:
            raise ModelError(
                "the bundle has not kept its held-out sound in order, so none can be added",
                hint="train again, or leave it out with --replace",
            )
        added = [part for s in self.sources if s.kind != "feedback" for part in _blocks(s)]
        marked = [np.array(r) for s in self.sources if s.kind == "feedback" for r in s.recordings]
        base = [] if self.alone else own.sequences
        if not (base or added or marked):
            raise ModelError("the calibration would hold no sound")
        return calibrate(own.pooling, [*base, *added], normal=marked)


def _blocks(source: Source) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Cut long stretches into blocks of a minute, as in training."""
    return [
        np.array(recording[start : start + _BLOCK_S])
        for recording in source.recordings
        for start in range(0, len(recording), _BLOCK_S)
    ]


class CalibrationVersions:
    """Numbered calibrations of one machine and detector, stored as files, and the number of the one in use.

    Args:
        state_dir: folder of the monitor's database.
        machine: name of the machine.
        detector: name of the detector.
    """

    def __init__(self, state_dir: Path, machine: str, detector: str) -> None:
        self.folder = state_dir / FOLDER / machine_name(machine) / machine_name(detector)

    def all(self) -> list[CalibrationVersion]:
        """Return all versions, oldest first.

        Raises:
            ModelError: a file is damaged.
        """
        return [_read(path) for path in sorted(self.folder.glob("[0-9][0-9][0-9][0-9].json"))]

    @property
    def current(self) -> int:
        """Number of the version in use; 0 for the bundle's own.

        Raises:
            ModelError: the file that holds it is damaged.
        """
        path = self.folder / CURRENT
        try:
            return int(path.read_text(encoding="ascii"))
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except (OSError, ValueError) as error:
            raise ModelError(
                f"does not say which calibration is in use: {error}",
                where=path,
                hint="say so with `anomaly calibrate --revert N`",
            ) from error

    def in_use(self, bundle: str) -> CalibrationVersion | None:
        """Return the version in use if it belongs to this bundle, else None.

        Raises:
            ModelError: a file is missing or damaged.
        """
        number = self.current
        if number == 0:
            return None
        found = _read(self.folder / f"{number:04d}.json")
        return found if found.bundle == bundle else None

    def add(
        self, bundle: str, sources: Sequence[Source], *, by: str, reason: str, alone: bool = False
    ) -> CalibrationVersion:
        """Write the next version and put it into use; older versions stay unchanged.

        Raises:
            ConfigError: the folder cannot be written.
        """
        numbers = [int(path.stem) for path in self.folder.glob("[0-9][0-9][0-9][0-9].json")]
        made = CalibrationVersion(
            max(numbers, default=0) + 1,
            bundle,
            datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            by,
            reason,
            alone,
            tuple(sources),
        )
        self._write(self.folder / f"{made.number:04d}.json", checksummed.dump(asdict(made)))
        self._use(made.number)
        return made

    def revert(self, number: int) -> None:
        """Put an earlier version into use, or the bundle's own with 0; newer versions are kept.

        Raises:
            UsageError: there is no such version.
            ConfigError: the folder cannot be written.
        """
        known = [version.number for version in self.all()]
        if number not in [0, *known]:
            listed = ", ".join(str(k) for k in [0, *known])
            raise UsageError(
                f"there is no calibration {number}", where="--revert", hint=f"there are {listed}"
            )
        self._use(number)

    def _use(self, number: int) -> None:
        self._write(self.folder / CURRENT, f"{number}\n".encode())

    def _write(self, path: Path, data: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot be made: {error.strerror}", where=self.folder) from error
        atomic.write_bytes(path, data)


def _read(path: Path) -> CalibrationVersion:
    try:
        facts = checksummed.load(path)
        sources = tuple(
            replace(Source(**s), recordings=tuple(tuple(map(float, r)) for r in s["recordings"]))
            for s in facts.pop("sources")
        )
        return CalibrationVersion(sources=sources, **facts)
    except checksummed.ERRORS as error:
        raise ModelError(
            f"is no calibration: {error}", where=path, hint="go back with `anomaly calibrate --revert N`"
        ) from error


def with_calibration_in_use(scorer: Scorer, state_dir: Path, machine: str, bundle: str) -> Scorer:
    """Return the scorer of a bundle with the calibration version in use; the scorer itself if that is the bundle's own.

    Args:
        scorer: of the bundle.
        state_dir: folder of the monitor's database.
        machine: name of the machine.
        bundle: version of the bundle, see `anomaly.bundle.versions.version_of`.

    Raises:
        ModelError: a file is missing or damaged, or does not go with the bundle.
    """
    found = CalibrationVersions(state_dir, machine, scorer.detector.name).in_use(bundle)
    if found is None:
        return scorer
    return scorer.with_calibration(found.calibration(scorer.calibration))
