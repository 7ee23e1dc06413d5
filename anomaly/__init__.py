"""anomaly: anomalous sound detection for machines, on a spiking network that fits the SENNA chip."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load ``anomaly.convert`` when it is asked for: it needs torch."""
    if name == "convert":
        import importlib

        return importlib.import_module("chip.distil.api").convert
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
