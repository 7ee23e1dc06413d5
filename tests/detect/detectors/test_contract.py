"""One contract for all detectors: the built-in ones, and one that comes from a package of its own."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.bundle import Bundle, open_bundle, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.bundle.parts import ARCH, BITSTREAM, CALIBRATION, TEACHER
from anomaly.detect.detectors import testing
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.detectors.registry import load_detector
from anomaly.detect.detectors.testing import CHECKS, check_detector, example_levels
from anomaly.errors import ModelError

DETECTORS = ("student", "teacher", "deviation")
FILES = {"student": (CALIBRATION, BITSTREAM, ARCH), "teacher": (TEACHER,), "deviation": (CALIBRATION,)}


@pytest.fixture(params=DETECTORS)
def name(request: pytest.FixtureRequest, install_detector: Callable[..., Path]) -> str:
    install_detector()
    chosen: str = request.param
    return chosen


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_detector_fulfils_the_contract(check: Any, name: str, pump_bundle: Path) -> None:
    bundle = open_bundle(pump_bundle)
    assert load_detector(bundle, name).name == name
    check(lambda: load_detector(bundle, name))


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\x00" * 40])
def test_a_damaged_part_is_a_model_error(
    name: str, content: bytes | None, pump_bundle: Path, tmp_path: Path
) -> None:
    for file in FILES[name]:
        with pytest.raises(ModelError):
            load_detector(_with_part(open_bundle(pump_bundle), file, content, tmp_path / file), name)


def _with_part(whole: Bundle, file: str, content: bytes | None, folder: Path) -> Bundle:
    """Write a copy of a bundle with another file in it, or without it; its hashes are right."""
    files = {name: whole.read(name) for name in whole.manifest.files if name != file}
    files |= {} if content is None else {file: content}
    facts = {field: getattr(whole.manifest, field) for field in ManifestDraft.model_fields}
    return write_bundle(folder, ManifestDraft(**facts), files)


class Mean:
    """Deviation from the running mean of a segment; right but for what a test breaks."""

    name, bands, channels = "mean", 8, 2

    def __init__(self) -> None:
        self.reset(1)

    def reset(self, streams: int) -> None:
        self.total, self.count = np.zeros((streams, 1, 2)), 0

    def push(self, levels: Any) -> Any:
        parts = levels.reshape(*levels.shape[:2], 2, 4).mean(axis=3)
        self.total = self.total + parts.sum(axis=1, keepdims=True)
        self.count += levels.shape[1]
        return np.abs(parts - self.total / self.count)

    def fresh(self) -> Detector:
        return type(self)()


class NoReset(Mean):
    def reset(self, streams: int) -> None:
        if not hasattr(self, "total") or len(self.total) != streams:
            super().reset(streams)


class SharedState(Mean):
    def fresh(self) -> Detector:
        return self


class MixedStreams(Mean):
    def push(self, levels: Any) -> Any:
        return super().push(levels - np.int32(levels.mean()))


class WrongShape(Mean):
    def push(self, levels: Any) -> Any:
        return super().push(levels)[:, 1:]


class Negative(Mean):
    def push(self, levels: Any) -> Any:
        return super().push(levels) - 100.0


class NotFinite(Mean):
    def push(self, levels: Any) -> Any:
        return super().push(levels) / 0.0 if levels.size else None


class Random(Mean):
    def push(self, levels: Any) -> Any:
        return super().push(levels) + np.random.default_rng().random()


class Renamed(Mean):
    def push(self, levels: Any) -> Any:
        self.name = "other"
        return super().push(levels)


class Wider(Mean):
    def fresh(self) -> Detector:
        twin = type(self)()
        twin.bands = 16
        return twin


class ChangesInput(Mean):
    def push(self, levels: Any) -> Any:
        result = super().push(levels)
        levels -= 1
        return result


def test_the_checks_accept_what_is_right() -> None:
    check_detector(Mean)
    assert doctest.testmod(testing).failed == 0


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (NoReset, "left something"),
        (SharedState, "shares state"),
        (MixedStreams, "differs from the same stream alone"),
        (WrongShape, "shape"),
        (Negative, "negative"),
        (NotFinite, "not finite"),
        (Random, "two runs differ"),
        (Renamed, "became"),
        (Wider, "another shape"),
        (ChangesInput, "changed its input"),
    ],
)
def test_the_checks_find_what_is_wrong(broken: type[Mean], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_detector(broken)


def test_example_levels_look_like_those_of_the_front_end() -> None:
    seconds = example_levels(32, 2)
    assert [second.shape for second in seconds] == [(2, 30, 32), (2, 31, 32), (2, 31, 32)]
    assert all(second.dtype == np.int32 for second in seconds)
    assert json.dumps(seconds[0][0, 0].tolist()) == json.dumps(example_levels(32, 2)[0][0, 0].tolist())
