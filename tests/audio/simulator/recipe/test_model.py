"""Every key of a recipe is described, and every source is rendered."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from anomaly.audio.simulator import load_recipe, recipe_names
from anomaly.audio.simulator.recipe import model as recipes
from anomaly.audio.simulator.recipe.source_models import Source

PAGE = Path(__file__).resolve().parents[4] / "docs" / "simulator.md"


def models() -> list[type[BaseModel]]:
    parts = [
        kind for kind in vars(recipes).values() if isinstance(kind, type) and issubclass(kind, BaseModel)
    ]
    return [*parts, *get_args(get_args(Source)[0])]


def test_the_documentation_names_every_key() -> None:
    named = set(re.findall(r"`([a-z_0-9]+)[`:]", PAGE.read_text(encoding="utf-8")))
    keys = {key for model in models() for key in model.model_fields}
    assert keys - named == set()


def test_the_example_of_the_documentation_runs() -> None:
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0


def test_the_shipped_machines_use_every_kind_of_source() -> None:
    used = {
        source.kind
        for name in recipe_names()
        for sources in (load_recipe(name).sources, *(f.sources for f in load_recipe(name).faults.values()))
        for source in sources
    }
    assert used == {
        kind.model_fields["kind"].annotation.__args__[0] for kind in get_args(get_args(Source)[0])
    }
