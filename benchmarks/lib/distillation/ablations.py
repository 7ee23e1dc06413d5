"""Ablations of the closed form: one idea removed at a time, on machines that were not used to choose anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

import anomaly.student.closed_form.encoder_fit as encoder_fit
import anomaly.student.closed_form.error_filters as error_filters
import anomaly.student.closed_form.filter_synapses as filter_synapses
import anomaly.student.closed_form.scale_predictor as scale_predictor
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.evaluate.bench.clips import DetectionSet
from anomaly.evaluate.bench.simulated import simulated
from anomaly.student.arrays import Floats, Integers
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import DRIFT_KIND
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.training.compile import read_chip
from anomaly.training.student_start import StudentStart
from chip.sim.imperfection import Imperfection
from lib.distillation.conversion import round_largest
from lib.distillation.experiment import Detectors, Experiment
from lib.distillation.training_run import Facts, TrainingCache, TrainingRun

# Seeds below 100 are those of the detection bench, which is not used for choices.
SEEDS = (100, 101)
MACHINES = ("fan", "slider", "valve")
QUICK_SEEDS, QUICK_MACHINES = (100,), ("valve",)
LOST = Imperfection(lost_events=0.01)
_REACH = {"frame": 0, "change": 2, "context": 1}
_RIDGE = 1e-2

NO_LEAK = "no_leak"
_NO_LEAK: dict[str, Any] = {"leak": 0, "event_size": 0.3}
# Changes of `ClosedFormPlan`.
PLANS: dict[str, dict[str, Any]] = {
    "all": {},
    "no_slow": {"drift_leak": 0},
    "no_past": {"kinds": ("frame",)},
    "frame_too": {"kinds": ("frame", "change")},
    "one_frame_of_past": {"kinds": ("context",)},
    "synapses_of_its_own": {"direct_fan_in": 22},
    "one_threshold": {"quantiles": (0.95,), "loads": (1,)},
    # With fewer events per frame a leak cannot be compensated; without leak there is only one change.
    "k_2": {"micro_steps": 2, **_NO_LEAK},
    "k_1": {"micro_steps": 1, **_NO_LEAK},
    "fan_in_9": {"sum_fan_in": 9},
    NO_LEAK: _NO_LEAK,
}
BITS = (8, 4, 3)
# These differ from the full closed form in the leak too (none with 4 bits), and are compared with the one without leak.
WITHOUT_LEAK = ("k_2", "k_1", "bits_4", "bits_3", "bits_4_no_compensation", f"{NO_LEAK}_lost_events")


def plain_rows(gram: Floats, bands: int, kinds: tuple[str, ...]) -> Floats:
    """Prediction residual of each band on its own: replaces `fit_whitening_filters`.

    Rows of the kind ``frame`` predict a band from the other bands of its frame, the others from the frames before.
    """
    rows = []
    for kind in kinds:
        past = np.arange(bands, (_REACH[kind] + 1) * bands)
        for band in range(bands):
            known = past if len(past) else np.delete(np.arange(bands), band)
            block = gram[np.ix_(known, known)] + _RIDGE * np.eye(len(known))
            row = np.zeros(len(gram))
            row[band], row[known] = 1.0, -np.linalg.solve(block, gram[known, band])
            rows.append(row / np.sqrt(max(float(row @ gram @ row), 1e-12)))
    return np.stack(rows)


def rounded(
    row: Floats, gram: Floats, taps: list[int], weight_max: int, most: float
) -> tuple[Integers, float]:
    """Round each weight to the nearest integer on its own: replaces `quantise_within`."""
    left = np.zeros_like(row)
    left[taps] = row[taps]
    while True:
        whole = round_largest(left, len(taps), weight_max)
        deviation = float(np.sqrt(whole @ gram @ whole))
        if deviation <= most or weight_max == 1:
            return whole, max(deviation, 1e-9)
        weight_max = max(1, min(weight_max - 1, int(weight_max * most / deviation)))


def largest(row: Floats, _gram: Floats, costs: Floats, terms: int, _least_gain: float) -> list[int]:
    """Choose the largest weights, regardless of correlations between taps: replaces `choose_taps`."""
    return [int(tap) for tap in np.argsort(-np.where(np.isfinite(costs), np.abs(row), -1.0))[:terms]]


REPLACED: dict[str, dict[str, Any]] = {
    "no_whitening": {"fit_whitening_filters": plain_rows},
    "no_compensation": {"quantise_within": rounded},
    "no_choice_of_taps": {"choose_taps": largest},
    "neither_choice_nor_compensation": {"choose_taps": largest, "quantise_within": rounded},
}


# Modules of the closed form that use the functions in REPLACED.
_MODULES = (encoder_fit, error_filters, filter_synapses, scale_predictor)


@contextmanager
def replaced(functions: dict[str, Any]) -> Iterator[None]:
    """Replace functions of the closed form by name.

    Raises:
        AttributeError: the closed form has no such function.
    """
    before = [(module, name, getattr(module, name)) for name in functions for module in modules_of(name)]
    try:
        for module, name, _ in before:
            setattr(module, name, functions[name])
        yield
    finally:
        for module, name, function in before:
            setattr(module, name, function)


def modules_of(name: str) -> list[ModuleType]:
    """Modules of the closed form that use a function.

    Raises:
        AttributeError: no module uses it.
    """
    found = [module for module in _MODULES if hasattr(module, name)]
    if not found:
        raise AttributeError(f"the closed form has no {name}")
    return found


def _changed(plan: ClosedFormPlan, changes: dict[str, Any]) -> ClosedFormPlan:
    """Apply changes to a plan; a plan without leak, as with phases, keeps its leak and event step."""
    kept = {name for name in _NO_LEAK if not plan.leak}
    return replace(plan, **{name: value for name, value in changes.items() if name not in kept})


def ablations(run: TrainingRun, _cache: TrainingCache) -> tuple[Detectors, Facts]:
    """Fit closed-form students, each without one idea."""
    starts = {name: run.by_plan(_changed(run.plan, changes)) for name, changes in PLANS.items()}
    for bits in BITS:
        starts[f"bits_{bits}"] = run.by_plan(chip=read_chip("senna", bits))
    for name, functions in REPLACED.items():
        with replaced(functions):
            starts[name] = run.by_plan()
    with replaced(REPLACED["no_compensation"]):
        starts["bits_4_no_compensation"] = run.by_plan(chip=read_chip("senna", 4))
    whole = starts["all"]
    starts |= {name: replace(whole, circuit=circuit) for name, circuit in _simpler(whole.circuit).items()}
    facts: Facts = {}
    for name, start in starts.items():
        facts |= {f"{name}_{what}": value for what, value in run.cost_of_start(start).items()}
    found = {name: run.scoring(start.code, start.circuit) for name, start in starts.items()}
    lossy = {f"{name}_lost_events": _lossy(run, starts[name]) for name in ("all", NO_LEAK)}
    return found | lossy, facts


def _simpler(circuit: Circuit) -> dict[str, Circuit]:
    """Variants of a circuit with components removed: without its scale predictors."""
    errors = len(circuit.sums.quanta) - sum(SUB_BAND_GROUPS for kind in circuit.kinds if kind != DRIFT_KIND)
    still = circuit.sum_weights.copy()
    still[:, errors:] = 0
    return {"no_scales": replace(circuit, sum_weights=still)}


def _lossy(run: TrainingRun, start: StudentStart) -> Any:
    """Score function of a student that loses events, with the standardisation of one that does not."""
    pooling = run.pooling(run.detector(start.code, start.circuit))
    return run.level_cache.scoring(run.detector(start.code, start.circuit, imperfection=LOST), pooling)


def ablation_sets(quick: bool) -> Iterator[tuple[int, list[DetectionSet]]]:
    """Yield seeds and sets of simulated machines that the bench does not use."""
    for seed in QUICK_SEEDS if quick else SEEDS:
        for machine in QUICK_MACHINES if quick else MACHINES:
            yield seed, simulated(machine, seed=seed)


def experiment() -> Experiment:
    """Experiment that measures the ablations."""
    return Experiment("ablations", ablations, every_seed=True, modules=("ablations", "conversion"))
