"""A detector from a package of its own, installed for one test, as a stranger to this project would write it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

NAME = "deviation"

SOURCE = '''
"""Squared deviation of four wide bands from the mean spectrum of training, smoothed over frames."""

import json

import numpy as np

from anomaly.detect.detectors.registry import DetectorKind

GROUPS = 4


class DeviationDetector:
    name, channels = "deviation", GROUPS

    def __init__(self, mean):
        self._mean = np.asarray(mean, dtype=np.float64)
        self.bands = len(self._mean)
        self.reset(1)

    def reset(self, streams):
        self._smooth = np.zeros((streams, GROUPS))

    def push(self, levels):
        off = (levels - self._mean) / 100.0
        squared = (off.reshape(*levels.shape[:2], GROUPS, -1) ** 2).mean(axis=3)
        result = np.empty_like(squared)
        for frame in range(levels.shape[1]):
            self._smooth = 0.5 * self._smooth + 0.5 * squared[:, frame]
            result[:, frame] = self._smooth
        return result

    def fresh(self):
        return DeviationDetector(self._mean)


def load(bundle):
    return DeviationDetector(json.loads(bundle.read("calibration.json"))["encoder"]["mean"])


KIND = DetectorKind(load, scales=("log",), groups=GROUPS)
'''


def write_package(
    folder: Path,
    name: str = NAME,
    source: str = SOURCE,
    target: str = "KIND",
    package: str = "deviation_detector",
) -> Path:
    """Write an installed package (module and metadata) that registers a detector; return the folder for sys.path."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{package}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[anomaly.detectors]\n{name} = {package}:{target}\n")
    return folder


@pytest.fixture
def install_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a package with a detector for the time of the test; arguments as for ``write_package``."""

    def install_package(**facts: str) -> Path:
        package = facts.get("package", "deviation_detector")
        folder = write_package(tmp_path / f"site-packages-{package}", **facts)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, package, raising=False)
        return folder

    return install_package
