"""The registry of detectors: built-in ones, those of installed packages, and packages that do it wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.bundle import open_bundle
from anomaly.detect.detectors.registry import detector_kind, load_detector
from anomaly.detector_names import check_detector_name, detector_names
from anomaly.errors import ConfigError, ModelError, UsageError

Install = Callable[..., Path]


def test_the_built_in_ones_come_first(install_detector: Install) -> None:
    assert detector_names() == ("student", "teacher")
    install_detector()
    assert detector_names() == ("student", "teacher", "deviation")
    assert (detector_kind("student").groups, detector_kind("deviation").groups) == (16, 4)


def test_a_name_that_nobody_registers(pump_bundle: Path) -> None:
    with pytest.raises(UsageError, match="no detector 'parrot'") as usage:
        check_detector_name("parrot")
    assert usage.value.hint == "one of student, teacher"
    with pytest.raises(ModelError, match="no detector 'parrot'") as model:
        load_detector(open_bundle(pump_bundle), "parrot")
    assert model.value.hint == "installed: student, teacher"


def test_a_built_in_name_cannot_be_taken(install_detector: Install, pump_bundle: Path) -> None:
    install_detector(name="student")
    assert detector_names() == ("student", "teacher")
    assert load_detector(open_bundle(pump_bundle), "student").channels > 4


def test_two_packages_with_one_name(install_detector: Install) -> None:
    install_detector()
    install_detector(package="other_detector")
    with pytest.raises(ConfigError, match="several packages register") as caught:
        detector_kind("deviation")
    assert caught.value.where == "deviation_detector, other_detector"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import package_that_nobody_has\n", "cannot be imported: No module named 'package_that_nobody_has'"),
        ("KIND = 3\n", "is no DetectorKind but int"),
        ("OTHER = 3\n", "cannot be imported"),
        ("raise RuntimeError('no licence')\n", "cannot be imported: no licence"),
    ],
)
def test_a_package_that_fails_is_a_model_error(install_detector: Install, source: str, message: str) -> None:
    install_detector(source=source, package="broken_detector")
    with pytest.raises(ModelError, match=message) as caught:
        detector_kind("deviation")
    assert caught.value.where == "broken_detector:KIND"


def test_a_detector_that_fails_to_load_or_has_another_name(
    install_detector: Install, pump_bundle: Path
) -> None:
    head = "from anomaly.detect.detectors.registry import DetectorKind\n"
    install_detector(
        name="failing",
        package="failing_detector",
        source=head
        + "def load(bundle):\n    raise OSError('no chip')\nKIND = DetectorKind(load, ('log',))\n",
    )
    with pytest.raises(ModelError, match=r"'failing' cannot be loaded: OSError\('no chip'\)"):
        load_detector(open_bundle(pump_bundle), "failing")
    install_detector(name="renamed")
    with pytest.raises(ModelError, match="'renamed' calls itself 'deviation'"):
        load_detector(open_bundle(pump_bundle), "renamed")
