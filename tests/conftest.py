"""Fixtures for all tests; the modules are in tests/support."""

from __future__ import annotations

from support.bench_recordings import recordings
from support.installed_detector import install_detector
from support.installed_package import install_package
from support.sound_card import fake_card, no_inputs, pulse_microphone
from support.surroundings import own_folder, utc
from support.trained_bundle import pump_bundle, pump_recordings
from support.unprivileged import unprivileged
from support.zenodo_server import zenodo

__all__ = [
    "fake_card",
    "install_detector",
    "install_package",
    "no_inputs",
    "own_folder",
    "pulse_microphone",
    "pump_bundle",
    "pump_recordings",
    "recordings",
    "unprivileged",
    "utc",
    "zenodo",
]
