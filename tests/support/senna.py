"""The architecture of SENNA as a fixture."""

from __future__ import annotations

import pytest

from chip.arch import ArchSpec, load_arch


@pytest.fixture(scope="session")
def senna() -> ArchSpec:
    """Architecture of SENNA."""
    return load_arch("senna")
