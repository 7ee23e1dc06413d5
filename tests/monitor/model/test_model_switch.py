"""Model switch: a new model is activated at a reset without a restart; one that cannot be used is refused."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.bundle import Bundle, open_bundle, versions, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.errors import ModelError
from anomaly.monitor.model.model_switch import ModelSwitch
from anomaly.monitor.offline.clip_score import score_clip
from anomaly.monitor.records import EventRecord, SecondRecord

PATIENCE_S = 120.0


def other_bundle(models: Path, machine: str = "pump", **changed: bytes) -> None:
    """Write the same model under another manifest, as another training would."""
    old = open_bundle(models / "pump")
    files = {name: old.read(name) for name in old.manifest.files} | changed
    facts = old.manifest.model_dump()
    draft = ManifestDraft(
        **{name: facts[name] for name in ManifestDraft.model_fields}
        | {"machine": machine, "metrics": {"n": 2}}
    )
    with versions.replacing(models, "pump"):
        write_bundle(models / "pump", draft, files)


def run_until(live: Any, normal: Samples, event: str) -> None:
    end = time.monotonic() + PATIENCE_S
    # One second repeated would accumulate in the CUSUM like a fault.
    seconds = itertools.cycle(normal.reshape(-1, SAMPLE_RATE_HZ))
    while event not in live.events:
        assert time.monotonic() < end, "the model was not noticed"
        live.feed(next(seconds))
        time.sleep(0.01)


def test_another_model_is_activated_at_a_reset_without_a_restart(
    chain: Callable[..., Any], models: Path, normal: Samples
) -> None:
    live = chain()
    live.feed(normal[: 3 * SAMPLE_RATE_HZ])
    first = versions.version_of(models / "pump")
    other_bundle(models)
    run_until(live, normal, "model.activated")
    at = live.records.index(
        next(r for r in live.records if isinstance(r, EventRecord) and r.event == "model.activated")
    )
    before = [r for r in live.records[:at] if isinstance(r, SecondRecord)]
    assert len(before) % live.scorer.front_end.reset_s == 0
    assert live.operations.statistics.machine("pump").model == versions.version_of(models / "pump") != first
    versions.rollback(models, "pump")
    live.records.clear()
    run_until(live, normal, "model.activated")
    assert live.operations.statistics.machine("pump").model == first


def test_a_clip_after_a_switch_repeats_its_scores(
    chain: Callable[..., Any], models: Path, normal: Samples, fault: Samples
) -> None:
    live = chain(content="full")
    live.feed(normal[: 3 * SAMPLE_RATE_HZ])
    other_bundle(models)
    run_until(live, normal, "model.activated")
    live.feed(fault[: 10 * SAMPLE_RATE_HZ])
    live.finish()
    clip = live.clip()
    assert clip.facts.model == versions.version_of(models / "pump")
    count = clip.facts.samples // SAMPLE_RATE_HZ
    expected = [(one["score"], one["p_value"]) for one in clip.facts.seconds]
    assert len(expected) == count
    assert [(one.score, one.p_value) for one in score_clip(clip, live.scorer)] == expected


@pytest.mark.parametrize("wrong", ["machine", "network.bit"])
def test_a_bundle_that_cannot_be_used_is_refused_and_the_old_one_continues(
    chain: Callable[..., Any], models: Path, normal: Samples, wrong: str
) -> None:
    live = chain()
    live.feed(normal[:SAMPLE_RATE_HZ])
    if wrong == "machine":
        other_bundle(models, machine="fan")
    else:
        other_bundle(models, **{"network.bit": b"no bitstream"})
    run_until(live, normal, "model.refused")
    live.feed(normal[: 12 * SAMPLE_RATE_HZ])
    assert "model.activated" not in live.events
    assert live.events.count("model.refused") == 1


def test_after_a_switch_the_sensor_check_uses_the_training_of_the_new_model(
    chain: Callable[..., Any], models: Path, normal: Samples
) -> None:
    live = chain()
    live.feed(normal[: 3 * SAMPLE_RATE_HZ])
    first = live.session.pipeline._check
    other_bundle(models)
    run_until(live, normal, "model.activated")
    assert live.session.pipeline._check is not first
    live.feed(normal[: 6 * SAMPLE_RATE_HZ] / 4)
    assert "gain" in {r.sensor for r in live.records[-4:] if isinstance(r, SecondRecord)}


def switch_of(models: Path, load: Any) -> tuple[ModelSwitch, list[str]]:
    """A switch over a bundle, and the reasons for which it refused one."""
    refused: list[str] = []
    return ModelSwitch(models, "pump", load, refused.append), refused


def test_a_bundle_that_changes_while_it_is_read_is_checked_again(models: Path) -> None:
    """The first load fails because another bundle replaces it meanwhile: it must not be refused."""
    loads: list[str] = []

    def load(version: str, bundle: Bundle) -> Any:
        loads.append(version)
        if len(loads) == 1:
            other_bundle(models, machine="pump", **{"report/note.txt": b"second"})
            raise ModelError("a file has gone")
        return SimpleNamespace(version=version)

    switch, refused = switch_of(models, load)
    other_bundle(models)
    switch.check()
    assert (refused, switch.take()) == ([], None)
    switch.check()
    assert refused == []
    assert switch.take() is not None
    assert loads[1] == versions.version_of(models / "pump") != loads[0]


def test_a_bundle_that_cannot_be_used_is_refused_once(models: Path) -> None:
    def load(version: str, bundle: Bundle) -> Any:
        raise ModelError("its limit cannot be computed")

    switch, refused = switch_of(models, load)
    other_bundle(models)
    for _ in range(3):
        switch.check()
    assert refused == ["its limit cannot be computed"]


def test_confirmed_stops_are_taken_up_under_the_same_version(models: Path) -> None:
    loaded: list[str] = []
    stops: list[str] = []

    def load(version: str, _bundle: Bundle) -> Any:
        loaded.append(version)
        return SimpleNamespace()

    switch = ModelSwitch(models, "pump", load, lambda reason: None, stops=lambda: tuple(stops))
    switch.check()
    assert loaded == []
    stops.append("weekend")
    switch.check()
    switch.check()
    assert loaded == [versions.version_of(models / "pump")]
    assert switch.take() is not None
