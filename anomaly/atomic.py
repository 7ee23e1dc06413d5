"""Atomic writing of files and folders: they appear complete or not at all."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anomaly.errors import ConfigError

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def write_bytes(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file atomically: a reader sees the old or the new content, also after a crash.

    Args:
        path: the file.
        data: its content.
        mode: who may read and write it.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                temporary.chmod(mode)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=path) from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces ``path`` when the block ends without an exception.

    The old folder is kept until the new one is complete, and stays if the block raises.

    Raises:
        ConfigError: the parent folder cannot be written, or something that is no folder has the name.
    """
    if os.path.lexists(path) and not path.is_dir():
        raise ConfigError("is in the way: no folder", where=path)
    with _parents(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.new."))
        except OSError as error:
            raise ConfigError(f"cannot be written: {error.strerror}", where=path.parent) from error
        try:
            with _final_name(work, path):
                yield work
            work.chmod(0o755)
            _swap(work, path)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise


@contextmanager
def new_files(folder: Path) -> Iterator[Path]:
    """Yield an empty folder whose files all move to ``folder`` when the block ends, and none if it raises.

    Files of the same names are replaced, others stay. An existing folder is not replaced, because it may be a mount
    point or a current directory: files are written inside it under a hidden name first, so that a full disk leaves the
    old ones unchanged.

    Raises:
        ConfigError: the folder cannot be written, or something that is no folder has the name.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise ConfigError("is in the way: no folder", where=folder)
    there = folder.is_dir()
    with _parents(folder):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            base, prefix = (folder, ".new.") if there else (folder.parent, f".{folder.name}.new.")
            hidden = tempfile.TemporaryDirectory(dir=base, prefix=prefix)
        except OSError as error:
            raise ConfigError(f"cannot be written: {error.strerror}", where=folder) from error
        with hidden as name:
            with _final_name(Path(name), folder):
                yield Path(name)
            _appear(Path(name), folder, there)


@contextmanager
def _parents(path: Path) -> Iterator[None]:
    """Remove the parent folders that the block has made, if nothing came to lie in them."""
    made = [parent for parent in path.parents if not parent.exists()]
    try:
        yield
    finally:
        for parent in made:
            with suppress(OSError):  # it holds something now
                parent.rmdir()


@contextmanager
def _final_name(work: Path, path: Path) -> Iterator[None]:
    """Name the file that was to be written in the errors of the block, not the hidden one that is gone."""
    try:
        yield
    except ConfigError as error:
        if error.where is not None:
            error.where = error.where.replace(str(work), str(path), 1)
        raise


def _appear(work: Path, folder: Path, there: bool) -> None:
    """Rename the new folder, or move its files into a folder that exists or has appeared meanwhile."""
    try:
        work.chmod(0o755)
        if there or not _renamed(work, folder):
            _move_into(work, folder)
    except OSError as error:
        where = error.filename or folder
        raise ConfigError(f"cannot be written: {error.strerror}", where=where) from error


def _renamed(work: Path, folder: Path) -> bool:
    """Rename the folder; return false if another process has created one with content meanwhile."""
    try:
        work.rename(folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False
    return True


def check_writable(folder: Path, option: str) -> None:
    """Check before a long computation that its result can be written.

    Args:
        folder: of the result; it need not exist.
        option: the option that names another folder, for the hint.

    Raises:
        ConfigError: the folder cannot be written.
    """
    there = folder.absolute()
    while not os.path.lexists(there):
        there = there.parent
    try:
        tempfile.TemporaryDirectory(dir=there, prefix=".anomaly.").cleanup()
    except OSError as error:
        hint = f"give another folder with {option}"
        raise ConfigError(f"cannot be written: {error.strerror}", where=there, hint=hint) from error


def _move_into(work: Path, folder: Path) -> None:
    """Move all files: folders are made first, because they need disk space and renaming does not."""
    found = sorted(work.rglob("*"))
    for path in found:
        if path.is_dir():
            (folder / path.relative_to(work)).mkdir(exist_ok=True)
    for path in found:
        if not path.is_dir():
            path.replace(folder / path.relative_to(work))


def _swap(work: Path, path: Path) -> None:
    """Replace ``path`` by ``work`` in one step where possible, so that a kill leaves the old or the new one."""
    if not path.exists():
        work.rename(path)
    elif _exchange(work, path):
        _remove(work)
    else:
        _two_steps(work, path)


def exchange(new: Path, path: Path) -> None:
    """Replace ``path``, which is removed, by ``new``; in one step where the system can.

    Raises:
        OSError: one of them cannot be renamed.
    """
    if _exchange(new, path):
        _remove(new)
    else:
        _two_steps(new, path)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink(missing_ok=True)  # a link goes, not what it points to
    else:
        shutil.rmtree(path, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names (Linux: renameat2); return false where the system or file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _two_steps(work: Path, path: Path) -> None:
    old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
    path.rename(old / path.name)
    try:
        work.rename(path)
    except BaseException:
        (old / path.name).rename(path)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
