"""Plan of the fetch of one machine of a public data set: source, size, licence and target folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anomaly.archive.datasets.catalogue import PublicSet, RemoteFile, catalogue
from anomaly.archive.datasets.download import DownloadFile
from anomaly.archive.datasets.remote import Remote
from anomaly.archive.datasets.zenodo import Record, file_address, read_record, record_page
from anomaly.errors import RemoteError, UsageError
from anomaly.workspace import machine_name

SOURCE = "SOURCE.json"
"""File in a fetched folder that holds its source and licence."""

_DOWNLOADS = ".fetch"


@dataclass(frozen=True)
class FetchPlan:
    """Files to fetch, their source and their target folder; every size and checksum is known.

    Attributes:
        data_set: its name in the catalogue.
        machine: the machine, as its authors spell it.
        about: entry of the data set in the catalogue.
        licence: the licence, from the catalogue or from the record.
        pages: addresses that show the records to people.
        files: to download.
        folder: of the recordings.
        downloads: folder of incomplete downloads.
    """

    data_set: str
    machine: str
    about: PublicSet
    licence: str
    pages: tuple[str, ...]
    files: tuple[DownloadFile, ...]
    folder: Path
    downloads: Path

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def held_bytes(self) -> int:
        """Bytes that an earlier try has downloaded."""
        parts = [self.part(file) for file in self.files]
        return sum(part.stat().st_size for part in parts if part.exists())

    @property
    def here(self) -> bool:
        """True if the folder exists already, and holds these files."""
        return _source(self.folder).get("files") == self._checksums()

    def part(self, file: DownloadFile) -> Path:
        """Return the path of a download until all are unpacked."""
        return self.downloads / f"{file.name}.part"

    def as_json(self) -> dict[str, object]:
        """Return the plan as JSON types."""
        return {
            "data_set": self.data_set,
            "machine": self.machine,
            "title": self.about.title,
            "licence": self.licence,
            "citation": self.about.citation,
            "note": self.about.note,
            "layout": self.about.layout,
            "pages": list(self.pages),
            "files": self._checksums(),
        }

    def _checksums(self) -> list[dict[str, object]]:
        return [{"name": file.name, "size_bytes": file.size_bytes, "md5": file.md5} for file in self.files]


def plan_fetch(
    data_set: str, machine: str, remote: Remote, *, data: Path, name: str | None = None
) -> FetchPlan:
    """Plan a fetch; facts that the catalogue lacks are read from the record.

    Args:
        data_set: a name of the catalogue.
        machine: one of its machines, in any case.
        remote: Zenodo or a mirror.
        data: the folder that holds ``<machine>/`` folders of recordings.
        name: the folder's name in it; ``<data set>-<machine>`` if left out.

    Raises:
        UsageError: there is no such data set or machine in it.
        ConfigError: the name is no machine name.
        RemoteError: the record cannot be read, or contradicts the catalogue.
    """
    about = catalogue().data_set(data_set)
    spelt = about.machine(machine)
    if spelt is None:
        raise UsageError(
            f"{data_set} has no machine {machine!r}", hint=f"machines: {', '.join(about.machines)}"
        )
    needed = about.machines[spelt]
    folder = data / machine_name(name or f"{data_set}-{spelt}")
    incomplete = [file.record for file in needed if file.size_bytes is None or file.md5 is None]
    to_read = {file.record for file in needed} if about.licence is None else set(incomplete)
    records = {number: read_record(remote, number) for number in sorted(to_read)}
    return FetchPlan(
        data_set=data_set,
        machine=spelt,
        about=about,
        licence=about.licence or _licences(records.values()),
        pages=tuple(dict.fromkeys(record_page(remote, file.record) for file in needed)),
        files=tuple(_completed(remote, file, records.get(file.record)) for file in needed),
        folder=folder,
        downloads=data / _DOWNLOADS / folder.name,
    )


def _completed(remote: Remote, file: RemoteFile, record: Record | None) -> DownloadFile:
    """Complete the facts of the catalogue by those of the record, which must not contradict them."""
    url = file_address(remote, file)
    size_bytes, md5 = file.size_bytes, file.md5
    if record is not None:
        published = record.files.get(file.name)
        if published is None:
            raise RemoteError(f"the record has no file {file.name}", where=record_page(remote, file.record))
        pairs = ((size_bytes, published.size_bytes), (md5, published.md5))
        if any(ours is not None and theirs is not None and ours != theirs for ours, theirs in pairs):
            raise RemoteError(
                f"the record names {published.size_bytes} bytes with MD5 {published.md5}, this program's catalogue "
                f"{size_bytes or 'any number of'} bytes with {md5}",
                where=url,
                hint="the file was changed after it was published, or the mirror is not one",
            )
        size_bytes, md5 = size_bytes or published.size_bytes, md5 or published.md5
    if size_bytes is None or md5 is None:
        raise RemoteError("neither the catalogue nor the record says size and checksum", where=url)
    return DownloadFile(url, file.name, size_bytes, md5)


def _licences(records: Iterable[Record]) -> str:
    names = dict.fromkeys(record.licence for record in records if record.licence)
    return ", ".join(names) or "not stated: see the record's page"


def _source(folder: Path) -> dict[str, object]:
    """Read the source file of a fetched folder; empty if there is none."""
    try:
        value = json.loads((folder / SOURCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
