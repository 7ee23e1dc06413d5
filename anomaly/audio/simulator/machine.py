"""One machine off the line: a recipe whose resonances, levels, room and microphone are its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.signal import fftconvolve

from anomaly.audio.simulator import seeds
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.convolve import add_filtered
from anomaly.audio.simulator.excite import excite
from anomaly.audio.simulator.recipe import Path, Recipe
from anomaly.audio.simulator.resonance import rings, shaped
from anomaly.audio.simulator.room import microphone_answer, room_answer
from anomaly.audio.simulator.shafts import turning
from anomaly.audio.simulator.sources import Source
from anomaly.audio.simulator.states import Segment, make_timeline
from anomaly.audio.simulator.timeline import Timeline

_REFERENCE_SEED = 0x5EED
_REFERENCE_S = 12.0
_LARGEST_DEVIATION = 2.0


@dataclass(frozen=True)
class SimulatedMachine:
    """A machine ready to be heard.

    Args:
        recipe: what it was built from.
        machine_id: which one of its kind.
        sample_rate_hz: of the sound it makes.
        speed_factor: its speeds over the recipe's.
        answers: path to filter [taps], from the source to the file.
        gains: (fault or "", source) to the gain that gives the level in the recipe at nominal speed.
    """

    recipe: Recipe
    machine_id: int
    sample_rate_hz: int
    speed_factor: float
    answers: Mapping[str, Samples]
    gains: Mapping[tuple[str, str], float]

    @property
    def nominal_rpm(self) -> float:
        """The speed at which the levels of the recipe hold."""
        return self.recipe.speeds_rpm[self.recipe.nominal] * self.speed_factor

    @property
    def level(self) -> float:
        """RMS of the healthy machine at nominal speed, full scale 1."""
        return float(10.0 ** (self.recipe.level_dbfs / 20.0))

    def sources(self, fault: str) -> Sequence[Source]:
        """What sounds: the healthy machine's sources for "", else those of a fault."""
        return self.recipe.faults[fault].sources if fault else self.recipe.sources

    def sound(self, timeline: Timeline, seed: int, fault: str = "") -> Samples:
        """The healthy machine, or a fault alone before its severity is applied, at the microphone [samples]."""
        out = np.zeros(timeline.samples, dtype=np.float32)
        for path in sorted({source.path for source in self.sources(fault)}):
            together = np.zeros(timeline.samples, dtype=np.float32)
            for source in self.sources(fault):
                if source.path == path:
                    together += self._one(source, timeline, seed, fault, self.gains[fault, source.name])
            add_filtered(out, [(together, self.answers[path])])
        return out

    def _one(self, source: Source, timeline: Timeline, seed: int, fault: str, gain: float) -> Samples:
        part = f"{fault}/{source.name}"
        own = seeds.of_machine(self.recipe.machine, self.machine_id, part)
        take = seeds.of_take(self.recipe.machine, self.machine_id, seed, part)
        if source.shaft != "main":
            timeline = turning(self.recipe.shafts[source.shaft], timeline)
        return excite(source, timeline, own, take, gain)


def build(recipe: Recipe, machine_id: int, sample_rate_hz: int) -> SimulatedMachine:
    """Take a machine off the line; the same number gives the same machine."""
    return _build(recipe.model_dump_json(), machine_id, sample_rate_hz)


@lru_cache(maxsize=16)
def _build(recipe_json: str, machine_id: int, sample_rate_hz: int) -> SimulatedMachine:
    recipe = Recipe.model_validate_json(recipe_json)
    rng = seeds.of_machine(recipe.machine, machine_id, "speed")
    factor = 1.0 + recipe.spread.speed * _deviation(rng)
    answers = _answers(recipe, machine_id, sample_rate_hz)
    unit = {("", source.name): 1.0 for source in recipe.sources}
    unit |= {(name, source.name): 1.0 for name, fault in recipe.faults.items() for source in fault.sources}
    bare = SimulatedMachine(recipe, machine_id, sample_rate_hz, factor, answers, unit)
    timeline = make_timeline(
        recipe,
        [Segment(0.0, recipe.nominal, bare.nominal_rpm)],
        seconds=max(_REFERENCE_S, 300.0 / bare.nominal_rpm),
        lead_in_s=0.0,
        sample_rate_hz=sample_rate_hz,
        nominal_rpm=bare.nominal_rpm,
        rng=seeds.stream("reference", recipe.machine),
    )
    gains: dict[tuple[str, str], float] = {}
    for fault in ("", *recipe.faults):
        gains |= _balance(bare, timeline, fault)
    return SimulatedMachine(recipe, machine_id, sample_rate_hz, factor, answers, gains)


def _balance(bare: SimulatedMachine, timeline: Timeline, fault: str) -> dict[tuple[str, str], float]:
    """Gains that give each source its level, and all of them together the machine's."""
    rng = seeds.of_machine(bare.recipe.machine, bare.machine_id, f"{fault}/levels")
    spread_db = bare.recipe.spread.level_db
    levels = {
        s.name: 10.0 ** ((s.level_db + spread_db * _deviation(rng)) / 20.0) for s in bare.sources(fault)
    }
    together = np.zeros(timeline.samples, dtype=np.float32)
    gains: dict[tuple[str, str], float] = {}
    for source in bare.sources(fault):
        heard = np.zeros(timeline.samples, dtype=np.float32)
        raw = bare._one(source, timeline, _REFERENCE_SEED, fault, 1.0)
        add_filtered(heard, [(raw, bare.answers[source.path])])
        rms = _rms(heard)
        gains[fault, source.name] = levels[source.name] / rms if rms > 1e-12 else 0.0
        together += np.float32(gains[fault, source.name]) * heard
    # Sources at one frequency (two wheels in mesh) may help or hinder each other: only their sum tells.
    total = _rms(together)
    return {name: bare.level * gain / total if total > 0.0 else 0.0 for name, gain in gains.items()}


def _answers(recipe: Recipe, machine_id: int, sample_rate_hz: int) -> dict[str, Samples]:
    def part(name: str) -> np.random.Generator:
        return seeds.of_machine(recipe.machine, machine_id, name)

    outside = fftconvolve(
        room_answer(recipe.room, sample_rate_hz, part("room")),
        microphone_answer(recipe.microphone, sample_rate_hz, part("microphone")),
    )
    answers: dict[str, Samples] = {}
    for name, path in recipe.paths.items():
        whole = fftconvolve(_path_answer(path, recipe, sample_rate_hz, part(f"path/{name}")), outside)
        answers[name] = np.asarray(whole / np.sqrt(np.sum(whole**2)), dtype=np.float32)
        answers[name].flags.writeable = False
    return answers


def _path_answer(path: Path, recipe: Recipe, sample_rate_hz: int, rng: np.random.Generator) -> Curve:
    modes = [
        (
            mode.frequency_hz * (1.0 + recipe.spread.frequency * _deviation(rng)),
            mode.damping * 2.0 ** (0.3 * _deviation(rng)),
            mode.gain_db + recipe.spread.level_db * _deviation(rng),
        )
        for mode in path.modes
    ]
    points = [(f, level_db + recipe.spread.level_db * _deviation(rng)) for f, level_db in path.shape]
    answer = rings(modes, path.direct_db, sample_rate_hz) if modes else np.ones(1)
    return (
        np.asarray(fftconvolve(answer, shaped(points, sample_rate_hz)), dtype=np.float64)
        if points
        else answer
    )


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _deviation(rng: np.random.Generator) -> float:
    return float(np.clip(rng.standard_normal(), -_LARGEST_DEVIATION, _LARGEST_DEVIATION))
