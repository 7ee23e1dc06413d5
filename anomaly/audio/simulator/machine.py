"""One machine of a kind: a recipe with resonances, levels, room and microphone drawn for this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.signal import fftconvolve

from anomaly.audio.simulator import seeds
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.motion.shafts import shaft_timeline
from anomaly.audio.simulator.motion.states import Segment, make_timeline
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.model import Recipe, TransferPath
from anomaly.audio.simulator.recipe.source_models import Source
from anomaly.audio.simulator.sources.excite import excite
from anomaly.audio.simulator.transfer.convolve import add_filtered
from anomaly.audio.simulator.transfer.resonance import modal_response, shaping_filter
from anomaly.audio.simulator.transfer.room import microphone_response, room_response

# Take at nominal speed on which levels are measured.
_REFERENCE_SEED = 0x5EED
_REFERENCE_S = 12.0
# Random deviations are clipped at so many standard deviations.
_MAX_DEVIATION = 2.0


@dataclass(frozen=True)
class SimulatedMachine:
    """Machine whose sound can be rendered.

    Args:
        recipe: of its kind.
        machine_id: number of the machine.
        sample_rate_hz: of its sound.
        speed_factor: its speeds over the recipe's.
        responses: impulse response [taps] of each path, from the source to the file.
        gains: gain by (fault or "", source) that gives the level in the recipe at nominal speed.
    """

    recipe: Recipe
    machine_id: int
    sample_rate_hz: int
    speed_factor: float
    responses: Mapping[str, Samples]
    gains: Mapping[tuple[str, str], float]

    @property
    def nominal_rpm(self) -> float:
        """Speed at which the levels of the recipe apply."""
        return self.recipe.speeds_rpm[self.recipe.nominal] * self.speed_factor

    @property
    def level(self) -> float:
        """RMS of the healthy machine at nominal speed, full scale 1."""
        return float(10.0 ** (self.recipe.level_dbfs / 20.0))

    def sources(self, fault: str) -> Sequence[Source]:
        """Return the healthy machine's sources for "", else those of a fault."""
        return self.recipe.faults[fault].sources if fault else self.recipe.sources

    def sound(self, timeline: Timeline, seed: int, fault: str = "") -> Samples:
        """Render the healthy machine, or a fault alone before its severity is applied, at the microphone [samples]."""
        out = np.zeros(timeline.samples, dtype=np.float32)
        for path in sorted({source.path for source in self.sources(fault)}):
            total = np.zeros(timeline.samples, dtype=np.float32)
            for source in self.sources(fault):
                if source.path == path:
                    total += self._source(source, timeline, seed, fault, self.gains[fault, source.name])
            add_filtered(out, [(total, self.responses[path])])
        return out

    def _source(self, source: Source, timeline: Timeline, seed: int, fault: str, gain: float) -> Samples:
        part = f"{fault}/{source.name}"
        machine = seeds.of_machine(self.recipe.machine, self.machine_id, part)
        take = seeds.of_take(self.recipe.machine, self.machine_id, seed, part)
        if source.shaft != "main":
            timeline = shaft_timeline(self.recipe.shafts[source.shaft], timeline)
        return excite(source, timeline, machine, take, gain)


def build(recipe: Recipe, machine_id: int, sample_rate_hz: int) -> SimulatedMachine:
    """Build a machine of a kind; the same number gives the same machine."""
    return _build(recipe.model_dump_json(), machine_id, sample_rate_hz)


