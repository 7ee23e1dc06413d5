"""Versions of a machine's bundle, and the one in use.

    models/pump              the bundle in use: a folder, or a link to one of the versions
    models/.versions/pump/   one folder for each version, named after its manifest's SHA-256
    models/.versions/pump.log   changes of the version in use with their times, one JSON object a line

A version is never changed. Another one is put into use by one rename: a reader of ``models/pump`` finds the complete
old or new bundle, even if a process is killed at any point.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anomaly import atomic
from anomaly.bundle import MANIFEST_NAME, find_bundle, open_bundle
from anomaly.errors import ConfigError, UsageError
from anomaly.workspace import machine_name

VERSIONS = ".versions"
_DIGITS = 12


@dataclass(frozen=True)
class Version:
    """Version of a machine's bundle.

    Args:
        id: 12 hex digits of its manifest's SHA-256.
        path: its folder.
        created_at: when it was trained, ISO 8601.
        active: whether it is in use.
    """

    id: str
    path: Path
    created_at: str
    active: bool


def version_of(bundle: Path) -> str:
    """Return the version in a bundle's folder.

    Raises:
        ConfigError: there is no bundle.
    """
    try:
        return hashlib.sha256((bundle / MANIFEST_NAME).read_bytes()).hexdigest()[:_DIGITS]
    except OSError as error:
        raise ConfigError(
            f"there is no bundle: {error.strerror}", where=bundle, hint="make one with `anomaly train`"
        ) from error


def versions(models: Path, machine: str) -> list[Version]:
    """Return all versions of a machine, the oldest first, including the one in use.

    Raises:
        ConfigError: the name cannot be used, or the machine has no bundle.
    """
    current = models / machine_name(machine)
    active = version_of(current)
    found = {active: current}
    for folder in sorted((models / VERSIONS / machine).glob("*")):
        if (folder / MANIFEST_NAME).is_file() and not folder.name.startswith("."):
            found[folder.name] = folder
    listed = [Version(name, path, _created(path), name == active) for name, path in found.items()]
    return sorted(listed, key=lambda version: (version.created_at, version.id))


def find_version(models: Path, machine: str, name: str) -> Version:
    """Return the version whose identifier begins with ``name``.

    Raises:
        UsageError: there is none, or there are several.
    """
    known = versions(models, machine)
    found = [version for version in known if name and version.id.startswith(name.lower())]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(version.id for version in known)
    what = "several versions begin" if found else "no version begins"
    raise UsageError(f"{what} with {name!r}", where=machine, hint=f"versions: {listed}")


def find_bundle_or_version(models: Path, machine: str, name: str) -> Path:
    """Return the folder of a bundle by path or name, or else of a version of a machine's bundle.

    Raises:
        ConfigError: there is none of them.
        UsageError: several versions begin with ``name``.
    """
    if Path(name).name == name and not (models / name / MANIFEST_NAME).is_file():
        known = versions(models, machine)
        if name and any(version.id.startswith(name.lower()) for version in known):
            return find_version(models, machine, name).path
    return find_bundle(name, models)


def keep(models: Path, machine: str) -> Path | None:
    """Copy the bundle in use to the versions, before it is replaced; return None if there is none.

    Raises:
        ConfigError: the folder cannot be written.
    """
    current = models / machine_name(machine)
    if not (current / MANIFEST_NAME).is_file():
        return None
    target = models / VERSIONS / machine / version_of(current)
    if not target.exists():
        try:
            with atomic.new_folder(target) as work:
                shutil.copytree(current, work, dirs_exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot be kept: {error}", where=target) from error
    return target


def about_to_replace(models: Path, machine: str) -> str | None:
    """Return the message about the bundle in use that is about to be replaced; None if there is none."""
    current = models / machine_name(machine)
    if not (current / MANIFEST_NAME).is_file():
        return None
    kept = models / VERSIONS / machine / version_of(current)
    return f"the bundle that was in {current} is kept in {kept}; `anomaly models rollback {machine}` brings it back"


def activate(models: Path, machine: str, name: str) -> Version:
    """Put a version into use in one atomic step; a running monitor loads it by itself.

    Raises:
        UsageError: there is no such version.
        ModelError: the version is damaged; the old one stays in use.
        ConfigError: the folder cannot be written.
    """
    chosen = find_version(models, machine, name)
    if chosen.active:
        return chosen
    open_bundle(chosen.path)
    keep(models, machine)
    before = version_of(models / machine)
    _point(models / machine, chosen.path)
    _log(models, machine, before, chosen.id)
    return Version(chosen.id, chosen.path, chosen.created_at, active=True)


def rollback(models: Path, machine: str) -> Version:
    """Put the previous version into use; calling it again returns to the later one.

    Raises:
        UsageError: no other version was ever in use.
        ModelError: it is damaged.
    """
    active = version_of(models / machine_name(machine))
    known = {version.id for version in versions(models, machine)}
    for line in reversed(_read_log(models, machine)):
        for name in (line.get("from"), line.get("to")):
            if isinstance(name, str) and name != active and name in known:
                return activate(models, machine, name)
    raise UsageError(
        "no other version was in use before this one",
        where=machine,
        hint=f"choose one: anomaly models list {machine}",
    )


@contextmanager
def replacing(models: Path, machine: str) -> Iterator[None]:
    """Keep the bundle in use among the versions while the block replaces it; undone if the block raises.

    Raises:
        ConfigError: the folder cannot be written.
    """
    home = models / VERSIONS / machine_name(machine)
    before = set(home.glob("*"))
    kept = keep(models, machine)
    try:
        yield
    except BaseException:
        if kept is not None and kept not in before:
            shutil.rmtree(kept, ignore_errors=True)
            with suppress(OSError):  # others' versions stay
                home.rmdir()
                home.parent.rmdir()
        raise
    if kept is not None:
        _log(models, machine, kept.name, version_of(models / machine))


def _point(link: Path, target: Path) -> None:
    """Make ``link``, a link or a folder, a link to ``target`` in one atomic step."""
    try:
        work = Path(tempfile.mkdtemp(dir=link.parent, prefix=f".{link.name}.link."))
        new = work / link.name
        new.symlink_to(os.path.relpath(target, link.parent))
        if link.is_symlink():
            new.replace(link)
        else:
            atomic.exchange(new, link)
        shutil.rmtree(work)
    except OSError as error:
        raise ConfigError(f"cannot be switched: {error.strerror or error}", where=link) from error


def _log(models: Path, machine: str, before: str, after: str) -> None:
    line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "from": before, "to": after}
    path = models / VERSIONS / f"{machine}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=path) from error


def _read_log(models: Path, machine: str) -> list[dict[str, object]]:
    try:
        text = (models / VERSIONS / f"{machine}.log").read_text(encoding="utf-8")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue  # cut off by a crash
        if isinstance(value, dict):
            found.append(value)
    return found


def _created(path: Path) -> str:
    try:
        return str(json.loads((path / MANIFEST_NAME).read_bytes()).get("created_at", ""))
    except (OSError, ValueError, AttributeError):
        return ""
