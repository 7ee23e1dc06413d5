"""Reasons of known changes that are injected into normal sound of simulated machines: kind and band.

    python benchmarks/injected_changes.py [--json] [--quick] [--clips N]

Right is a change whose kind is right and whose middle lies within a third of an octave of the injected one.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from typing import Any

import numpy as np

from anomaly.audio.simulator import simulate
from anomaly.diagnose.why.change import ChangeFinder
from lib.diagnosis.injected import KINDS, Injected, inject, with_component

MACHINES = ("fan", "pump", "gearbox")
RATE_HZ = 16_000
PIECE_S, NORMAL, TESTED = 4, 8, 3
THIRD_OCTAVE = 1 / 3


def figures(clips: int) -> dict[str, Any]:
    """Return the share right by kind, and named on normal sound."""
    right: dict[str, list[bool]] = defaultdict(list)
    changed_normal = []
    for number, machine in enumerate(MACHINES):
        pieces = _pieces(machine)
        normal, tested = pieces[:NORMAL], pieces[NORMAL:]
        finder = ChangeFinder(normal, RATE_HZ)
        changed_normal += [finder.find(piece) is not None for piece in tested]
        for kind in KINDS:
            for clip in range(clips):
                rng = np.random.default_rng([clip, number, len(kind)])
                sound = tested[clip % len(tested)]
                if kind == "shift":
                    injected, known = _moved(sound, normal, rng)
                else:
                    injected, known = inject(kind, sound, RATE_HZ, rng), finder
                right[kind].append(_is_right(known, injected))
    every = [one for values in right.values() for one in values]
    return {
        "right": round(float(np.mean(every)), 3),
        "by_kind": {kind: round(float(np.mean(values)), 3) for kind, values in right.items()},
        "changes": len(every),
        "named_on_normal": round(float(np.mean(changed_normal)), 3),
    }


def _pieces(machine: str) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    count = NORMAL + TESTED
    sound = simulate(machine, seconds=PIECE_S * count, seed=5, machine_id=1, sample_rate_hz=RATE_HZ)
    return list(sound.samples.astype(np.float64).reshape(count, -1))


def _moved(
    sound: np.ndarray[tuple[int], np.dtype[np.float64]],
    normal: list[np.ndarray[tuple[int], np.dtype[np.float64]]],
    rng: np.random.Generator,
) -> tuple[Injected, ChangeFinder]:
    """Return a sound whose component has moved, and the finder of normal sound with that component."""
    hz, db = float(np.exp(rng.uniform(np.log(300), np.log(4_000)))), float(rng.uniform(8, 15))
    to = hz * float(rng.choice([0.85, 0.9, 1.1, 1.18]))
    finder = ChangeFinder([with_component(piece, RATE_HZ, hz, db) for piece in normal], RATE_HZ)
    return Injected(with_component(sound, RATE_HZ, to, db), "shift", (to, to)), finder


def _is_right(finder: ChangeFinder, injected: Injected) -> bool:
    found = finder.find(injected.samples)
    low, high = injected.band_hz
    if found is None or found.kind != injected.kind:
        return False
    if high > low * 2**THIRD_OCTAVE:
        return low / 2 ** (THIRD_OCTAVE / 2) <= found.middle_hz <= high * 2 ** (THIRD_OCTAVE / 2)
    return abs(float(np.log2(found.middle_hz / np.sqrt(low * high)))) <= THIRD_OCTAVE


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="one change of each kind")
    parser.add_argument("--clips", type=int, default=8, help="changes of each kind and machine")
    arguments = parser.parse_args()
    result = figures(1 if arguments.quick else arguments.clips)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
