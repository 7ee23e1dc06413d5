"""Fixtures for all tests: a sound server, inputs and a trained bundle, each in a file beside this one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def _beside(name: str) -> ModuleType:
    """Import a helper by path: with --import-mode=importlib tests have no folder on ``sys.path``."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(f"tests/{name}.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_sound_server = _beside("sound_server")
fake_card = _sound_server.fake_card
pulse_microphone = _sound_server.pulse_microphone
no_inputs = _sound_server.no_inputs

_trained = _beside("trained")
pump_bundle = _trained.pump_bundle
pump_recordings = _trained.pump_recordings

_zenodo_server = _beside("zenodo_server")
zenodo = _zenodo_server.zenodo

unprivileged = _beside("unprivileged").unprivileged

_beside("clips")

_bench_recordings = _beside("bench_recordings")
recordings = _bench_recordings.recordings

install_detector = _beside("installed_detector").install_detector
install_package = _beside("installed_package").install_package
