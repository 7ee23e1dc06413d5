"""Packages that not every installation has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anomaly.errors import ConfigError


@contextmanager
def trainer_installed() -> Iterator[None]:
    """Say what to install where the extra ``train`` is missing, instead of showing a traceback.

    Raises:
        ConfigError: a package of the extra is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(("anomaly", "chip")):
            raise
        raise ConfigError(
            f"training needs the package {error.name}", hint="install it with `pip install 'anomaly[train]'`"
        ) from error


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Say what to install where an extra is missing; only imports belong into the block.

    Raises:
        ConfigError: a package of the extra is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the package {error.name} is missing", hint=f"install it with `pip install 'anomaly[{extra}]'`"
        ) from error
