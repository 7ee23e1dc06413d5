"""Whether an input is there is asked of the system's lists, without opening anything."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from sound_server import CARDS, PCM, SoundServer, make_card_list, plug_usb

from anomaly.audio.devices import Target, has_source, resolve
from anomaly.audio.presence import Lookout, is_present


def test_cards_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANOMALY_ASOUND_ROOT", str(tmp_path))
    assert is_present(Target("hw:0", "")) is None
    make_card_list(tmp_path, CARDS, PCM)
    plug_usb(tmp_path, 0, "0d8c:0014", "1-1", serial="A77")
    names = (
        "hw:0",
        "hw:CARD=pump",
        "plughw:0,0",
        "usb:0d8c:0014:A77",
        "hw:1",
        "usb:0d8c:0014:B88",
        "default",
    )
    assert [is_present(Target(name, "")) for name in names] == [True] * 4 + [False] * 2 + [None]
    (tmp_path / "proc/asound/cards").write_text("--- no soundcards ---\n")
    assert [is_present(Target(name, "")) for name in names] == [False] * 6 + [None]


def test_sources_by_their_whole_name() -> None:
    listed = "0\tmic\tm.c\ts16le 1ch 48000Hz\tRUNNING\n1\tmic2\tm.c\ts16le 1ch 48000Hz\tIDLE\n"
    assert [has_source(listed, name) for name in ("mic", "mic2", "mi", "m.c", "")] == [True, True] + [
        False
    ] * 3


def test_a_source_that_is_unloaded_is_gone(pulse_microphone: SoundServer) -> None:
    target = resolve("mic")
    lookout = Lookout(target)
    assert is_present(target) is True
    pulse_microphone.control("unload-module", "module-remap-source")
    assert is_present(target) is False
    assert becomes_gone(lookout)
    lookout.close()
    pulse_microphone.kill()
    assert is_present(target) is False


def becomes_gone(lookout: Lookout) -> bool:
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        if lookout.is_gone():
            return True
        time.sleep(0.05)
    return False


def test_without_pactl_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    target = Target("mic", "", pulse_source="mic")
    assert is_present(target) is None
    assert Lookout(target).is_gone() is False
