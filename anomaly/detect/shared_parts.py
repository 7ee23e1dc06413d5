"""Readers of the parts of a bundle that all its detectors share: front end, operating states, microphone."""

from __future__ import annotations

from typing import Any

from anomaly.audio.files.format_reference import FormatReference
from anomaly.audio.sensor.reference import SensorReference
from anomaly.bundle import Bundle
from anomaly.bundle.parts import CALIBRATION
from anomaly.detect.operating.states import OperatingStates
from anomaly.errors import ModelError
from anomaly.features.front_end import FrontEnd
from anomaly.features.level_reference import LevelReference


def front_end_of(bundle: Bundle) -> FrontEnd:
    """Return the front end of a bundle.

    Raises:
        ModelError: it was made by another front end, or a setting makes no sense.
    """
    return FrontEnd.from_dict(dict(bundle.manifest.front_end))


def operating_states_of(bundle: Bundle, values: dict[str, Any]) -> OperatingStates | None:
    """Return the operating states in the content of ``calibration.json``; None in older bundles.

    Raises:
        ModelError: they make no sense.
    """
    states = values.get("operating")
    if states is None:
        return None
    if not isinstance(states, dict):
        raise ModelError("the operating states are no object", where=bundle.path / CALIBRATION)
    return OperatingStates.from_dict(states)


def sensor_reference_of(values: dict[str, Any]) -> SensorReference | None:
    """Return spectrum and level of the microphone in training; None in older bundles.

    Raises:
        ModelError: they make no sense.
    """
    sensor = values.get("sensor")
    return None if sensor is None else SensorReference.from_dict(sensor)


def level_reference_of(values: dict[str, Any], front_end: FrontEnd) -> LevelReference | None:
    """Return the level of the training sound; None in older bundles, and where levels are normalised.

    Raises:
        ModelError: it makes no sense, or has other bands than the front end.
    """
    level = values.get("level")
    return None if level is None else LevelReference.from_dict(level, front_end.bands)


def format_reference_of(values: dict[str, Any]) -> FormatReference | None:
    """Return the formats of the training recordings; None in older bundles.

    Raises:
        ModelError: they make no sense.
    """
    formats = values.get("formats")
    return None if formats is None else FormatReference.from_dict(formats)
