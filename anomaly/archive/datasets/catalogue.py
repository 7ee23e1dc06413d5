"""The public data sets that can be fetched: what, where, how large, under which licence (``catalogue.yaml``)."""

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
        record: the number of the record.
        name: the file's name in it.
        size_bytes: its size; None where no source confirms one, then the record is asked.
        md5: its checksum as Zenodo publishes it; None as for the size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: PositiveInt
    name: FileName
    size_bytes: PositiveInt | None = None
    md5: Md5 | None = None


class PublicSet(BaseModel):
    """A public data set: for each machine the files that make up its folder of recordings.

    Attributes:
        title: what its authors call it.
        layout: how ``anomaly evaluate`` reads the unpacked folder; ``none``: it does not.
        packed: ``zip`` is unpacked, the volumes of a ``7z`` archive are left as they are.
        licence: its licence; None where no source confirms one, then the record is asked.
        citation: what its authors ask to cite.
        note: what else one should know.
        source: where each of these facts comes from.
        machines: files by machine, named as the authors do.
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
        """The machine of that name as it is spelt here, whatever the case."""
        return next((known for known in self.machines if known.lower() == name.lower()), None)


class Catalogue(BaseModel):
    """All data sets by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_sets: dict[Name, PublicSet]

    def data_set(self, name: str) -> PublicSet:
        """The data set of that name.

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
    """The catalogue that comes with the program.

    Raises:
        ConfigError: the file cannot be read, or says something that a catalogue cannot say.
    """
    value, lines = load(path)
    try:
        return Catalogue.model_validate(value)
    except ValidationError as error:
        raise explained(error, Catalogue, path, lines) from error
