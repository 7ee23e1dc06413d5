"""Commands of the group `data`, one file each."""

from anomaly.cli.data.group import register

__all__ = ["register"]
