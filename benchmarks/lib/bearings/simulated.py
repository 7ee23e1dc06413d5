"""Simulated machines with known faults: facts from their recipes, and how often the cause is named first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from anomaly.audio.simulator import simulate
from anomaly.audio.simulator.recipe.model import Recipe
from anomaly.audio.simulator.recipe.recipe_file import load_recipe
from anomaly.audio.simulator.recipe.source_models import Bearing, Mesh
from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.physics.explanation import explain_sound
from anomaly.diagnose.physics.machine_normal import Sound, learn_normal

MACHINES = ("fan", "pump", "gearbox")
SEVERITIES = (0.3, 1.0)
RATE_HZ = 16_000
SECONDS = 10.0
_NORMAL_CLIPS = 6
_FAULTS = ("outer_race", "inner_race", "unbalance", "misalignment", "looseness", "worn_gear")
_SPEED_TOLERANCE = 0.15


def simulated_figures(clips: int) -> dict[str, Any]:
    """Return the share named right by fault and severity, named on normal sound, and speeds within 1 %.

    Args:
        clips: clips per fault, severity and machine, each of another machine of its kind.
    """
    right: dict[str, list[bool]] = defaultdict(list)
    speeds: list[bool] = []
    named: list[bool] = []
    for kind in MACHINES:
        recipe = with_worn_gear(load_recipe(kind))
        facts = facts_of(recipe)
        for number in range(clips):
            normal = learn_normal(
                [_clip(recipe, number, 100 + take)[0] for take in range(_NORMAL_CLIPS)], facts, SECONDS
            )
            sound, _ = _clip(recipe, number, 200)
            named.append(explain_sound(sound, facts, normal=normal, with_band=False).family != "none")
            for fault, severity in _faults(recipe):
                sound, hz = _clip(recipe, number, 300, fault, severity)
                found = explain_sound(sound, facts, normal=normal, with_band=False)
                key = f"{fault.replace('_', '-')} {severity:g}"
                wanted = "gear" if fault == "worn_gear" else fault.replace("_", "-")
                right[key].append(found.family == wanted)
                right[f"{kind} {key}"].append(found.family == wanted)
                speeds.append(found.speed is not None and abs(found.speed.hz / hz - 1) <= 0.01)
    return {
        "right": {key: round(float(np.mean(values)), 3) for key, values in sorted(right.items())},
        "named_on_normal": round(float(np.mean(named)), 3),
        "speed_within_1_percent": round(float(np.mean(speeds)), 3),
        "clips": clips,
    }


def facts_of(recipe: Recipe) -> RotatingFacts:
    """Return the facts that a person would know: speed within 15 %, bearings, teeth and blades."""
    ratios = {"main": 1.0, **{name: shaft.ratio for name, shaft in recipe.shafts.items()}}
    bearings = {
        (source.balls, source.ball_mm, source.pitch_mm, source.contact_deg, ratios[source.shaft])
        for fault in recipe.faults.values()
        for source in fault.sources
        if isinstance(source, Bearing)
    }
    wheels = [
        {"count": source.teeth, "ratio": ratios[source.shaft], "name": source.name}
        for source in recipe.sources
        if isinstance(source, Mesh)
    ]
    keys = ("balls", "ball_mm", "pitch_mm", "contact_deg", "ratio")
    rpm = recipe.speeds_rpm[recipe.nominal]
    return RotatingFacts.model_validate(
        {
            "speed_rpm": [rpm * (1 - _SPEED_TOLERANCE), rpm * (1 + _SPEED_TOLERANCE)],
            "bearings": [dict(zip(keys, one, strict=True)) for one in sorted(bearings)],
            ("gears" if recipe.machine == "gearbox" else "blades"): wheels,
            "mains_hz": 50,
        }
    )


def with_worn_gear(recipe: Recipe) -> Recipe:
    """Return the gearbox with a fault of its pinion that no recipe has: uneven, eccentric teeth."""
    meshes = [source for source in recipe.sources if isinstance(source, Mesh)]
    if recipe.machine != "gearbox":
        return recipe
    worn = meshes[0].model_dump() | {"name": "worn", "unevenness": 0.6, "phase_error": 0.6}
    fault = {"description": "Worn teeth of the pinion.", "character": "steady", "sources": [worn]}
    data = recipe.model_dump()
    return Recipe.model_validate(data | {"faults": data["faults"] | {"worn_gear": fault}})


def _faults(recipe: Recipe) -> Iterator[tuple[str, float]]:
    for fault in _FAULTS:
        if fault in recipe.faults:
            for severity in SEVERITIES:
                yield fault, severity


def _clip(
    recipe: Recipe, number: int, seed: int, fault: str | None = None, severity: float = 0.0
) -> tuple[Sound, float]:
    """Return the sound and the speed of the shaft in Hz."""
    made = simulate(
        recipe,
        seconds=SECONDS,
        seed=seed,
        machine_id=number,
        fault=fault,
        severity=severity,
        sample_rate_hz=RATE_HZ,
    )
    return Sound(made.samples.astype(np.float64), RATE_HZ), made.states[0][2] / 60
