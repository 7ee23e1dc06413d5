"""Versions of a calibration: added, found, reverted, bound to their bundle, refused when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.calibration.versions import CalibrationVersion, CalibrationVersions, Source
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling
from anomaly.errors import ConfigError, ModelError, UsageError

POOLING = fit_pooling(list(np.random.default_rng(0).gamma(2.0, 0.5, (20, 31, 2 * SUB_BAND_GROUPS))), "log")
RANDOM = np.random.default_rng(1)
OWN = calibrate(POOLING, list(RANDOM.normal(0, 1, (5, 60))))
LOUDER = Source("from", "louder.wav", 0.0, 0.0, (tuple(RANDOM.normal(3, 1, 150).tolist()),))
CASE = Source("feedback", "c" * 32, 10.0, 40.0, ((9.0,) * 30,))


@pytest.fixture
def versions(tmp_path: Path) -> CalibrationVersions:
    return CalibrationVersions(tmp_path / "state", "pump", "student")


def test_there_are_none_at_first(versions: CalibrationVersions) -> None:
    assert (versions.current, versions.all(), versions.in_use("abc")) == (0, [], None)
    assert not versions.folder.exists()


def test_a_version_comes_back_bit_for_bit(versions: CalibrationVersions) -> None:
    made = versions.add("abc", [LOUDER, CASE], by="ann", reason="a new pump room")
    assert (made.number, made.by, made.reason, made.alone) == (1, "ann", "a new pump room", False)
    assert versions.in_use("abc") == made
    assert versions.all() == [made]


def test_what_it_makes_of_the_bundles_own(versions: CalibrationVersions) -> None:
    found = versions.add("abc", [LOUDER, CASE], by="ann", reason="").calibration(OWN)
    assert len(found.scores) == 300 + 150 + 30
    # Blocks of a minute of what was added, and the case as it was.
    assert [len(r) for r in found.sequences] == [60] * 5 + [60, 60, 30] + [30]
    assert found.pooling is OWN.pooling
    assert found.p_value(4.0) > 5 * OWN.p_value(4.0)
    assert found.floor > 0
    assert found.limit(1.0).value >= 1.1 * found.floor
    assert (len(OWN.scores), OWN.floor) == (300, 0.0)


def test_alone_leaves_the_bundles_own_out(versions: CalibrationVersions) -> None:
    found = versions.add("abc", [LOUDER], by="ann", reason="", alone=True).calibration(OWN)
    assert len(found.scores) == 150


def test_nothing_at_all_is_no_calibration(versions: CalibrationVersions) -> None:
    with pytest.raises(ModelError, match="no sound"):
        versions.add("abc", [], by="ann", reason="", alone=True).calibration(OWN)


def test_an_old_bundle_can_only_be_replaced(versions: CalibrationVersions) -> None:
    values = OWN.to_dict()
    for key in ("order", "lengths"):
        del values[key]
    old = Calibration.from_dict(values)
    with pytest.raises(ModelError, match="in order") as caught:
        versions.add("abc", [LOUDER], by="ann", reason="").calibration(old)
    assert caught.value.hint is not None
    assert "--replace" in caught.value.hint
    assert len(versions.add("abc", [LOUDER], by="ann", reason="", alone=True).calibration(old).scores) == 150


def test_back_and_forth(versions: CalibrationVersions) -> None:
    first = versions.add("abc", [LOUDER], by="ann", reason="first")
    second = versions.add("abc", [LOUDER, CASE], by="bob", reason="second")
    assert versions.in_use("abc") == second
    versions.revert(1)
    assert versions.in_use("abc") == first
    versions.revert(0)
    assert versions.in_use("abc") is None
    # A number is never used again, and nothing is lost.
    third = versions.add("abc", [CASE], by="ann", reason="third")
    assert [version.number for version in versions.all()] == [1, 2, 3]
    assert versions.in_use("abc") == third
    with pytest.raises(UsageError, match="no calibration 9") as caught:
        versions.revert(9)
    assert caught.value.hint == "there are 0, 1, 2, 3"


def test_another_bundle_has_its_own(versions: CalibrationVersions) -> None:
    versions.add("abc", [LOUDER], by="ann", reason="")
    assert versions.in_use("def") is None


def test_machines_and_detectors_do_not_share(tmp_path: Path) -> None:
    one = CalibrationVersions(tmp_path, "pump", "student")
    one.add("abc", [LOUDER], by="ann", reason="")
    assert CalibrationVersions(tmp_path, "fan", "student").all() == []
    assert CalibrationVersions(tmp_path, "pump", "teacher").all() == []
    with pytest.raises(ConfigError):
        CalibrationVersions(tmp_path, "../pump", "student")


@pytest.mark.parametrize("damage", ["one digit", "cut short", "no object", "a number as text"])
def test_a_damaged_file_is_named_with_the_way_back(versions: CalibrationVersions, damage: str) -> None:
    versions.add("abc", [LOUDER], by="ann", reason="")
    path = versions.folder / "0001.json"
    text = path.read_text()
    facts = json.loads(text)
    changed = {
        "one digit": text.replace('"begin_s": 0.0', '"begin_s": 1.0'),
        "cut short": text[:200],
        "no object": "[]",
        "a number as text": json.dumps(facts | {"number": "1"}),
    }
    path.write_text(changed[damage])
    with pytest.raises(ModelError) as caught:
        versions.in_use("abc")
    assert str(caught.value.where).endswith("0001.json")
    assert "--revert" in (caught.value.hint or "")


def test_a_damaged_pointer_is_named(versions: CalibrationVersions) -> None:
    versions.add("abc", [LOUDER], by="ann", reason="")
    (versions.folder / "current").write_text("one")
    with pytest.raises(ModelError, match="in use"):
        versions.in_use("abc")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "calibrations").write_text("in the way")
    with pytest.raises(ConfigError):
        CalibrationVersions(tmp_path, "pump", "student").add("abc", [LOUDER], by="ann", reason="")


def test_a_version_is_what_it_says() -> None:
    version = CalibrationVersion(1, "abc", "2027-01-15T08:00:00Z", "ann", "", False, (LOUDER,))
    assert [source.seconds for source in version.sources] == [150]
