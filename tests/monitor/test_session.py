"""Machines whose bundle has another name: each follows a change of the bundle without a restart."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.files.recordings import read_16k
from anomaly.bundle import open_bundle, versions, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.config import Machine, Site
from anomaly.detect.decision import Policy
from anomaly.errors import ModelError
from anomaly.monitor.model.session_model import load_session_model, policy_of
from anomaly.monitor.operations import Operations
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.records import EventRecord, Record
from anomaly.monitor.session import MachineSession
from anomaly.monitor.sources.events import SoundBlock
from anomaly.store.store import DATABASE_NAME, Store

PATIENCE_S = 120.0
NAMES = ("east", "west")


@pytest.fixture
def site(pump_bundle: Path, tmp_path: Path) -> Site:
    # A copy under a name of its own: the manifest still says whose sound was learned.
    shutil.copytree(pump_bundle, tmp_path / "models" / "both")
    machines = {
        name: Machine.model_validate({"source": f"{name}.wav", "model": "both", "alarm": {"on_delay_s": k}})
        for k, name in enumerate(NAMES)
    }
    return Site(machines=machines, models_dir=tmp_path / "models", state_dir=tmp_path / "state")


@pytest.fixture
def sessions(site: Site) -> Iterator[dict[str, MachineSession]]:
    with (
        Store.open(site.state_dir / DATABASE_NAME) as store,
        Operations(site, store) as operations,
    ):
        plans = [MonitorPlan(name, "none", None, "mean", "student", 1.0, model="both") for name in NAMES]
        yield {
            plan.machine: MachineSession(plan, load_session_model(plan, site), store, operations)
            for plan in plans
        }


@pytest.fixture(scope="module")
def normal(pump_recordings: Path) -> Samples:
    files = sorted(pump_recordings.rglob("normal_*.wav"))
    return np.concatenate([read_16k(file) for file in files])[:SAMPLE_RATE_HZ]


def write_again(models: Path, machine: str) -> str:
    """Write the same model under another manifest, as another training would; return its version."""
    old = open_bundle(models / "both")
    facts = old.manifest.model_dump()
    draft = ManifestDraft(
        **{name: facts[name] for name in ManifestDraft.model_fields}
        | {"machine": machine, "metrics": {"n": 2}}
    )
    with versions.replacing(models, "both"):
        write_bundle(models / "both", draft, {name: old.read(name) for name in old.manifest.files})
    return versions.version_of(models / "both")


@pytest.fixture
def events_of(
    sessions: dict[str, MachineSession], normal: Samples
) -> Callable[[str], dict[str, EventRecord]]:
    """Feed normal sound until each machine has emitted an event; return that event of each."""
    records: list[Record] = []
    clock = [1_800_000_000.0]

    def feed(event: str) -> dict[str, EventRecord]:
        end = time.monotonic() + PATIENCE_S
        found: dict[str, EventRecord] = {}
        while set(found) != set(NAMES):
            assert time.monotonic() < end, f"only {sorted(found)} emitted {event}"
            for session in sessions.values():
                records.extend(session.process(SoundBlock(normal, clock[0])))
            clock[0] += 1.0
            found = {r.machine: r for r in records if isinstance(r, EventRecord) and r.event == event}
            time.sleep(0.01)
        records.clear()
        return found

    return feed


def test_all_machines_of_a_bundle_follow_activation_and_rollback(
    site: Site, sessions: dict[str, MachineSession], events_of: Callable[[str], dict[str, EventRecord]]
) -> None:
    first = versions.version_of(site.models_dir / "both")
    second = write_again(site.models_dir, open_bundle(site.models_dir / "both").manifest.machine)
    assert {event.detail["version"] for event in events_of("model.activated").values()} == {second}
    versions.rollback(site.models_dir, "both")
    assert {event.detail["version"] for event in events_of("model.activated").values()} == {first}
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        noted = [row.state for row in store.time_series.states("east", "model")]
    assert noted[:2] == [f"student {first}", f"student {second}"]


def test_all_machines_refuse_the_bundle_of_another_machine(
    site: Site, sessions: dict[str, MachineSession], events_of: Callable[[str], dict[str, EventRecord]]
) -> None:
    write_again(site.models_dir, "turbine")
    for event in events_of("model.refused").values():
        assert "is the bundle of turbine" in event.message


def test_alarm_settings_come_from_the_site_file(site: Site) -> None:
    assert policy_of(site, "west") == Policy(on_delay_s=1)
    assert policy_of(site, "nobody") == Policy()


def test_a_missing_bundle_is_an_error(site: Site) -> None:
    with pytest.raises(ModelError, match="turbine"):
        load_session_model(MonitorPlan("east", "none", None, "mean", "student", 1.0, model="turbine"), site)
