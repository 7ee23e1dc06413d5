"""Checks of sound input: permissions, and the microphone or source of each machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from anomaly.config import Clips, Machine, Site
from anomaly.monitor.doctor import CheckResult, sound_checks
from anomaly.store.database.file_lock import FileLock
from support.sound_card import SoundServer


def by_check(found: list[CheckResult]) -> dict[str, CheckResult]:
    return {result.check: result for result in found}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(state_dir=tmp_path / "state", models_dir=tmp_path / "models", clips=Clips(free_mib=0))


def test_a_sound_card_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pcmC1D0c").touch()
    (result,) = sound_checks.permissions(tmp_path)
    assert result.level == "ok"
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(sound_checks, "_groups", lambda: ["users"])
    (result,) = sound_checks.permissions(tmp_path)
    assert (result.level, result.exit_code) == ("fail", 6)
    assert "usermod -aG audio" in result.remedy
    monkeypatch.setattr(sound_checks, "_groups", lambda: ["audio"])
    (result,) = sound_checks.permissions(tmp_path)
    assert "ls -l" in result.remedy


def test_no_sound_card(tmp_path: Path) -> None:
    (result,) = sound_checks.permissions(tmp_path / "none")
    assert result.level == "warn"


def test_machines_of_the_site(tmp_path: Path, no_inputs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    wav = tmp_path / "pump.wav"
    wav.touch()
    monkeypatch.delenv("CAMERA", raising=False)
    machines = {
        "gone": Machine(device="no-such-microphone"),
        "file": Machine(source=str(wav)),
        "nofile": Machine(source="/nowhere.wav"),
        "secret": Machine(source_env="CAMERA"),
    }
    found = by_check(list(sound_checks.inputs(Site(machines=machines))))
    levels = {name: found[f"sound.machine.{name}"].level for name in machines}
    assert levels == {"gone": "fail", "file": "ok", "nofile": "fail", "secret": "fail"}
    assert found["sound.machine.gone"].exit_code == 6
    monkeypatch.setattr(shutil, "which", lambda _: None)
    (stream,) = [
        f for f in sound_checks.inputs(Site(machines={"s": Machine(source="rtsp://x/y")})) if ".s" in f.check
    ]
    assert (stream.level, stream.remedy) == ("fail", "apt-get install ffmpeg")


def test_a_microphone_is_opened_unless_a_monitor_uses_it(site: Site, pulse_microphone: SoundServer) -> None:
    with_microphone = site.model_copy(update={"machines": {"pump": Machine(device="pulse")}})
    result = by_check(list(sound_checks.inputs(with_microphone)))["sound.machine.pump"]
    assert result.level in ("ok", "warn")
    assert "dBFS" in result.message
    site.state_dir.mkdir()
    with FileLock(site.state_dir / "monitor-pump.lock"):
        result = by_check(list(sound_checks.inputs(with_microphone)))["sound.machine.pump"]
    assert result.message == "pulse is in use by a monitor"
