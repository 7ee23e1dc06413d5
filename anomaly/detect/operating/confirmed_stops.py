"""Stops that training did not hold and a person has confirmed, kept beside the bundle in the state folder.

state/confirmed-stops/pump.json   {"version": 1, "stops": [{"levels_db": [...], "by": ..., "at": ...}]}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from anomaly import atomic
from anomaly.detect.operating.states import OPERATING_BANDS, OperatingStates
from anomaly.errors import ModelError
from anomaly.workspace import machine_name

FOLDER = "confirmed-stops"
_VERSION = 1
# More different stops than these no machine has.
_MAX_STOPS = 50
_HINT = "remove it, and confirm the stops again with `anomaly feedback CASE --normal`"


@dataclass(frozen=True)
class ConfirmedStop:
    """One confirmed stop.

    Args:
        levels_db: mean level per operating band, [OPERATING_BANDS].
        by: who confirmed it.
        at: when, ISO 8601 UTC.
        case: the case that it was confirmed with.
    """

    levels_db: tuple[float, ...]
    by: str
    at: str
    case: str = ""


def confirmed_stops_path(state_dir: Path, machine: str) -> Path:
    """Return the file of a machine."""
    return state_dir / FOLDER / f"{machine_name(machine)}.json"


def read_confirmed_stops(state_dir: Path, machine: str) -> list[ConfirmedStop]:
    """Read the confirmed stops of a machine; none where there is no file.

    Raises:
        ModelError: the file is damaged.
    """
    path = confirmed_stops_path(state_dir, machine)
    try:
        values = json.loads(path.read_bytes())
        stops = [_stop(stop) for stop in values["stops"]]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"cannot be read: {error}", where=path, hint=_HINT) from error
    if any(len(stop.levels_db) != OPERATING_BANDS or not np.isfinite(stop.levels_db).all() for stop in stops):
        raise ModelError("holds no levels of stops", where=path, hint=_HINT)
    return stops


def add_confirmed_stop(state_dir: Path, machine: str, stop: ConfirmedStop) -> None:
    """Add a stop to those of a machine.

    Raises:
        ModelError: the file is damaged.
        ConfigError: it cannot be written.
    """
    stops = [*read_confirmed_stops(state_dir, machine), stop][-_MAX_STOPS:]
    values = {"version": _VERSION, "stops": [asdict(one) for one in stops]}
    path = confirmed_stops_path(state_dir, machine)
    atomic.write_bytes(path, json.dumps(values, indent=1).encode())


def with_confirmed_stops(
    states: OperatingStates | None, stops: Sequence[ConfirmedStop]
) -> OperatingStates | None:
    """Return operating states that know these stops, too."""
    if states is None or not stops:
        return states
    return replace(states, confirmed_stops=np.array([stop.levels_db for stop in stops], dtype=np.float64))


def _stop(values: Any) -> ConfirmedStop:
    levels = tuple(float(level) for level in values["levels_db"])
    return ConfirmedStop(levels, str(values["by"]), str(values["at"]), str(values["case"]))
