"""What each idea of the closed form is worth: one left out at a time, on machines that no choice was made on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import numpy as np
from conversion import cut
from lessons import Facts, Lesson, Shelf
from parts import Detectors, Part

import anomaly.student.closed_form as recipe
from anomaly.evaluate.bench.clips import DetectionSet
from anomaly.evaluate.bench.simulated import simulated
from anomaly.student.circuit import Circuit
from anomaly.student.rounding import Floats, Integers
from anomaly.training.compile import read_chip
from anomaly.training.start import Start
from chip.imperfection import Imperfection

# Seeds below a hundred belong to the bench, on which nothing is chosen.
SEEDS = (100, 101)
MACHINES = ("fan", "slider", "valve")
QUICK_SEEDS, QUICK_MACHINES = (100,), ("valve",)
LOST = Imperfection(lost_events=0.01)
_REACH = {"frame": 0, "change": 2, "context": 1}
_RIDGE = 1e-2

# Changes of `ClosedFormPlan`.
PLANS: dict[str, dict[str, Any]] = {
    "all": {},
    "no_change": {"kinds": ("frame",)},
    "no_frame": {"kinds": ("change",)},
    "one_frame_of_past": {"kinds": ("frame", "context")},
    "one_threshold": {"quantiles": (0.95,), "loads": (1,)},
    "k_2": {"micro_steps": 2},
    "k_1": {"micro_steps": 1},
    "fan_in_9": {"fan_in": 9},
}
BITS = (8, 4, 3)


def plain_rows(gram: Floats, bands: int, kinds: tuple[str, ...]) -> Floats:
    """What a band does that others, or its past, do not tell, each for itself: instead of `whitening_rows`.

    ``frame`` is a band less what the other bands of the frame foretell, the others less what the frames before do.
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


def rounded(row: Floats, _gram: Floats, taps: list[int], weight_max: int) -> tuple[Integers, float]:
    """Each weight to the nearest whole one, for itself: instead of `round_row`."""
    left = np.zeros_like(row)
    left[taps] = row[taps]
    return cut(left, len(taps), weight_max), 0.0


def largest(row: Floats, _gram: Floats, costs: Floats, terms: int, _least_gain: float) -> list[int]:
    """The largest weights, whatever the others can make up for: instead of `choose_taps`."""
    return [int(tap) for tap in np.argsort(-np.where(np.isfinite(costs), np.abs(row), -1.0))[:terms]]


REPLACED: dict[str, dict[str, Any]] = {
    "no_whitening": {"whitening_rows": plain_rows},
    "no_compensation": {"round_row": rounded},
    "no_choice_of_taps": {"choose_taps": largest},
    "neither_choice_nor_compensation": {"choose_taps": largest, "round_row": rounded},
}


@contextmanager
def instead(parts: dict[str, Any]) -> Iterator[None]:
    """The recipe with other functions in it."""
    before = {name: getattr(recipe, name) for name in parts}
    try:
        for name, part in parts.items():
            setattr(recipe, name, part)
        yield
    finally:
        for name, part in before.items():
            setattr(recipe, name, part)


def ablations(lesson: Lesson, _shelf: Shelf) -> tuple[Detectors, Facts]:
    """Students in closed form, each without one idea."""
    starts = {name: lesson.by_plan(replace(lesson.plan, **changes)) for name, changes in PLANS.items()}
    for bits in BITS:
        starts[f"bits_{bits}"] = lesson.by_plan(chip=read_chip("senna", bits))
    for name, parts in REPLACED.items():
        with instead(parts):
            starts[name] = lesson.by_plan()
    with instead(REPLACED["no_compensation"]):
        starts["bits_4_no_compensation"] = lesson.by_plan(chip=read_chip("senna", 4))
    whole = starts["all"]
    starts |= {name: replace(whole, circuit=circuit) for name, circuit in _simpler(whole.circuit).items()}
    facts: Facts = {}
    for name, start in starts.items():
        facts |= {f"{name}_{what}": value for what, value in lesson.use(start).items()}
    found = {name: lesson.scoring(start.code, start.circuit) for name, start in starts.items()}
    lossy = {name: starts[name] for name in ("all", "no_leak") if name in starts}
    return found | {f"{name}_lost_events": _lossy(lesson, one) for name, one in lossy.items()}, facts


def _simpler(circuit: Circuit) -> dict[str, Circuit]:
    """The same circuit without what can be taken out of it: leaks of comparators, scales."""
    leaks: dict[str, Any] = {
        item.name: (0,) * len(value) if isinstance(value := getattr(circuit, item.name), tuple) else 0
        for item in fields(circuit)
        if item.name.startswith("listen_leak")
    }
    found = {"no_leak": replace(circuit, **leaks)} if leaks else {}
    beside: dict[str, Any] = {item.name: None for item in fields(circuit) if item.default is None}
    if any(getattr(circuit, name) is not None for name in beside):
        found["no_scales"] = replace(circuit, **beside)
    return found


def _lossy(lesson: Lesson, start: Start) -> Any:
    """A student that loses events, scored as one that does not."""
    pooling = lesson.pooling(lesson.detector(start.code, start.circuit))
    return lesson.ear.scoring(lesson.detector(start.code, start.circuit, imperfection=LOST), pooling)


def tests(quick: bool) -> Iterator[tuple[int, list[DetectionSet]]]:
    """Simulated machines that the bench does not use."""
    for seed in QUICK_SEEDS if quick else SEEDS:
        for machine in QUICK_MACHINES if quick else MACHINES:
            yield seed, simulated(machine, seed=seed)


def part() -> Part:
    """As a part of the benchmark."""
    return Part("ablations", ablations, every_seed=True, modules=("ablations", "conversion"))
