"""Commands of the group `chip`, one file each."""

from anomaly.cli.chip.group import register

__all__ = ["register"]
