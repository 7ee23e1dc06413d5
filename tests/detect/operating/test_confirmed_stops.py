"""Stops that a person has confirmed: kept, read back, refused when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly.detect.operating.confirmed_stops import (
    ConfirmedStop,
    add_confirmed_stop,
    confirmed_stops_path,
    read_confirmed_stops,
    with_confirmed_stops,
)
from anomaly.detect.operating.states import OPERATING_BANDS, OperatingStates
from anomaly.errors import ModelError

STOP = ConfirmedStop((-50.0,) * OPERATING_BANDS, "ann", "2027-01-15T08:00:00Z", "ab")
STATES = OperatingStates(np.zeros((1, OPERATING_BANDS)), np.ones((1, OPERATING_BANDS)), None, 8.0, 5)


def test_stops_are_added_and_read_back(tmp_path: Path) -> None:
    assert read_confirmed_stops(tmp_path, "pump") == []
    add_confirmed_stop(tmp_path, "pump", STOP)
    add_confirmed_stop(tmp_path, "pump", STOP)
    assert read_confirmed_stops(tmp_path, "pump") == [STOP, STOP]
    assert read_confirmed_stops(tmp_path, "fan") == []


def test_states_know_them(tmp_path: Path) -> None:
    known = with_confirmed_stops(STATES, [STOP])
    assert known is not None
    assert known.is_confirmed_stop(np.full(OPERATING_BANDS, -48.0))
    assert not known.is_confirmed_stop(np.full(OPERATING_BANDS, -40.0))
    assert not STATES.is_confirmed_stop(np.full(OPERATING_BANDS, -50.0))
    assert with_confirmed_stops(None, [STOP]) is None
    assert with_confirmed_stops(STATES, []) is STATES


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"stops": [1]}', '{"stops": [{"levels_db": [1], "by": "", "at": "", "case": ""}]}'],
)
def test_a_damaged_file_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = confirmed_stops_path(tmp_path, "pump")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ModelError, match=r"pump\.json"):
        read_confirmed_stops(tmp_path, "pump")
