"""Base calibration of a detector that a bundle holds none for, such as one from another package.

    state/calibrations/pump/energy/base-0123456789ab.json   for the bundle of this version

The bundle stays as it was signed. Versions of the calibration (`anomaly.detect.calibration.versions`) build on the base
as they build on a bundle's own calibration, which is number 0 there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress
from pathlib import Path

from anomaly import atomic
from anomaly.audio.files.recordings import blocks
from anomaly.audio.sensor.health import check_second
from anomaly.bundle import Bundle
from anomaly.bundle.parts import read_calibration
from anomaly.bundle.versions import version_of
from anomaly.detect.calibration import checksummed
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.cross_fit import calibrate_on_errors
from anomaly.detect.calibration.versions import CalibrationVersions
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.detectors.registry import detector_kind, load_detector
from anomaly.detect.operating.ramp import recording_decision_mask
from anomaly.detect.operating.states import segment_spectra
from anomaly.detect.scoring import level_errors, recording_levels
from anomaly.detect.shared_parts import front_end_of, level_reference_of, operating_states_of
from anomaly.errors import InputError, ModelError
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples

# A long recording counts as blocks of a minute, as in training.
_BLOCK_S = 60
_LEAST_S = 60
_DEAD_MICROPHONE = ("silent", "constant")


def calibrate_bundle_detector(bundle: Bundle, name: str, recordings: Iterable[Samples]) -> Calibration:
    """Calibrate a detector on normal sound that it was not fitted on.

    Args:
        bundle: of the machine.
        name: of the detector, in the registry.
        recordings: mono sound, each [n], float32, 16 kHz; seconds of a dead microphone are left out.

    Returns:
        A calibration for `write_base_calibration`.

    Raises:
        ModelError: the detector cannot be loaded, or its shape does not fit the bundle.
        InputError: there is less than a minute of sound.
    """
    kind, detector = detector_kind(name), load_detector(bundle, name)
    front_end = front_end_of(bundle)
    _check_shape(name, detector, kind.groups, front_end)
    values = read_calibration(bundle)
    states, level = operating_states_of(bundle, values), level_reference_of(values, front_end)
    errors, decided = [], []
    for samples in _blocks(recordings):
        seconds = len(samples) // SAMPLE_RATE_HZ
        levels = recording_levels(samples, front_end, level)
        taken = [True] * seconds
        if states is not None:
            taken = recording_decision_mask(states, segment_spectra(levels, seconds, front_end))
        alive = [_is_alive(samples, second) for second in range(seconds)]
        errors.append(list(compress(level_errors(levels, seconds, front_end, detector), alive)))
        decided.append(list(compress(taken, alive)))
    usable_s = sum(map(len, errors))
    if usable_s < _LEAST_S:
        raise InputError(f"holds {usable_s} s of sound that can be used", hint=f"give at least {_LEAST_S} s")
    return calibrate_on_errors(errors, kind.scales[0], decided, kind.groups)


def calibrate_files(bundle: Bundle, name: str, files: Iterable[Path]) -> Calibration:
    """Calibrate a detector on recordings of normal sound, of any length and rate; memory stays bounded by their errors.

    Raises:
        InputError: a file cannot be read, or there is less than a minute of sound.
        ModelError: as for `calibrate_bundle_detector`.
    """
    return calibrate_bundle_detector(
        bundle, name, (part for path in files for part in blocks(path, block_s=_BLOCK_S))
    )


@dataclass(frozen=True, eq=False)
class BaseCalibration:
    """A base calibration as it was written.

    Args:
        machine: name under which it is looked up.
        detector: name of the detector.
        created_at: ISO 8601, UTC.
        by: who made it.
        reason: what for.
        calibration: itself.
    """

    machine: str
    detector: str
    created_at: str
    by: str
    reason: str
    calibration: Calibration


def write_base_calibration(
    state_dir: Path,
    machine: str,
    name: str,
    bundle: Bundle,
    calibration: Calibration,
    *,
    by: str = "",
    reason: str = "",
) -> BaseCalibration:
    """Write the base calibration of a detector for this version of a bundle, in the place of an earlier one.

    Args:
        state_dir: folder of the monitor's database.
        machine: name under which it will be looked up.
        name: of the detector.
        bundle: that it was made for.
        calibration: from `calibrate_bundle_detector`.
        by: who made it.
        reason: what for.

    Raises:
        ConfigError: the folder cannot be written.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    made = BaseCalibration(machine, name, now, by, reason, calibration)
    facts = {"bundle": version_of(bundle.path), **vars(made), "calibration": calibration.to_dict()}
    atomic.write_bytes(_path(state_dir, machine, name, bundle), checksummed.dump(facts))
    return made


def read_base_calibration(state_dir: Path, machine: str, name: str, bundle: Bundle) -> Calibration | None:
    """Read the base calibration of a detector for this version of a bundle; None if there is none.

    Raises:
        ModelError: the file is damaged.
    """
    path = _path(state_dir, machine, name, bundle)
    try:
        return Calibration.from_dict(checksummed.load(path)["calibration"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except checksummed.ERRORS as error:
        hint = f"remove it, then `anomaly calibrate --detector {name} --from RECORDINGS`"
        raise ModelError(f"is no calibration: {error}", where=path, hint=hint) from error


def _path(state_dir: Path, machine: str, name: str, bundle: Bundle) -> Path:
    folder = CalibrationVersions(state_dir, machine, name).folder
    return folder / f"base-{version_of(bundle.path)}.json"


def _check_shape(name: str, detector: Detector, groups: int, front_end: FrontEnd) -> None:
    if detector.bands != front_end.bands:
        raise ModelError(f"the {name} has {detector.bands} bands, the front end {front_end.bands}")
    if detector.channels < 1 or detector.channels % groups:
        raise ModelError(f"the {name} has {detector.channels} channels, which do not make {groups} groups")


def _blocks(recordings: Iterable[Samples]) -> Iterator[Samples]:
    """Cut recordings into blocks of at most a minute and at least a second."""
    for samples in recordings:
        for start in range(0, len(samples), _BLOCK_S * SAMPLE_RATE_HZ):
            block = samples[start : start + _BLOCK_S * SAMPLE_RATE_HZ]
            if len(block) >= SAMPLE_RATE_HZ:
                yield block


def _is_alive(samples: Samples, second: int) -> bool:
    part = samples[second * SAMPLE_RATE_HZ : (second + 1) * SAMPLE_RATE_HZ]
    return check_second(part).status not in _DEAD_MICROPHONE
