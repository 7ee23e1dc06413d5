"""Operating states over a take, and the speed that follows from them, ramps included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from anomaly.audio.simulator.arrays import Curve
from anomaly.audio.simulator.motion import fluctuation
from anomaly.audio.simulator.motion.timeline import CONTROL_RATE_HZ, Timeline, control_hop
from anomaly.audio.simulator.recipe.model import Recipe
from anomaly.errors import UsageError

Schedule = Sequence[tuple[str, float]]
_MIN_RAMP_S = 0.1
_MIN_VISIT_S = 0.2
# Highest speed given as a number, relative to the highest of the recipe.
_MAX_RELATIVE_SPEED = 3.0


@dataclass(frozen=True)
class Segment:
    """Time in one state.

    Args:
        start_s: start time.
        state: a state of the recipe, ``ramp`` between two, or ``custom`` for a speed given as a number.
        speed_rpm: its speed; of a ramp, the speed at its end.
    """

    start_s: float
    state: str
    speed_rpm: float


def plan(
    recipe: Recipe,
    seconds: float,
    *,
    speed: str | float | None,
    states: str | Schedule | None,
    speed_factor: float,
    rng: np.random.Generator,
) -> list[Segment]:
    """Plan the segments of a take.

    Args:
        recipe: holds the states and the usual cycle.
        seconds: length of the take.
        speed: a state's name or rpm, for a take at one speed.
        states: ``steady``, ``cycle``, or (state, seconds) in order, the last of which lasts to the end.
        speed_factor: speed of this machine relative to the recipe.
        rng: draws the order and length of the visits of a cycle.

    Raises:
        UsageError: a state that the recipe lacks, or a speed that does not fit.
    """
    if isinstance(states, str) and states not in ("steady", "cycle"):
        raise UsageError(
            f"{states!r} is no schedule", where="states", hint="use steady, cycle or state:seconds,…"
        )
    schedule = states if states is not None else ("steady" if speed is not None else recipe.default_states)
    if schedule == "steady":
        return [_steady(recipe, speed, speed_factor)]
    if speed is not None:
        raise UsageError("a speed goes with one steady state, not with a schedule", where="speed")
    visits = _cycle(recipe, seconds, rng) if isinstance(schedule, str) else _checked(recipe, schedule)
    return _with_ramps(recipe, visits, seconds, speed_factor)


def speed_curve(segments: Sequence[Segment], times_s: Curve) -> Curve:
    """Compute the speed in rpm at each time: constant in a state, a cubic S-curve (smoothstep) in a ramp."""
    speed = np.full(len(times_s), segments[0].speed_rpm)
    before = segments[0].speed_rpm
    for ramp, state in pairwise(segments):
        if ramp.state == "ramp":
            share = np.clip((times_s - ramp.start_s) / (state.start_s - ramp.start_s), 0.0, 1.0)
            speed += (ramp.speed_rpm - before) * share**2 * (3.0 - 2.0 * share)
            before = ramp.speed_rpm
    return np.asarray(np.maximum(speed, 0.0), dtype=np.float64)


def make_timeline(
    recipe: Recipe, segments: Sequence[Segment], *, seconds: float, lead_in_s: float, sample_rate_hz: int,
    nominal_rpm: float, rng: np.random.Generator,
) -> Timeline:  # fmt: skip
    """Compute the timeline of a take, with a lead-in so that reverberation is present from its first sample.

    Args:
        recipe: gives the random change of the speed.
        segments: of the take, from `plan`.
        seconds: length of the take.
        lead_in_s: time before its first sample.
        sample_rate_hz: of the sound.
        nominal_rpm: speed at which the levels of the recipe apply.
        rng: draws the angle at the start and the change of the speed.
    """
    hop = control_hop(sample_rate_hz)
    steps = int(np.ceil((lead_in_s + seconds) * sample_rate_hz / hop)) + 1
    times_s = np.arange(steps + 1, dtype=np.float64) * (hop / sample_rate_hz) - lead_in_s
    rate_hz = sample_rate_hz / hop
    start = rng.uniform(0.0, 1000.0)
    fast = fluctuation.wander(rng, steps + 1, rate_hz, 0.5)
    slow = fluctuation.wander(rng, steps + 1, rate_hz, 0.02)
    speed = speed_curve(segments, times_s) * (
        1.0 + recipe.wander * np.clip(0.6 * fast + 0.8 * slow, -4.0, 4.0)
    )
    revolutions = np.concatenate([[0.0], np.cumsum(0.5 * (speed[:-1] + speed[1:]) / 60.0 / rate_hz)])
    return Timeline(sample_rate_hz, hop, speed, start + revolutions, nominal_rpm)


def _steady(recipe: Recipe, speed: str | float | None, factor: float) -> Segment:
    name = recipe.nominal if speed is None else speed
    if isinstance(name, str):
        return Segment(0.0, name, _speed_of(recipe, name, "speed") * factor)
    limit = _MAX_RELATIVE_SPEED * max(recipe.speeds_rpm.values())
    if not 0.0 <= name <= limit:
        raise UsageError(
            f"{name} rpm is no speed for a {recipe.machine}", where="speed", hint=f"0 to {limit:g} rpm"
        )
    return Segment(0.0, "custom" if name > 0 else "stopped", float(name))


def _speed_of(recipe: Recipe, state: str, where: str = "states") -> float:
    if state not in recipe.speeds_rpm:
        raise UsageError(
            f"a {recipe.machine} has no state {state!r}",
            where=where,
            hint=f"states: {', '.join(recipe.speeds_rpm)}",
        )
    return recipe.speeds_rpm[state]


def _checked(recipe: Recipe, visits: Schedule) -> list[tuple[str, float]]:
    if not visits:
        raise UsageError("the schedule is empty", where="states", hint="give (state, seconds) in order")
    for state, seconds in visits:
        _speed_of(recipe, state)
        if not _MIN_VISIT_S <= seconds < np.inf:
            raise UsageError(
                f"state {state!r} cannot last {seconds} s",
                where="states",
                hint=f"at least {_MIN_VISIT_S:g} s",
            )
    return list(visits)


def _cycle(recipe: Recipe, seconds: float, rng: np.random.Generator) -> list[tuple[str, float]]:
    visits: list[tuple[str, float]] = []
    total = 0.0
    number = int(rng.integers(len(recipe.cycle)))
    while total < seconds:
        visit = recipe.cycle[number % len(recipe.cycle)]
        visits.append((visit.state, float(rng.uniform(*visit.seconds))))
        total += visits[-1][1]
        number += 1
    return visits


def _with_ramps(
    recipe: Recipe, visits: Sequence[tuple[str, float]], seconds: float, factor: float
) -> list[Segment]:
    segments: list[Segment] = []
    start = 0.0
    for state, length in visits:
        if start >= seconds:
            break
        target = _speed_of(recipe, state) * factor
        begin = start
        if segments and segments[-1].speed_rpm != target:
            change = abs(target - segments[-1].speed_rpm) / (recipe.speeds_rpm[recipe.nominal] * factor)
            ramp_s = min(max(recipe.ramp_s * change, _MIN_RAMP_S), length - 1.0 / CONTROL_RATE_HZ)
            segments.append(Segment(start, "ramp", target))
            begin += ramp_s
        segments.append(Segment(begin, state, target))
        start += length
    return segments
