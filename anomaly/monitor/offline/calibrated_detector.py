"""Detector of a machine as it runs: the bundle's scorer, the calibration in use, and the versions beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anomaly.bundle import open_bundle, versions
from anomaly.detect.calibration.versions import (
    CalibrationVersion,
    CalibrationVersions,
    Source,
    with_calibration_in_use,
)
from anomaly.detect.model import load_model
from anomaly.detect.scoring import Scorer
from anomaly.errors import UsageError
from anomaly.store.state_kinds import model_label


@dataclass(frozen=True, eq=False)
class CalibratedDetector:
    """A machine's detector with its calibrations.

    Args:
        machine: its name.
        own: the bundle's scorer with the bundle's calibration.
        scorer: with the calibration in use.
        calibrations: of this machine and detector.
        bundle: version of the bundle.
    """

    machine: str
    own: Scorer
    scorer: Scorer
    calibrations: CalibrationVersions
    bundle: str

    def add(
        self, sources: Sequence[Source], *, by: str, reason: str, alone: bool = False
    ) -> CalibrationVersion:
        """Write a version of the calibration and put it into use, once it is certain that it can be loaded.

        Args:
            sources: normal sound of the version.
            by: name of the operator.
            reason: kept with the version.
            alone: leave the bundle's own held-out sound out.

        Raises:
            ModelError: the bundle is too old to add to.
            ConfigError: it cannot be written.
        """
        draft = CalibrationVersion(0, self.bundle, "", by, reason, alone, tuple(sources))
        draft.calibration(self.own.calibration)
        return self.calibrations.add(self.bundle, sources, by=by, reason=reason, alone=alone)

    def with_calibration(self, number: int) -> Scorer:
        """Return the scorer with another version of its calibration; 0 is the bundle's own.

        Raises:
            UsageError: there is no such version, or it belongs to another bundle.
            ModelError: a file is damaged.
        """
        known = {v.number: v for v in self.calibrations.all() if v.bundle == self.bundle}
        if number != 0 and number not in known:
            listed = ", ".join(str(k) for k in [0, *known])
            raise UsageError(f"there is no calibration {number} for this bundle", hint=f"there are {listed}")
        own = self.own
        calibration = own.calibration if number == 0 else known[number].calibration(own.calibration)
        return own.with_calibration(calibration)

    @property
    def model(self) -> str:
        """Label of bundle and detector, as the store keeps it beside scores."""
        return model_label(self.own.detector.name, self.bundle)

    @property
    def version_in_use(self) -> CalibrationVersion | None:
        """Version of the calibration in use; None for the bundle's own."""
        return self.calibrations.in_use(self.bundle)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Normal sound that the calibration in use has added to the bundle's own."""
        version = self.version_in_use
        return () if version is None else version.sources

    @property
    def alone(self) -> bool:
        """Return whether the calibration in use leaves the bundle's own sound out."""
        version = self.version_in_use
        return version is not None and version.alone


def load_calibrated_detector(
    folder: Path, state_dir: Path, machine: str, detector: str
) -> CalibratedDetector:
    """Load a machine's detector with the calibration in use.

    Args:
        folder: of the bundle that scores the machine.
        state_dir: where calibrations are kept.
        machine: its name.
        detector: its name, such as student.

    Raises:
        ModelError: bundle or calibration cannot be used.
    """
    model = load_model(open_bundle(folder), (detector,), state_dir=state_dir, machine=machine)
    own = model.scorer(detector)
    bundle = versions.version_of(folder)
    scorer = with_calibration_in_use(own, state_dir, machine, bundle)
    return CalibratedDetector(machine, own, scorer, CalibrationVersions(state_dir, machine, detector), bundle)