@lru_cache(maxsize=16)
def _build(recipe_json: str, machine_id: int, sample_rate_hz: int) -> SimulatedMachine:
    recipe = Recipe.model_validate_json(recipe_json)
    rng = seeds.of_machine(recipe.machine, machine_id, "speed")
    factor = 1.0 + recipe.spread.speed * _deviation(rng)
    responses = _responses(recipe, machine_id, sample_rate_hz)
    unit = {("", source.name): 1.0 for source in recipe.sources}
    unit |= {(name, source.name): 1.0 for name, fault in recipe.faults.items() for source in fault.sources}
    unscaled = SimulatedMachine(recipe, machine_id, sample_rate_hz, factor, responses, unit)
    timeline = make_timeline(
        recipe,
        [Segment(0.0, recipe.nominal, unscaled.nominal_rpm)],
        seconds=max(_REFERENCE_S, 300.0 / unscaled.nominal_rpm),
        lead_in_s=0.0,
        sample_rate_hz=sample_rate_hz,
        nominal_rpm=unscaled.nominal_rpm,
        rng=seeds.stream("reference", recipe.machine),
    )
    gains: dict[tuple[str, str], float] = {}
    for fault in ("", *recipe.faults):
        gains |= _level_gains(unscaled, timeline, fault)
    return SimulatedMachine(recipe, machine_id, sample_rate_hz, factor, responses, gains)


def _level_gains(unscaled: SimulatedMachine, timeline: Timeline, fault: str) -> dict[tuple[str, str], float]:
    """Compute the gains that give each source its level, and their sum the level of the machine."""
    rng = seeds.of_machine(unscaled.recipe.machine, unscaled.machine_id, f"{fault}/levels")
    spread_db = unscaled.recipe.spread.level_db
    sources = unscaled.sources(fault)
    levels = {s.name: 10.0 ** ((s.level_db + spread_db * _deviation(rng)) / 20.0) for s in sources}
    mixture = np.zeros(timeline.samples, dtype=np.float32)
    gains: dict[tuple[str, str], float] = {}
    for source in sources:
        received = np.zeros(timeline.samples, dtype=np.float32)
        raw = unscaled._source(source, timeline, _REFERENCE_SEED, fault, 1.0)
        add_filtered(received, [(raw, unscaled.responses[source.path])])
        rms = _rms(received)
        gains[fault, source.name] = levels[source.name] / rms if rms > 1e-12 else 0.0
        mixture += np.float32(gains[fault, source.name]) * received
    # Sources at one frequency (two wheels in mesh) interfere, so the level of their sum is measured.
    total = _rms(mixture)
    return {name: unscaled.level * gain / total if total > 0.0 else 0.0 for name, gain in gains.items()}


def _responses(recipe: Recipe, machine_id: int, sample_rate_hz: int) -> dict[str, Samples]:
    """Compute the impulse response of each path with room and microphone, at unit energy."""

    def part(name: str) -> np.random.Generator:
        return seeds.of_machine(recipe.machine, machine_id, name)

    outside = fftconvolve(
        room_response(recipe.room, sample_rate_hz, part("room")),
        microphone_response(recipe.microphone, sample_rate_hz, part("microphone")),
    )
    responses: dict[str, Samples] = {}
    for name, path in recipe.paths.items():
        whole = fftconvolve(_path_response(path, recipe, sample_rate_hz, part(f"path/{name}")), outside)
        responses[name] = np.asarray(whole / np.sqrt(np.sum(whole**2)), dtype=np.float32)
        responses[name].flags.writeable = False
    return responses


def _path_response(
    path: TransferPath, recipe: Recipe, sample_rate_hz: int, rng: np.random.Generator
) -> Curve:
    modes = [
        (
            mode.frequency_hz * (1.0 + recipe.spread.frequency * _deviation(rng)),
            mode.damping * 2.0 ** (0.3 * _deviation(rng)),
            mode.gain_db + recipe.spread.level_db * _deviation(rng),
        )
        for mode in path.modes
    ]
    points = [(f, level_db + recipe.spread.level_db * _deviation(rng)) for f, level_db in path.shape]
    response = modal_response(modes, path.direct_db, sample_rate_hz) if modes else np.ones(1)
    if not points:
        return response
    return np.asarray(fftconvolve(response, shaping_filter(points, sample_rate_hz)), dtype=np.float64)


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _deviation(rng: np.random.Generator) -> float:
    return float(np.clip(rng.standard_normal(), -_MAX_DEVIATION, _MAX_DEVIATION))
