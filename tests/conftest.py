"""Fixtures for all tests; those that need a sound server are in ``sound_server.py`` beside this file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

# Tests are imported by path (--import-mode=importlib), so that a helper beside them must be too.
_spec = importlib.util.spec_from_file_location("sound_server", Path(__file__).with_name("sound_server.py"))
if _spec is None or _spec.loader is None:
    raise ImportError("tests/sound_server.py is missing")
_module = importlib.util.module_from_spec(_spec)
sys.modules["sound_server"] = _module
_spec.loader.exec_module(_module)

fake_card = _module.fake_card
pulse_microphone = _module.pulse_microphone
no_inputs = _module.no_inputs
