"""Scorers of a bundle by the name of their detector, each loaded when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from anomaly.bundle import Bundle
from anomaly.bundle.parts import CALIBRATION, read_calibration
from anomaly.detect.calibration.base import read_base_calibration
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.detectors.registry import detector_kind, load_detector
from anomaly.detect.operating.confirmed_stops import read_confirmed_stops, with_confirmed_stops
from anomaly.detect.operating.states import OperatingStates
from anomaly.detect.scoring import Scorer
from anomaly.detect.shared_parts import level_reference_of, operating_states_of
from anomaly.detector_names import detector_names
from anomaly.errors import ModelError
from anomaly.features.front_end import FrontEnd


class BundleScorers(Mapping[str, Scorer]):
    """The calibrated detectors of a bundle.

    A detector is calibrated by its part of ``calibration.json``, or else by the base calibration that was made for
    this bundle afterwards (`anomaly.detect.calibration.base`).

    Args:
        bundle: an opened bundle.
        front_end: its front end.
        state_dir: folder of base calibrations; None if there are none to be used.
        machine: name under which they were made.
    """

    def __init__(self, bundle: Bundle, front_end: FrontEnd, state_dir: Path | None, machine: str) -> None:
        self._bundle, self._front_end = bundle, front_end
        self._state_dir, self._machine = state_dir, machine
        self.calibration_file = read_calibration(bundle)
        self._loaded: dict[str, Scorer] = {}

    def __getitem__(self, name: str) -> Scorer:
        """Return the scorer of a detector.

        Raises:
            KeyError: no calibration for it is known.
            ModelError: detector, calibration and front end do not fit each other, or one cannot be read.
        """
        if name not in self._loaded:
            calibration = self._calibration(name)
            if calibration is None:
                raise KeyError(name)
            detector = load_detector(self._bundle, name)
            check_fit(self._bundle, name, detector, calibration, self._front_end)
            self._loaded[name] = Scorer(
                self._front_end,
                detector,
                calibration,
                self._operating_states(),
                level_reference_of(self.calibration_file, self._front_end),
            )
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        """Return whether a detector is calibrated, without loading it."""
        return isinstance(name, str) and name in detector_names() and self._calibration(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (name for name in detector_names() if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _operating_states(self) -> OperatingStates | None:
        states = operating_states_of(self._bundle, self.calibration_file)
        if self._state_dir is None:
            return states
        return with_confirmed_stops(states, read_confirmed_stops(self._state_dir, self._machine))

    def _calibration(self, name: str) -> Calibration | None:
        part = self.calibration_file.get(name)
        if isinstance(part, dict):
            return Calibration.from_dict(part)
        if self._state_dir is None:
            return None
        return read_base_calibration(self._state_dir, self._machine, name, self._bundle)


def check_fit(
    bundle: Bundle, name: str, detector: Detector, calibration: Calibration, front_end: FrontEnd
) -> None:
    """Check that a detector, its calibration and the front end belong together.

    Raises:
        ModelError: shapes or pooling scale differ.
    """
    pooling, kind = calibration.pooling, detector_kind(name)
    calibrated = pooling.groups * pooling.kinds
    if detector.bands != front_end.bands or detector.channels != calibrated or pooling.groups != kind.groups:
        raise ModelError(
            f"the {name} has {detector.bands} bands and {detector.channels} channels, the front end "
            f"{front_end.bands} and the calibration {calibrated}",
            where=bundle.path,
            hint="train again",
        )
    if pooling.scale not in kind.scales:
        raise ModelError(
            f"the {name} is calibrated on the scale {pooling.scale!r}",
            where=bundle.path / CALIBRATION,
            hint="train again",
        )
