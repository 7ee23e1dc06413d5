"""Users of the dashboard with hashed passwords, in one file of the state folder."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anomaly import atomic
from anomaly.errors import ConfigError, UsageError
from anomaly.extras import needs
from anomaly.store.database.file_lock import FileLock
from anomaly.web.security.identity import Role

USERS_NAME = "users.json"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 256
_NAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}", re.IGNORECASE)


class User(BaseModel):
    """One user.

    Attributes:
        role: what the user may do.
        listen: may listen to sound.
        password: argon2 hash.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role
    listen: bool = False
    password: str = Field(repr=False)


class UserFile:
    """Users in a file; read anew when it has changed.

    Args:
        path: the file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[object, dict[str, User]] | None = None
        self._lock = threading.Lock()

    def users(self) -> dict[str, User]:
        """Return all users by name.

        Raises:
            ConfigError: the file cannot be read.
        """
        with self._lock:
            try:
                facts = self.path.stat()
            except FileNotFoundError:
                return {}
            except OSError as error:
                raise ConfigError(f"cannot be read: {error.strerror}", where=self.path) from error
            key = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
            if self._known is None or self._known[0] != key:
                self._known = (key, self._read())
            return dict(self._known[1])

    def add(self, name: str, password: str, role: Role, *, listen: bool) -> None:
        """Add a user, or give one that is there another password and role.

        Raises:
            UsageError: name or password cannot be used.
            ConfigError: the file cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no user name", hint="use letters, digits, dot, dash, _ and @, up to 64"
            )
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise UsageError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        user = User(role=role, listen=listen, password=_hasher().hash(password))
        self._change({name: user})

    def remove(self, name: str) -> None:
        """Remove a user, whose sessions end with it.

        Raises:
            UsageError: there is no such user.
        """
        if name not in self.users():
            raise UsageError(f"there is no user {name!r}", hint=f"users: {', '.join(self.users()) or 'none'}")
        self._change({name: None})

    def verified(self, name: str, password: str) -> User | None:
        """Return the user if the password is right; an unknown name takes as long as a wrong password."""
        from argon2.exceptions import InvalidHashError, VerifyMismatchError

        user = self.users().get(name)
        hashed = _stand_in() if user is None else user.password
        try:
            _hasher().verify(hashed, password[: LONGEST_PASSWORD + 1])
        except (VerifyMismatchError, InvalidHashError):
            return None
        return user

    def _change(self, changes: dict[str, User | None]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot be made: {error.strerror}", where=self.path.parent) from error
        lock = FileLock(self.path.with_suffix(".lock"))
        lock.acquire()
        try:
            users = {**self.users(), **changes}
            kept = {name: user.model_dump(mode="json") for name, user in users.items() if user is not None}
            write_private(self.path, json.dumps(kept, indent=1).encode())
        finally:
            lock.release()

    def _read(self) -> dict[str, User]:
        try:
            values = json.loads(self.path.read_bytes())
            return {str(name): User.model_validate(value) for name, value in values.items()}
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=self.path) from error
        except (ValueError, AttributeError, ValidationError) as error:
            hint = "restore it, or remove it and add the users again"
            raise ConfigError("is no file of users", where=self.path, hint=hint) from error


def write_private(path: Path, data: bytes) -> None:
    """Write a file atomically that only this user may read.

    Raises:
        ConfigError: it cannot be written.
    """
    atomic.write_bytes(path, data, mode=0o600)


_HASHED: list[str] = []


def _hasher() -> Any:
    with needs("web"):
        from argon2 import PasswordHasher
    return PasswordHasher()


def _stand_in() -> str:
    """Return the hash of no password."""
    if not _HASHED:
        import secrets

        _HASHED.append(_hasher().hash(secrets.token_hex(16)))
    return _HASHED[0]
