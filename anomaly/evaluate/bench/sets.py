"""Sets of the detection bench, made at run time; nothing of them is written to disk.

The same recordings and the same seed give the same samples. Training and test sound never share a
recording of the background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from anomaly.audio.simulator import recipe_names
from anomaly.errors import InputError, UsageError
from anomaly.evaluate.bench.bldc_mix import bldc_mix
from anomaly.evaluate.bench.clips import DetectionSet
from anomaly.evaluate.bench.families import simulated_families, slider_families
from anomaly.evaluate.bench.rig import rig
from anomaly.evaluate.bench.simulated import simulated
from anomaly.evaluate.bench.slider_fault import slider_fault

RECORDED = ("bldc-mix", "slider-fault", "rig")
SIMULATED = tuple(f"sim-{name}" for name in recipe_names())
# Changes of every family; the valve's cycle of strokes would need clips longer than these.
SIMULATED_FAMILIES = tuple(f"families-{name}" for name in ("fan", "gearbox", "pump"))
FAMILY_SETS = ("families-slider", *SIMULATED_FAMILIES)
FAULT_SETS = (*RECORDED, *SIMULATED)
SETS = (*FAULT_SETS, *FAMILY_SETS)


def bench_sets(recordings: Path | None, seed: int, names: Sequence[str] = ()) -> Iterator[list[DetectionSet]]:
    """Yield all sets of a seed, in lists of sets that share their training; each list is built when it is needed.

    Args:
        recordings: folder of the real recordings; None for simulated sets only.
        seed: of the mixtures, the faults and the simulated machines.
        names: names of the sets; empty for `FAULT_SETS`, or for the simulated ones of these without recordings.

    Raises:
        UsageError: there is no set of that name.
        InputError: a set needs recordings that are not there, or that cannot be read.
    """
    selected = tuple(names) or (FAULT_SETS if recordings is not None else SIMULATED)
    for name in dict.fromkeys(check_names(selected)):
        yield from same_training(_build(name, recordings, seed))


def check_names(names: Sequence[str]) -> Sequence[str]:
    """Return the names if each is that of a set.

    Raises:
        UsageError: one is not.
    """
    for name in names:
        if name not in SETS:
            raise UsageError(f"there is no set {name!r}", where="--sets", hint=f"sets: {', '.join(SETS)}")
    return names


def same_training(sets: Sequence[DetectionSet]) -> list[list[DetectionSet]]:
    """Group sets that share their training sound."""
    groups: dict[int, list[DetectionSet]] = {}
    for one in sets:
        groups.setdefault(id(one.train), []).append(one)
    return list(groups.values())


def _build(name: str, recordings: Path | None, seed: int) -> list[DetectionSet]:
    if name in SIMULATED:
        return simulated(name.removeprefix("sim-"), seed=seed)
    if name in SIMULATED_FAMILIES:
        return simulated_families(name.removeprefix("families-"), seed=seed)
    if recordings is None or not recordings.is_dir():
        raise InputError(
            "there is no such folder" if recordings else "no folder of recordings was given",
            where=recordings,
            hint=f"{name} needs real recordings: name their folder, or ask for simulated sets only",
        )
    makers: dict[str, Callable[[], list[DetectionSet]]] = {
        "bldc-mix": partial(bldc_mix, recordings, seed=seed),
        "slider-fault": partial(slider_fault, recordings, seed=seed),
        "rig": partial(rig, recordings, seed=seed),
        "families-slider": partial(slider_families, recordings, seed=seed),
    }
    return makers[name]()
