"""Simulated machines in a hall, a third of the test at speeds that are not in the training."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from anomaly.audio.simulator import Recipe, load_recipe, simulate
from anomaly.audio.simulator.render import limit
from anomaly.evaluate.bench.clips import DetectionSet, LabelledClip, Samples

SEVERITIES = (0.1, 0.3, 1.0)
CLIP_S = 6.0
SNR_DB = 0.0
TRAIN_CLIPS = 100
NORMALS = 48
CLIPS_PER_FAULT = 6
# Conditions of clips: at speeds as in training, and at others.
SEEN, UNSEEN = "source", "target"


def simulated(
    machine: str,
    severities: Sequence[float] = SEVERITIES,
    seed: int = 0,
    *,
    train_clips: int = TRAIN_CLIPS,
    normals: int = NORMALS,
    per_fault: int = CLIPS_PER_FAULT,
) -> list[DetectionSet]:
    """Make sets of a simulated machine with each of its faults at each severity.

    Training has the speeds that the recipe names. A third of the test, normal and faulty alike, runs at others,
    between these and above them: its condition is ``target``, that of the rest ``source``. Every clip is a take
    of its own; a fault's takes are the same at each severity.

    Args:
        machine: a shipped recipe's name.
        severities: one set each, all with the same training.
        seed: which machine of its kind, and its takes.
        train_clips: normal clips of 6 s to train on.
        normals: normal test clips.
        per_fault: test clips of each fault, at each severity.

    Raises:
        UsageError: there is no such machine.
    """
    recipe = load_recipe(machine)
    named = sorted((rpm, name) for name, rpm in recipe.speeds_rpm.items() if rpm > 0.0)
    speeds: tuple[list[str | float], list[str | float]] = (
        [n for _, n in named],
        _between([r for r, _ in named]),
    )
    train = [_Take(recipe, seed, n, speeds[0][n % len(speeds[0])]).at(0.0) for n in range(train_clips)]
    kinds = [None] * normals + [fault for fault in recipe.faults for _ in range(per_fault)]
    takes = []
    for number, fault in enumerate(kinds):
        domain = int(number % 3 == 2)
        speed = speeds[domain][number // 3 % len(speeds[domain])]
        takes.append(_Take(recipe, seed, train_clips + number, speed, fault, domain))
    return [
        DetectionSet(f"sim-{machine}", severity, train, [take.clip(severity) for take in takes])
        for severity in severities
    ]


class _Take:
    """One take, with healthy sound and fault kept separate."""

    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        number: int,
        speed: str | float,
        fault: str | None = None,
        domain: int = 0,
    ) -> None:
        sound = simulate(
            recipe,
            seconds=CLIP_S,
            seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0]),
            machine_id=seed,
            fault=fault,
            severity=1.0 if fault else 0.0,
            speed=speed,
            snr_db=SNR_DB,
        )
        self._healthy = sound.normal_samples + sound.background_samples
        self._faulty = sound.fault_samples
        self._fault = fault
        self._recording = f"machine {seed}, take {number:04d}"
        self._condition = (SEEN, UNSEEN)[domain]

    def at(self, severity: float) -> Samples:
        """Return the sound at a severity, as `simulate` gives it: the fault's amplitude is its severity."""
        samples = self._healthy + np.float32(severity) * self._faulty
        limit(samples)
        return samples

    def clip(self, severity: float) -> LabelledClip:
        return LabelledClip(
            self.at(severity),
            "anomaly" if self._fault else "normal",
            self._fault,
            self._recording,
            self._condition,
        )


def _between(rpm: Sequence[float]) -> list[str | float]:
    """Speeds between those of the list, and one above them all."""
    return [*(float(np.sqrt(low * high)) for low, high in itertools.pairwise(rpm)), 1.12 * rpm[-1]]
