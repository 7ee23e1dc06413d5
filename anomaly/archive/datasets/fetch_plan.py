"""What fetching a machine of a public data set would do: from where, how much, under which licence, to where."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anomaly.archive.datasets.catalogue import PublicSet, RemoteFile, catalogue
from anomaly.archive.datasets.download import Expected
from anomaly.archive.datasets.remote import Remote
from anomaly.archive.datasets.zenodo import Record, address, page, read_record
from anomaly.errors import RemoteError, UsageError
from anomaly.workspace import machine_name

SOURCE = "SOURCE.json"
"""The file in a fetched folder that says where it comes from and under which licence."""

_DOWNLOADS = ".fetch"


@dataclass(frozen=True)
class FetchPlan:
    """What would be fetched, from where and to where; every size and checksum is known.

    Attributes:
        data_set: its name in the catalogue.
        machine: the machine, as its authors spell it.
        about: what the catalogue says of the data set.
        licence: the licence, from the catalogue or from the record.
        pages: addresses that show the records to people.
        files: what to download.
        folder: where the recordings go.
        downloads: where what is half downloaded waits.
    """

    data_set: str
    machine: str
    about: PublicSet
    licence: str
    pages: tuple[str, ...]
    files: tuple[Expected, ...]
    folder: Path
    downloads: Path

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def held_bytes(self) -> int:
        """Bytes that an earlier try has left here."""
        parts = [self.part(file) for file in self.files]
        return sum(part.stat().st_size for part in parts if part.exists())

    @property
    def here(self) -> bool:
        """Whether the folder is there already, and holds just this."""
        return _source(self.folder).get("files") == self._checksums()

    def part(self, file: Expected) -> Path:
        """Where a file is kept until all are unpacked."""
        return self.downloads / f"{file.name}.part"

    def as_json(self) -> dict[str, object]:
        """The plan as JSON has it."""
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
    """Find out what a fetch would do. What the catalogue does not know is asked of the record.

    Args:
        data_set: a name of the catalogue.
        machine: one of its machines, whatever the case.
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
    wanted = about.machines[spelt]
    folder = data / machine_name(name or f"{data_set}-{spelt}")
    incomplete = [file.record for file in wanted if file.size_bytes is None or file.md5 is None]
    asked = {file.record for file in wanted} if about.licence is None else set(incomplete)
    records = {number: read_record(remote, number) for number in sorted(asked)}
    return FetchPlan(
        data_set=data_set,
        machine=spelt,
        about=about,
        licence=about.licence or _licences(records.values()),
        pages=tuple(dict.fromkeys(page(remote, file.record) for file in wanted)),
        files=tuple(_expected(remote, file, records.get(file.record)) for file in wanted),
        folder=folder,
        downloads=data / _DOWNLOADS / folder.name,
    )


def _expected(remote: Remote, file: RemoteFile, record: Record | None) -> Expected:
    """Complete what the catalogue says by what the record says; they must not disagree."""
    url = address(remote, file)
    size_bytes, md5 = file.size_bytes, file.md5
    if record is not None:
        told = record.files.get(file.name)
        if told is None:
            raise RemoteError(f"the record has no file {file.name}", where=page(remote, file.record))
        pairs = ((size_bytes, told.size_bytes), (md5, told.md5))
        if any(ours is not None and theirs is not None and ours != theirs for ours, theirs in pairs):
            raise RemoteError(
                f"the record names {told.size_bytes} bytes with MD5 {told.md5}, this program's catalogue "
                f"{size_bytes or 'any number of'} bytes with {md5}",
                where=url,
                hint="the file was changed after it was published, or the mirror is not one",
            )
        size_bytes, md5 = size_bytes or told.size_bytes, md5 or told.md5
    if size_bytes is None or md5 is None:
        raise RemoteError("neither the catalogue nor the record says size and checksum", where=url)
    return Expected(url, file.name, size_bytes, md5)


def _licences(records: Iterable[Record]) -> str:
    names = dict.fromkeys(record.licence for record in records if record.licence)
    return ", ".join(names) or "not stated: see the record's page"


def _source(folder: Path) -> dict[str, object]:
    """What the file in a fetched folder says; nothing if there is none."""
    try:
        value = json.loads((folder / SOURCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
