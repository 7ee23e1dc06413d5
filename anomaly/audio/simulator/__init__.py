"""Physical models of machines that make sound, healthy and with faults.

A recipe (YAML) says what a machine consists of; :func:`simulate` renders a take of it. The story of the data:
``recipe`` and ``machine`` (what it is), ``states`` and ``timeline`` (how fast it turns), ``excite`` and one module
per kind of source (what moves), ``resonance`` and ``room`` (the way to the microphone), ``severity`` and
``third_octave`` (how loud a fault is), ``background`` (what else is heard), ``render`` (all of it).
"""

from anomaly.audio.simulator.recipe import Recipe
from anomaly.audio.simulator.recipe_file import load_recipe, recipe_names
from anomaly.audio.simulator.render import Simulation, fault_sound, simulate

__all__ = ["Recipe", "Simulation", "fault_sound", "load_recipe", "recipe_names", "simulate"]
