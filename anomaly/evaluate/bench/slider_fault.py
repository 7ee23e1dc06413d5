"""Real slide rail with modelled faults injected into its held-out clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.files.recordings import read_16k
from anomaly.audio.simulator import fault_sound, load_recipe
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.evaluate.bench.clips import DetectionSet, LabelledClip, Samples, require_parts
from anomaly.evaluate.layouts.layouts import Clip, read_layout

LEVELS_DB = (0.0, -5.0, -10.0, -15.0)


def slider_fault(
    recordings: Path, levels_db: Sequence[float] = LEVELS_DB, seed: int = 0, faults: Sequence[str] = ()
) -> list[DetectionSet]:
    """Make sets of a real slide rail with modelled faults injected into its held-out normal clips.

    A level of L dB means that, within the fault's own third octaves (those that hold 90 % of its
    energy), fault and clip have energies in the ratio L. Each fault is injected into each held-out
    clip, so that the only difference between normal and anomalous clips is the fault.

    Args:
        recordings: folder with ``slider/train`` and ``slider/test``.
        levels_db: one set each.
        seed: of the faults.
        faults: kinds the simulator knows for a slide rail; all of them if left empty.

    Raises:
        InputError: recordings are missing or cannot be read.
    """
    data = read_layout(recordings / "slider")
    train = [read_16k(clip.path) for clip in data.train]
    held_out = [(clip, read_16k(clip.path)) for clip in data.test if clip.label == "normal"]
    require_parts(recordings / "slider", train=train, test=held_out)
    injected = list(_injected(held_out, tuple(faults) or tuple(load_recipe("slider").faults), seed))
    normals = [LabelledClip(samples, "normal", None, clip.recording) for clip, samples in held_out]
    return [
        DetectionSet("slider-fault", level_db, train, normals + [one.at(level_db) for one in injected])
        for level_db in levels_db
    ]


@dataclass(frozen=True, eq=False)
class _InjectedFault:
    """Fault and the clip to inject it into, kept separate."""

    clip: Clip
    normal: Samples
    fault: str
    sound: Samples
    # Amplitude that makes fault and clip equally strong within the fault's own third octaves.
    equal: float

    def at(self, level_db: float) -> LabelledClip:
        gain = np.float32(self.equal * 10.0 ** (level_db / 20.0))
        return LabelledClip(self.normal + gain * self.sound, "anomaly", self.fault, self.clip.recording)


def _injected(
    held_out: Sequence[tuple[Clip, Samples]], faults: Sequence[str], seed: int
) -> Iterator[_InjectedFault]:
    for kind, fault in enumerate(faults):
        for number, (clip, normal) in enumerate(held_out):
            own_seed = int(np.random.SeedSequence([seed, kind, number]).generate_state(1)[0])
            sound = fault_sound("slider", fault, seconds=len(normal) / SAMPLE_RATE_HZ, seed=own_seed)[
                : len(normal)
            ]
            energies = band_energies(sound, SAMPLE_RATE_HZ)
            own = own_bands(energies)
            background = band_energies(normal, SAMPLE_RATE_HZ)[own].sum()
            yield _InjectedFault(clip, normal, fault, sound, float(np.sqrt(background / energies[own].sum())))
