"""Physical models of machines that make sound, healthy and with faults.

A recipe (YAML) describes a machine; :func:`simulate` renders a take of it. In the order of the data: ``recipe``
(states, sources, paths and faults of a machine), ``motion`` (speed and angle of its shafts over a take), ``sources``
(sound of each kind of source), ``transfer`` (resonances, room and microphone), ``machine`` (one machine of a kind),
``severity`` and ``third_octave`` (level of a fault), ``background`` (factory noise), ``render`` (a whole take),
``datasets`` (folders of recordings). ``seeds`` gives each part random numbers of its own.
"""

from anomaly.audio.simulator.recipe.model import Recipe
from anomaly.audio.simulator.recipe.recipe_file import load_recipe, recipe_names
from anomaly.audio.simulator.render import Simulation, fault_sound, simulate

__all__ = ["Recipe", "Simulation", "fault_sound", "load_recipe", "recipe_names", "simulate"]
