"""The store and the person that the case commands work with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomaly.store.store import Store


def open_store(state: Path | None, config: Path | None) -> Store:
    """Open the store of a state folder, or else of the site file."""
    from anomaly.config import find_site
    from anomaly.store.store import DATABASE_NAME, Store

    if state is None or config is not None:
        # A site file that is named must exist, even where --state overrides its folder.
        site = find_site(config)
        state = site.state_dir if state is None else state
    return Store.open(state / DATABASE_NAME, create=False)


def user_name(by: str | None) -> str:
    """Return the name given with ``--by``, or that of the user's account."""
    import getpass

    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an account for this user number
        return "unknown"
