"""Kinds of stored states, and the texts that some of them hold."""

from __future__ import annotations

from enum import StrEnum


class StateKind(StrEnum):
    """Kind of state in a row of the table ``states``."""

    DECISION = "decision"
    """OK, WATCH, ALARM, or `NOT_JUDGED`."""
    SENSOR = "sensor"
    """Status of the sensor check."""
    OPERATING = "operating"
    """Operating state of the machine."""
    MODEL = "model"
    """Detector and bundle that score, see `model_label`."""
    RAMP = "ramp"
    """`RAMP_COUNTED` from the first to the last held second that proved to be no ramp, `RAMP_OVER` after it."""


JUDGED_STATES = ("OK", "WATCH", "ALARM")
"""States of the decision that say something about the machine; any other means that it is not judged."""
STALE_S = 30.0
"""Age of the newest stored score above which nothing is known of the machine; scores are stored every 10 s."""
NOT_JUDGED = "UNKNOWN"
"""Stored state of a second in which a sensor fault was in force."""

RAMP_COUNTED, RAMP_OVER = "counted", "over"


def model_label(detector: str, version: str) -> str:
    """Return what is stored of the model that scores; another calibration of it changes no score.

    Args:
        detector: its name.
        version: of the bundle, ``+N`` with the number of a later calibration.
    """
    return f"{detector} {version.partition('+')[0]}"
