"""Manifest of a bundle, ``bundle.json``: machine, settings, origin, and the hash of every file."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from anomaly import __version__
from anomaly.errors import ConfigError, ModelError
from anomaly.workspace import machine_name

SCHEMA_VERSION = 1
RESERVED_NAMES = ("bundle.json", "bundle.sig")
LIMIT_BYTES = 2**22
AGAIN = "copy the bundle again, or train it anew"
_LIMIT_FILES = 1000
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_PARTS = 4


def file_name(name: str) -> str:
    """Return ``name`` if it is a plain relative path (``report/score.png``) that stays inside the bundle.

    Raises:
        ValueError: it is absolute, climbs, hides, is too deep, or is a name that the bundle itself uses.
    """
    parts = name.split("/")
    if len(parts) > _PARTS or not all(_PART.fullmatch(part) for part in parts) or name in RESERVED_NAMES:
        raise ValueError(f"{name!r} cannot be a file of a bundle")
    return name


def _machine(name: str) -> str:
    try:
        return machine_name(name)
    except ConfigError as error:
        raise ValueError(error.message) from error


FileName = Annotated[str, AfterValidator(file_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Facts = dict[str, Any]
"""JSON values; each reader (front end, detector, report) checks its own part."""


class FileEntry(BaseModel):
    """Size and hash of one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Sha256
    size: Annotated[int, Field(ge=0, strict=True)]


class ManifestDraft(BaseModel):
    """Part of a manifest that training fills in; ``write_bundle`` adds versions and hashes.

    Attributes:
        machine: name of the machine.
        created_at: when training ended, with a time zone.
        front_end: settings of the features, as the front end itself describes them.
        detectors: settings of ``student`` and ``teacher``.
        data_fingerprint: hash of the recordings trained on, see `anomaly.bundle.fingerprint`.
        code_fingerprint: hash of the code that trained, see `anomaly.bundle.fingerprint`.
        metrics: figures of the training; null for those that could not be measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    machine: Annotated[str, AfterValidator(_machine)]
    created_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    front_end: Facts
    detectors: Facts
    data_fingerprint: str
    code_fingerprint: str
    metrics: Facts


class Manifest(ManifestDraft):
    """Content of ``bundle.json`` without its checksum.

    Attributes:
        schema_version: layout of the bundle; a newer one is refused.
        anomaly_version: version of the program that wrote it.
        signer: Ed25519 public key (base64) that ``bundle.sig`` was made with; null in an unsigned bundle.
        files: size and hash of every file but ``bundle.json`` and ``bundle.sig``.
    """

    schema_version: Literal[1]
    anomaly_version: str
    signer: str | None
    files: Annotated[dict[FileName, FileEntry], Field(min_length=1, max_length=_LIMIT_FILES)]

    @classmethod
    def complete(cls, draft: ManifestDraft, files: dict[str, FileEntry], signer: str | None) -> Manifest:
        """Add schema, version, signer and files to a draft.

        Raises:
            ValueError: a file name cannot be part of a bundle.
        """
        return cls(
            schema_version=1, anomaly_version=__version__, signer=signer, files=files, **draft.model_dump()
        )

    def to_json(self) -> bytes:
        """Return the bytes of ``bundle.json``: sorted keys, NaN as null, and a checksum over all of it."""
        facts = json.loads(self.model_dump_json())
        return _canonical(facts | {"checksum": _checksum(facts)})


def parse(text: bytes, *, where: Path) -> Manifest:
    """Read the bytes of ``bundle.json``.

    Raises:
        ModelError: they are too many, no JSON, damaged, of a newer schema, or no manifest.
    """
    if len(text) > LIMIT_BYTES:
        raise ModelError(f"is larger than {LIMIT_BYTES} bytes", where=where)
    try:
        facts = json.loads(text, object_pairs_hook=_no_duplicates)
        if not isinstance(facts, dict):
            raise ValueError("it holds no object")
        _refuse_newer(facts, where)
        written = facts.pop("checksum", None)
        if written != _checksum(facts) or text != _canonical(facts | {"checksum": written}):
            raise ValueError("its checksum is wrong")
        return Manifest.model_validate(facts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{place}: {first['msg']}", where=where, hint=AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is damaged: {error}", where=where, hint=AGAIN) from error


def _refuse_newer(facts: dict[str, Any], where: Path) -> None:
    version = facts.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ModelError(
            f"has schema version {version}, this program reads up to {SCHEMA_VERSION}",
            where=where,
            hint="update anomaly on this computer, or train the bundle with this version",
        )


def _checksum(facts: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(facts)).hexdigest()


def _canonical(facts: dict[str, Any]) -> bytes:
    """Return the canonical bytes of a manifest, so that any change of a byte is detected."""
    return json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
