"""Facts of a machine's model for the pages, from the manifest of its bundle."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from anomaly.bundle import Bundle, open_bundle
from anomaly.bundle.versions import version_of, versions
from anomaly.config import Site
from anomaly.detect.calibration.promise import false_alarm_promise
from anomaly.errors import AnomalyError
from anomaly.monitor.offline.calibrated_detector import load_calibrated_detector
from anomaly.store.cases.case import json_value
from anomaly.web.api.schemas.job import ChipFacts, EnergyFacts, ModelEntry, ModelVersion, TrainingFacts
from anomaly.web.floorplan import read_floorplan

_MICRO = 1e6


def model_entry(site: Site, machine: str) -> ModelEntry:
    """Return the facts of a machine's model.

    Raises:
        AnomalyError: there is no bundle, or it cannot be used.
    """
    name = site.bundle_of(machine)
    bundle = open_bundle(site.models_dir / name)
    manifest, version = bundle.manifest, version_of(bundle.path)
    metrics = json_value(manifest.metrics)
    settings = site.machines.get(machine)
    detector = "student" if settings is None else settings.detector
    known = versions(site.models_dir, name)
    return ModelEntry(
        machine=machine,
        bundle=name,
        version=version,
        detector=detector,
        created=manifest.created_at.isoformat(),
        bytes=sum(entry.size for entry in manifest.files.values()),
        signed=manifest.signer is not None,
        promise=_promise(bundle.path, site.state_dir, machine, detector, version),
        training=TrainingFacts(
            recordings=_number(metrics, "recordings"),
            seconds=_number(metrics, "seconds") or _number(metrics, "training_seconds"),
            fingerprint=manifest.data_fingerprint,
        ),
        chip=_chip(bundle, metrics),
        energy=_energy(metrics),
        metrics=metrics,
        versions=[ModelVersion(version=one.id, created=one.created_at, active=one.active) for one in known],
    )


@lru_cache(maxsize=64)
def _promise(folder: Path, state_dir: Path, machine: str, detector: str, version: str) -> str | None:
    """Return the promise of the calibration in use, in one sentence; loading a model takes a while."""
    try:
        scorer = load_calibrated_detector(folder, state_dir, machine, detector).scorer
        return false_alarm_promise(scorer.calibration).sentence()
    except AnomalyError:
        return None


def _chip(bundle: Bundle, metrics: Mapping[str, Any]) -> ChipFacts:
    student = _part(metrics, "student")
    activity, chip = _part(metrics, "activity"), _part(metrics, "chip")
    plan = read_floorplan(bundle.path, bundle.manifest.data_fingerprint + str(bundle.manifest.created_at))
    return ChipFacts(
        architecture=str(bundle.manifest.detectors.get("student", {}).get("arch", "")) or None,
        neurons=_number(student, "neurons") or _number(metrics, "neurons"),
        synapses=_number(student, "synapses") or _number(metrics, "synapses"),
        cells=plan.rows * plan.columns,
        spikes_per_second=_number(activity, "spikes_per_s"),
        sops_per_second=_number(activity, "sop_per_s"),
        grid=(plan.rows, plan.columns),
        occupied=list(plan.occupied),
        figures=dict(chip),
    )


def _energy(metrics: Mapping[str, Any]) -> EnergyFacts:
    energy = _part(_part(metrics, "activity"), "energy")
    figures = _part(energy, "figures")
    seconds = _number(_part(figures, "seconds"), "value")
    joules = [
        float(one["joule"])
        for one in energy.get("energies") or []
        if isinstance(one, Mapping) and isinstance(one.get("joule"), int | float)
    ]
    low, high = (min(joules), max(joules)) if joules and seconds else (None, None)
    notes = energy.get("notes") or []
    return EnergyFacts(
        low_uw=None if low is None or not seconds else low / seconds * _MICRO,
        high_uw=None if high is None or not seconds else high / seconds * _MICRO,
        sources=[{"name": name, **value} for name, value in figures.items() if isinstance(value, dict)],
        notes=[str(note) for note in notes],
    )


def _part(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def _number(facts: Mapping[str, Any], name: str) -> Any:
    found = facts.get(name)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None
