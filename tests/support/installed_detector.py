"""The detector of the manual, from a package of its own, installed for one test."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "detectors.md"
PACKAGE = "deviation_detector"


def manual_source() -> str:
    """Return the module that the manual shows."""
    blocks = re.findall(
        r"```python\n(# deviation_detector\.py\n.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(blocks) == 1
    source: str = blocks[0]
    return source


@pytest.fixture
def install_detector(install_package: Callable[..., Path]) -> Callable[..., Path]:
    """Install a package that registers a detector: that of the manual, or another source, name or package."""

    def install(name: str = "deviation", package: str = PACKAGE, source: str | None = None) -> Path:
        points = f"[anomaly.detectors]\n{name} = {package}:KIND\n"
        return install_package(package, source or manual_source(), points, f"site-packages-{package}")

    return install
