"""Stops that a person has confirmed: kept, read back, refused when damaged."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
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


def test_the_file_is_json_of_a_version(tmp_path: Path) -> None:
    add_confirmed_stop(tmp_path, "pump", STOP)
    assert json.loads((tmp_path / "confirmed-stops/pump.json").read_text()) == {
        "version": 1,
        "stops": [
            {"levels_db": [-50.0] * 8, "by": "ann", "at": "2027-01-15T08:00:00Z", "case": "ab"},
        ],
    }


def test_the_last_fifty_are_kept(tmp_path: Path) -> None:
    stops = [replace(STOP, case=str(number)) for number in range(51)]
    path = confirmed_stops_path(tmp_path, "pump")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"version": 1, "stops": [asdict(stop) for stop in stops[:49]]}))
    for stop in stops[49:]:
        add_confirmed_stop(tmp_path, "pump", stop)
    assert read_confirmed_stops(tmp_path, "pump") == stops[1:]


def test_states_know_them(tmp_path: Path) -> None:
    known = with_confirmed_stops(STATES, [STOP])
    assert known is not None
    assert known.is_confirmed_stop(np.full(OPERATING_BANDS, -48.0))
    assert not known.is_confirmed_stop(np.full(OPERATING_BANDS, -40.0))
    assert not STATES.is_confirmed_stop(np.full(OPERATING_BANDS, -50.0))
    assert with_confirmed_stops(None, [STOP]) is None
    assert with_confirmed_stops(STATES, []) is STATES


def file_of(*levels_db: list[float]) -> str:
    stops = [{"levels_db": levels, "by": "", "at": "", "case": ""} for levels in levels_db]
    return json.dumps({"version": 1, "stops": stops})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"stops": [1]}',
        file_of([1.0]),
        file_of([1.0] * OPERATING_BANDS, [1.0]),
        file_of([1.0] * OPERATING_BANDS, [math.nan] * OPERATING_BANDS),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = confirmed_stops_path(tmp_path, "pump")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ModelError, match=r"pump\.json") as caught:
        read_confirmed_stops(tmp_path, "pump")
    assert "confirm the stops again with `anomaly feedback CASE --normal`" in caught.value.hint
