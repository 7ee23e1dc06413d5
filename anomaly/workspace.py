"""Default folders of recordings, bundles and the monitor's state, and names of machines.

The defaults are folders of the current directory; ``ANOMALY_DATA``, ``ANOMALY_MODELS`` and
``ANOMALY_STATE`` move them, and a command-line option wins over both.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from anomaly.errors import ConfigError

EXAMPLE = "example-pump"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.IGNORECASE)


def data_dir(folder: Path | None = None) -> Path:
    """Return the folder that holds ``<machine>/`` folders of recordings."""
    return folder if folder is not None else Path(os.environ.get("ANOMALY_DATA", "data"))


def models_dir(folder: Path | None = None) -> Path:
    """Return the folder that holds ``<machine>/`` bundles."""
    return folder if folder is not None else Path(os.environ.get("ANOMALY_MODELS", "models"))


def state_dir(folder: Path | None = None) -> Path:
    """Return the folder that holds the monitor's database."""
    return folder if folder is not None else Path(os.environ.get("ANOMALY_STATE", "state"))


def machine_name(name: str) -> str:
    """Return ``name`` if it is a valid name of a machine, which is also the name of a folder.

    Raises:
        ConfigError: it holds a path separator, starts with a dot, or is empty or too long.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no machine name",
            hint="use letters, digits, dot, dash and underscore, up to 64, starting with a letter or digit",
        )
    return name


def machines(models: Path) -> list[str]:
    """Return the names of the bundles in a models folder, sorted."""
    if not models.is_dir():
        return []
    return sorted(
        p.name for p in models.iterdir() if (p / "bundle.json").is_file() and not p.name.startswith(".")
    )


def choose_machine(models: Path, name: str | None) -> str:
    """Return the named machine, or the only one apart from the shipped example.

    Raises:
        ConfigError: the name has no bundle, or without a name there is not exactly one bundle.
    """
    known = machines(models)
    listed = ", ".join(known) if known else "none"
    if name is not None:
        if machine_name(name) in known:
            return name
        raise ConfigError(
            f"there is no bundle for machine {name!r}",
            where=models,
            hint=f"bundles here: {listed}; make one with `anomaly train --machine {name}`",
        )
    # The shipped example is trained on a simulated pump: it must not be chosen for a real machine by default.
    own = [machine for machine in known if machine != EXAMPLE]
    if len(own) == 1:
        return own[0]
    raise ConfigError("say which machine with --machine", where=models, hint=f"bundles here: {listed}")
