"""List of simulated machines with their states and faults, for `data simulate --list`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomaly.audio.simulator import Recipe


def print_machines(recipes: Sequence[Recipe], as_json: bool) -> None:
    """Print each machine, as text or as one JSON object."""
    if as_json:
        print(json.dumps({"machines": [_to_dict(recipe) for recipe in recipes]}))
        return
    for recipe in recipes:
        states = ", ".join(f"{name} {rpm:g} rpm" for name, rpm in recipe.speeds_rpm.items() if rpm)
        print(f"{recipe.machine}: {recipe.description}\n  states: {states}; stopped\n  faults:")
        for name, fault in recipe.faults.items():
            print(f"    {name:<14}{fault.character:<11}{fault.description}")


def _to_dict(recipe: Recipe) -> dict[str, object]:
    return {
        "machine": recipe.machine,
        "description": recipe.description,
        "states": recipe.speeds_rpm,
        "nominal": recipe.nominal,
        "faults": {
            name: {"character": fault.character, "description": fault.description}
            for name, fault in recipe.faults.items()
        },
    }
