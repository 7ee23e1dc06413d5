"""Model: a bundle in memory, its front end and its detectors ready to score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomaly.audio.files.format_reference import FormatReference
from anomaly.audio.sensor.reference import SensorReference
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.bundle import Bundle
from anomaly.bundle.parts import BITSTREAM, NETWORK, TEACHER
from anomaly.detect.bundle_scorers import BundleScorers
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.scoring import Scorer, recording_score
from anomaly.detect.shared_parts import format_reference_of, front_end_of, sensor_reference_of
from anomaly.detector_names import BUILT_IN_DETECTORS
from anomaly.errors import ModelError
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Samples
from chip.errors import ChipError
from chip.network import Network


@dataclass(frozen=True, eq=False)
class Model:
    """A machine's model.

    Args:
        machine: name of the machine it was trained for.
        front_end: settings of the front end.
        scorers: scorer of each calibrated detector, by name.
        sensor: spectrum and level of the microphone in training; None in a bundle without them.
        formats: formats of the training recordings; None in a bundle without them.
    """

    machine: str
    front_end: FrontEnd
    scorers: Mapping[str, Scorer]
    sensor: SensorReference | None = None
    formats: FormatReference | None = None

    def scorer(self, detector: str = "student") -> Scorer:
        """Return the scorer of a detector, loading the detector if it is not loaded yet.

        Raises:
            ModelError: the detector is not calibrated, or cannot be loaded.
        """
        try:
            return self.scorers[detector]
        except KeyError as error:
            raise ModelError(
                f"holds nothing for the {detector}",
                where=f"calibration of {self.machine}",
                hint=f"calibrate it with `anomaly calibrate --detector {detector} --from RECORDINGS`",
            ) from error

    def sensor_check(self) -> SensorCheck:
        """Return a new check of the microphone against the training sound."""
        return SensorCheck(self.sensor, gain_matters=not self.front_end.level_normalise)

    def score_clip(self, samples: Samples, *, detector: str = "student") -> float:
        """Return one score for a clip [n], float32, 16 kHz."""
        return recording_score(self.scorer(detector).recording(samples))


def load_model(
    bundle: Bundle,
    detectors: Iterable[str] = BUILT_IN_DETECTORS,
    *,
    state_dir: Path | None = None,
    machine: str | None = None,
) -> Model:
    """Load a bundle.

    Args:
        bundle: an opened bundle.
        detectors: detectors to load at once, so that errors in them appear here; others are loaded when their scorer is
            asked for. The teacher's runtime takes some 25 MiB of memory.
        state_dir: folder with base calibrations of detectors that the bundle does not calibrate.
        machine: name of the machine they were made for; default: that of the bundle.

    Raises:
        ModelError: a part is unreadable or does not fit the others.
    """
    front_end = front_end_of(bundle)
    # Read even if the teacher is not loaded: a bundle with a damaged file is refused as a whole.
    bundle.read(TEACHER)
    scorers = BundleScorers(bundle, front_end, state_dir, machine or bundle.manifest.machine)
    sensor = sensor_reference_of(scorers.calibration_file)
    formats = format_reference_of(scorers.calibration_file)
    model = Model(bundle.manifest.machine, front_end, scorers, sensor, formats)
    for name in detectors:
        model.scorer(name)
    return model


def check_model(bundle: Bundle) -> None:
    """Check that a bundle runs, and that its bitstream decodes to the trained network.

    Raises:
        ModelError: a part is unreadable, does not fit the others, or the decoded network is another one.
    """
    decoded = load_model(bundle).scorer("student").detector
    try:
        trained = Network.from_npz(bundle.read(NETWORK))
    except ChipError as error:
        raise ModelError(error.message, where=bundle.path / NETWORK, hint=error.hint) from error
    difference = trained.difference(decoded.network) if isinstance(decoded, StudentDetector) else None
    if difference is not None:
        raise ModelError(
            f"decodes to another network than {NETWORK}: {difference}",
            where=bundle.path / BITSTREAM,
            hint="train again",
        )
