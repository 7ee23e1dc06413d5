"""Presence of inputs is read from the system's lists, without opening a device."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from anomaly.audio.capture.inputs.hotplug import HotplugMonitor, is_present
from anomaly.audio.capture.inputs.input_device import Target
from anomaly.audio.capture.inputs.resolve import resolve
from support.sound_card import CARDS, PCM, SoundServer, make_card_list, plug_usb


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


def test_a_source_that_is_unloaded_is_gone(pulse_microphone: SoundServer) -> None:
    target = resolve("mic")
    monitor = HotplugMonitor(target)
    assert is_present(target) is True
    pulse_microphone.control("unload-module", "module-remap-source")
    assert is_present(target) is False
    assert becomes_gone(monitor)
    monitor.close()
    pulse_microphone.kill()
    assert is_present(target) is False


def test_sources_are_listed_only_after_an_event_on_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anomaly.audio.capture.inputs import hotplug

    events, sources = tmp_path / "events", tmp_path / "sources"
    os.mkfifo(events)
    sources.write_text("0\tmic\tm.c\ts16le 1ch 48000Hz\tRUNNING\n")
    monkeypatch.setattr(shutil, "which", lambda _name: "pactl")
    monkeypatch.setattr(hotplug, "_SUBSCRIBE", ["cat", str(events)])
    monkeypatch.setattr(hotplug, "LIST_SOURCES", ["cat", str(sources)])
    monkeypatch.setattr(hotplug, "_LIST_INTERVAL_S", 3_600.0)
    with (
        closing(HotplugMonitor(Target("pulse:mic", "", pulse_source="mic"))) as monitor,
        events.open("wb", 0) as server,
    ):
        server.write(b"Event 'new' on source-output #7\n")
        for _ in range(20):
            assert monitor.is_gone() is False
            assert monitor._listing is None
            time.sleep(0.005)
        server.write(b"Event 'change' on source #0\n")
        until(lambda: monitor.is_gone() or monitor._listing is not None)
        until(lambda: monitor.is_gone() or monitor._listing is None)
        sources.write_text("")
        assert monitor.is_gone() is False
        server.write(b"Event 'remove' on source #0\n")
        assert becomes_gone(monitor)


def test_without_a_subscription_sources_are_listed_at_intervals(
    pulse_microphone: SoundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anomaly.audio.capture.inputs import hotplug

    monkeypatch.setattr(hotplug, "_SUBSCRIBE", ["false"])
    monkeypatch.setattr(hotplug, "_LIST_INTERVAL_S", 0.1)
    with closing(HotplugMonitor(resolve("mic"))) as monitor:
        until(lambda: monitor.is_gone() or monitor._subscription is None)
        pulse_microphone.control("unload-module", "module-remap-source")
        assert becomes_gone(monitor)


def test_closing_leaves_no_process_and_no_file_open(pulse_microphone: SoundServer) -> None:
    handles = len(os.listdir("/proc/self/fd"))
    monitor = HotplugMonitor(resolve("mic"))
    assert monitor.is_gone() is False
    monitor.close()
    assert not any(child.name() == "pactl" for child in psutil.Process().children())
    assert len(os.listdir("/proc/self/fd")) == handles


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.01)


def becomes_gone(monitor: HotplugMonitor) -> bool:
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        if monitor.is_gone():
            return True
        time.sleep(0.05)
    return False


def test_without_pactl_presence_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    target = Target("mic", "", pulse_source="mic")
    assert is_present(target) is None
    assert HotplugMonitor(target).is_gone() is False
