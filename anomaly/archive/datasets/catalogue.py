"""Catalogue of the public data sets that can be fetched, with files, sizes and licences (``catalogue.yaml``)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, ValidationError

from anomaly.config.validation_errors import explained
from anomaly.errors import UsageError
from anomaly.strict_yaml import load

_FILE = Path(__file__).with_name("catalogue.yaml")

Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
MachineName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class RemoteFile(BaseModel):
    """One file of a record on Zenodo.

    Attributes:
        record: number of the record.
        name: name of the file in it.
        size_bytes: its size; None where no source confirms one, it is read from the record then.
        md5: its checksum as Zenodo publishes it; None as for the size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: PositiveInt
    name: FileName
    size_bytes: PositiveInt | None = None
    md5: Md5 | None = None


class PublicSet(BaseModel):
    """A public data set: for each machine the files of its folder of recordings.

    Attributes:
        title: as its authors call it.
        layout: the layout in which ``anomaly evaluate`` reads the unpacked folder; ``none``: it cannot.
        packed: ``zip`` is unpacked, the volumes of a ``7z`` archive are left as they are.
        licence: its licence; None where no source confirms one, it is read from the record then.
        citation: as its authors request it.
        note: further information.
        source: source of each of these facts.
        machines: files by machine, named as by the authors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    layout: Literal["split", "folders", "none"]
    packed: Literal["zip", "7z"] = "zip"
    licence: Text | None = None
    citation: Text
    note: Text | None = None
    source: Annotated[tuple[Text, ...], Field(min_length=1)]
    machines: Annotated[
        dict[MachineName, Annotated[tuple[RemoteFile, ...], Field(min_length=1)]], Field(min_length=1)
    ]

    def machine(self, name: str) -> str | None:
        """Return the machine of a name as the authors spell it, ignoring case; None if there is none."""
        return next((known for known in self.machines if known.lower() == name.lower()), None)


class Catalogue(BaseModel):
    """All data sets by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_sets: dict[Name, PublicSet]

    def data_set(self, name: str) -> PublicSet:
        """Return the data set of a name.

        Raises:
            UsageError: there is none.
        """
        if name not in self.data_sets:
            raise UsageError(
                f"there is no public data set {name!r}", hint=f"data sets: {', '.join(self.data_sets)}"
            )
        return self.data_sets[name]


@lru_cache
def catalogue(path: Path = _FILE) -> Catalogue:
    """Load the catalogue that comes with the program.

    Raises:
        ConfigError: the file cannot be read, or holds an invalid key or value.
    """
    value, lines = load(path)
    try:
        return Catalogue.model_validate(value)
    except ValidationError as error:
        raise explained(error, Catalogue, path, lines) from error
