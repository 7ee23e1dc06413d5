"""Changes of normal sound, grouped into families by what they do."""

from anomaly.audio.simulator.changes.families import FAMILIES, change, family_of

__all__ = ["FAMILIES", "change", "family_of"]
