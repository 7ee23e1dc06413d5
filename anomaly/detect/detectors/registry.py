"""Registry of detectors: what a detector needs to be loaded from a bundle, for the built-in ones and for others.

A package of your own adds a detector without any change here. It defines a `DetectorKind` and registers it under the
detector's name, in its ``pyproject.toml``::

    [project.entry-points."anomaly.detectors"]
    energy = "my_package.energy:KIND"

Then ``--detector energy`` and ``detector: energy`` select it wherever a detector can be named.
`anomaly.detect.detectors.testing` holds the contract that it must fulfil.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anomaly.bundle import Bundle
from anomaly.detect.detectors import student, teacher
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.pooling import SUB_BAND_GROUPS, Scale
from anomaly.detector_names import detector_entry_point, detector_names
from anomaly.errors import AnomalyError, ModelError


@dataclass(frozen=True)
class DetectorKind:
    """Description of a detector: how it is loaded, and how its error levels are pooled.

    Args:
        load: builds the detector for a bundle, `Bundle.read` returning the content of its files; raises
            `anomaly.errors.ModelError` where the bundle does not hold what the detector needs.
        scales: pooling scales that suit its error levels (`anomaly.detect.pooling`); a new calibration has the first.
        groups: sub-band groups of its error levels, a divisor of 128.
    """

    load: Callable[[Bundle], Detector]
    scales: tuple[Scale, ...]
    groups: int = SUB_BAND_GROUPS


_BUILT_IN = {
    "student": DetectorKind(student.load, ("count", "root")),
    "teacher": DetectorKind(teacher.load, ("log",)),
}


def detector_kind(name: str) -> DetectorKind:
    """Return the description of a detector, built-in or registered by a package.

    Raises:
        ModelError: there is no such detector, or its package cannot be imported.
        ConfigError: several packages register it.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    point = detector_entry_point(name)
    if point is None:
        raise ModelError(f"there is no detector {name!r}", hint=f"installed: {', '.join(detector_names())}")
    try:
        kind = point.load()
    except Exception as error:
        # A package of somebody else may fail in any way; the program goes on without it.
        raise ModelError(f"the detector {name!r} cannot be imported: {error}", where=point.value) from error
    if not isinstance(kind, DetectorKind):
        raise ModelError(
            f"the detector {name!r} is no DetectorKind but {type(kind).__name__}", where=point.value
        )
    return kind


def load_detector(bundle: Bundle, name: str) -> Detector:
    """Load a detector for a bundle.

    Raises:
        ModelError: there is no such detector, or the bundle does not hold what it needs.
        ConfigError: several packages register it.
    """
    try:
        detector = detector_kind(name).load(bundle)
    except AnomalyError:
        raise
    except Exception as error:
        raise ModelError(f"the detector {name!r} cannot be loaded: {error!r}", where=bundle.path) from error
    if detector.name != name:
        raise ModelError(f"the detector {name!r} calls itself {detector.name!r}", where=bundle.path)
    return detector
