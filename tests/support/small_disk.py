"""Small disk of its own for a test: a file system in memory that is mounted, filled, freed and made read-only."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class SmallDisk:
    """Mounted file system of a fixed size.

    Args:
        path: where it is mounted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Write until nothing more fits."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (65_536, 4_096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Make room again."""
        self._ballast.unlink(missing_ok=True)

    def remount(self, mode: str) -> None:
        """Make it read-only (``ro``) or writable (``rw``) while files of it are open."""
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.path)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], SmallDisk]]:
    """Mount a disk of so many KiB; it is unmounted after the test, which is skipped where nobody may mount."""
    mounted: list[Path] = []

    def mount(kib: int) -> SmallDisk:
        path = tmp_path / f"disk{len(mounted)}"
        path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no `mount` here, which makes the small disk of this test")
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted by this user: {done.stderr.strip()}")
        mounted.append(path)
        return SmallDisk(path)

    yield mount
    for path in mounted:
        # Lazily: a process that the test has left may still hold a file.
        subprocess.run(["umount", "-l", str(path)], check=True)
