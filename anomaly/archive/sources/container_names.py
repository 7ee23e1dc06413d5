"""Names of tar and zip archives, and of their members in the tables."""

from __future__ import annotations

SEPARATOR = "::"
ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def is_container(name: str) -> bool:
    """Return whether a name is that of a tar or zip archive."""
    return name.lower().endswith((*ZIP_SUFFIXES, *TAR_SUFFIXES))


def is_packed_tar(path: str) -> bool:
    """Return whether a tar archive is compressed, so that it can only be read from its start."""
    return path.lower().endswith(TAR_SUFFIXES) and not path.lower().endswith(".tar")
