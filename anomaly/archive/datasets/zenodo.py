"""Records of Zenodo: the licence, and name, size and checksum of each file.

Format: https://developers.zenodo.org/#records. It has changed over the years, and a mirror may serve an older
one, so that every part of it may be missing here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from anomaly.archive.datasets.catalogue import RemoteFile
from anomaly.archive.datasets.remote import Remote
from anomaly.errors import RemoteError

_LARGEST_BYTES = 4 << 20
_MD5 = re.compile(r"(?:md5:)?([0-9a-f]{32})", re.IGNORECASE)


@dataclass(frozen=True)
class PublishedFile:
    """Size and checksum of a file; None where the record does not hold them."""

    size_bytes: int | None
    md5: str | None


@dataclass(frozen=True)
class Record:
    """One record: its licence, None where it names none, and its files by name."""

    licence: str | None
    files: Mapping[str, PublishedFile]


def record_page(remote: Remote, number: int) -> str:
    """Return the address of the web page of a record."""
    return f"{remote.base}/records/{number}"


def file_address(remote: Remote, file: RemoteFile) -> str:
    """Return the address of a file."""
    return f"{record_page(remote, file.record)}/files/{quote(file.name)}?download=1"


def read_record(remote: Remote, number: int) -> Record:
    """Request a record.

    Raises:
        RemoteError: no answer, or one that is no record.
    """
    url = f"{remote.base}/api/records/{number}"
    try:
        value = json.loads(remote.get(url, largest_bytes=_LARGEST_BYTES))
    except (ValueError, RecursionError) as error:
        raise RemoteError(f"the record is not JSON: {error}", where=url) from error
    record = parse_record(value)
    if not record.files:
        raise RemoteError(
            "the record names no files", where=url, hint="it may be closed; open it in a browser"
        )
    return record


def parse_record(value: object) -> Record:
    """Parse the valid parts of a record; never fails.

    Example:
        >>> parse_record({"files": [{"key": "a.zip", "size": 3, "checksum": "md5:" + 32 * "0"}]}).files["a.zip"]
        Published(size_bytes=3, md5='00000000000000000000000000000000')
    """
    record = _mapping(value)
    files = {name: PublishedFile(_size(entry), _md5(entry)) for name, entry in _entries(record.get("files"))}
    return Record(_licence(_mapping(record.get("metadata"))), files)


def _entries(files: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the files of a list, of InvenioRDM's ``entries`` by name, or of a list of these."""
    entries = _mapping(files).get("entries", files)
    if isinstance(entries, Mapping):
        entries = [{"key": name, **_mapping(entry)} for name, entry in entries.items()]
    for entry in entries if isinstance(entries, list) else ():
        found = _mapping(entry)
        name = found.get("key", found.get("filename"))
        if isinstance(name, str):
            yield name, found


def _size(entry: Mapping[str, Any]) -> int | None:
    size = entry.get("size", entry.get("filesize"))
    return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None


def _md5(entry: Mapping[str, Any]) -> str | None:
    match = _MD5.fullmatch(str(entry.get("checksum", "")))
    return match[1].lower() if match else None


def _licence(metadata: Mapping[str, Any]) -> str | None:
    """Return the licence's short name, from ``license`` or from the first of ``rights``."""
    rights = metadata.get("rights")
    found = metadata.get("license", rights[0] if isinstance(rights, list) and rights else None)
    name = _mapping(found).get("id", found)
    return name if isinstance(name, str) and name.isprintable() else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
