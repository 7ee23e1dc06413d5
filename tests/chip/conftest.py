"""What the tests of the toolchain share: the chip, and a smaller one that is easy to overfill."""

from __future__ import annotations

import pytest

from chip.arch import ArchSpec, load_arch


@pytest.fixture(scope="session")
def senna() -> ArchSpec:
    return load_arch("senna")
