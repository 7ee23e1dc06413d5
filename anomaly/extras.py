"""Optional packages, and the message if one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anomaly.errors import ConfigError


@contextmanager
def trainer_installed() -> Iterator[None]:
    """Turn a missing package of the extra ``train`` into a message with the command that installs it.

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
    """Turn a missing package of an extra into a message with the command that installs it; for blocks of imports.

    Raises:
        ConfigError: a package of the extra is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the package {error.name} is missing", hint=f"install it with `pip install 'anomaly[{extra}]'`"
        ) from error
