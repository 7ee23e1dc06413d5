"""Store, reader and operator name for the commands of cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomaly.store.reader import StoreReader
    from anomaly.store.store import Store


def open_store(state: Path | None, config: Path | None) -> Store:
    """Open the store of a state folder, or else of the site file, for writing.

    While the disk takes nothing, it is the one in memory of the running monitor, which is said.
    """
    from anomaly.store.store import DATABASE_NAME, Store

    path = _state_dir(state, config) / DATABASE_NAME
    _say_where(path)
    return Store.open(path, create=False)


def open_reader(state: Path | None, config: Path | None) -> StoreReader:
    """Open the store of a state folder, or else of the site file, read-only.

    While the disk takes nothing, it is the one in memory of the running monitor, which is said.
    """
    from anomaly.store.current import current_database
    from anomaly.store.store import DATABASE_NAME

    path = _state_dir(state, config) / DATABASE_NAME
    _say_where(path)
    return current_database(path).reader


def _say_where(path: Path) -> None:
    import typer

    from anomaly.errors import ConfigError
    from anomaly.store.current import current_database

    try:
        note = current_database(path).note()
    except ConfigError:
        return  # opening it tells more
    if note:
        typer.echo(f"note: {note}", err=True)


def check_machine(machine: str, reader: StoreReader, config: Path | None) -> None:
    """Check that a machine is known: to the site file or to the database.

    Raises:
        ConfigError: it is not.
    """
    from anomaly.config import find_site
    from anomaly.errors import ConfigError
    from anomaly.store.machine_summary import stored_machines

    known = sorted({*find_site(config).machines, *stored_machines(reader)})
    if machine not in known:
        listed = ", ".join(known) or "none"
        raise ConfigError(
            f"there is no machine {machine!r}", where=reader.path, hint=f"machines here: {listed}"
        )


def _state_dir(state: Path | None, config: Path | None) -> Path:
    from anomaly.config import find_site

    if state is not None and config is None:
        return state
    # A site file that is named must exist, even where --state overrides its folder.
    site = find_site(config)
    return site.state_dir if state is None else state


def user_name(by: str | None) -> str:
    """Return the name given with ``--by``, or that of the user's account."""
    import getpass

    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an account for this user number
        return "unknown"
