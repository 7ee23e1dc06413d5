"""Site, database and folders as they are now, for every request."""

from __future__ import annotations

import threading
from pathlib import Path

from anomaly.config import Site, find_file, find_site
from anomaly.errors import ConfigError
from anomaly.store.current import current_database
from anomaly.store.database.file_lock import is_locked
from anomaly.store.machine_summary import stored_machines
from anomaly.store.reader import StoreReader
from anomaly.store.store import DATABASE_NAME, Store
from anomaly.web.settings import WebSettings
from anomaly.workspace import data_dir

_LOCK_PREFIX, _LOCK_SUFFIX = "monitor-", ".lock"
WEB_FOLDER = "web"


class SiteAccess:
    """Site file, read anew when it has changed, and what belongs to it.

    Args:
        settings: folders that the command line names.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._known: tuple[object, Site] | None = None

    @property
    def file(self) -> Path | None:
        """Site file, or None while there is none."""
        return find_file(self._settings.config)

    @property
    def site(self) -> Site:
        """Site as its file is now.

        Raises:
            ConfigError: the file cannot be used.
        """
        file = self.file
        try:
            facts = None if file is None else file.stat()
        except OSError:
            facts = None
        key = (file, facts and (facts.st_mtime_ns, facts.st_size, facts.st_ino))
        with self._lock:
            if self._known is None or self._known[0] != key:
                self._known = (key, self._load())
            return self._known[1]

    @property
    def web_folder(self) -> Path:
        """Folder of users, sessions, jobs and the log of actions, in the state folder."""
        return self.site.state_dir / WEB_FOLDER

    @property
    def recordings(self) -> Path:
        """Folder of the recordings of all machines."""
        return data_dir(self._settings.data)

    def reader(self) -> StoreReader:
        """Return a reader of the database that is current.

        Raises:
            ConfigError: there is none yet.
        """
        return current_database(self.site.state_dir / DATABASE_NAME).reader

    def reader_or_none(self) -> StoreReader | None:
        """Return a reader of the database that is current, or None before the first monitor has made one."""
        try:
            return self.reader()
        except ConfigError:
            return None

    def store(self) -> Store:
        """Open the database for a change by a person; close it.

        Raises:
            ConfigError: there is none yet, or it cannot be written.
        """
        return Store.open(self.site.state_dir / DATABASE_NAME, create=False)

    def is_monitored(self, machine: str) -> bool:
        """Return whether a monitor watches a machine."""
        return is_locked(self.site.state_dir / f"{_LOCK_PREFIX}{machine}{_LOCK_SUFFIX}")

    def machines(self) -> list[str]:
        """Return the machines of the site file and those that a monitor watches; without any, all that are stored."""
        site = self.site
        names = dict.fromkeys(site.machines)
        for file in sorted(site.state_dir.glob(f"{_LOCK_PREFIX}*{_LOCK_SUFFIX}")):
            name = file.name.removeprefix(_LOCK_PREFIX).removesuffix(_LOCK_SUFFIX)
            if name not in names and is_locked(file):
                names[name] = None
        if not site.machines and (reader := self.reader_or_none()) is not None:
            names |= dict.fromkeys(stored_machines(reader))
        return list(names)

    def _load(self) -> Site:
        found = find_site(self._settings.config)
        changes = {"models_dir": self._settings.models, "state_dir": self._settings.state}
        return found.model_copy(update={key: value for key, value in changes.items() if value is not None})
