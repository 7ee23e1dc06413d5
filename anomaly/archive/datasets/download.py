"""Download of one file: into a ``.part``, resumed after an interruption, checked against size and checksum."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from anomaly.archive.datasets.remote import Remote, TransientRemoteError
from anomaly.errors import ConfigError, RemoteError

Report = Callable[[str, int, int], None]
"""Progress callback: the current work, its bytes done, and all its bytes."""

_CHUNK_BYTES = 1 << 20
_RANGE_UNSATISFIABLE = 416
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class DownloadFile:
    """A file to download: address, size and checksum as published."""

    url: str
    name: str
    size_bytes: int
    md5: str


def download(remote: Remote, file: DownloadFile, part: Path, report: Report) -> None:
    """Download a file to ``part``, continuing from the bytes that are there.

    A broken connection is resumed at the position of the break. A file from several connections that has the wrong
    checksum is downloaded once more as a whole.

    Raises:
        RemoteError: the server does not send it, it is too long, or has another checksum.
        ConfigError: it cannot be written, as when the disk is full.
    """
    try:
        one_connection = _fill(remote, file, part, report)
        found = _md5(part, file, report)
        if found != file.md5 and not one_connection:
            part.unlink()
            _fill(remote, file, part, report)
            found = _md5(part, file, report)
        if found != file.md5:
            part.unlink()
            raise RemoteError(
                f"is not the file that was published: its MD5 is {found}, not {file.md5}",
                where=file.url,
                hint="nothing was kept; a proxy or a mirror may have changed it",
            )
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", where=part) from error


def _fill(remote: Remote, file: DownloadFile, part: Path, report: Report) -> bool:
    """Request the file until its size is reached; return whether it came over one connection."""
    most = _size(part)
    if most > file.size_bytes:
        part.unlink()
        most = 0
    one_connection, failures = most == 0, 0
    while _size(part) < file.size_bytes:
        try:
            _request(remote, file, part, report)
        except TransientRemoteError as error:
            held = _size(part)
            failures = 1 if held > most else failures + 1
            most = max(most, held)
            one_connection = one_connection and held == 0
            remote.wait(error, failures)
    return one_connection


def _request(remote: Remote, file: DownloadFile, part: Path, report: Report) -> None:
    held = _size(part)
    headers = {"Range": f"bytes={held}-"} if held else {}
    with remote.open(file.url, headers=headers, also=(206, _RANGE_UNSATISFIABLE)) as answer:
        if answer.status_code == _RANGE_UNSATISFIABLE:
            part.unlink(missing_ok=True)
            raise TransientRemoteError("refuses to go on where it stopped", file.url)
        held = _start(answer, held, file)
        with part.open("r+b" if held else "wb") as out:
            out.seek(held)
            out.truncate()
            # Chunks as they arrive: with a fixed size, the part of a chunk before a break would be lost.
            for chunk in answer.iter_raw():
                held += len(chunk)
                if held > file.size_bytes:
                    break
                out.write(chunk)
                report(f"downloading {file.name}", held, file.size_bytes)
    if held > file.size_bytes:
        part.unlink()
        raise RemoteError(f"sends more than the {file.size_bytes} bytes that were published", where=file.url)
    if held < file.size_bytes:
        raise TransientRemoteError(f"ended after {held} of {file.size_bytes} bytes", file.url)


def _start(answer: httpx.Response, held: int, file: DownloadFile) -> int:
    """Return the position in the file at which the answer begins: as requested, or 0 from a server without ranges."""
    if answer.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0
    match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if match is None or int(match[1]) != held or match[2] not in ("*", str(file.size_bytes)):
        sent = answer.headers.get("content-range", "nothing")
        raise RemoteError(
            f"was asked for bytes {held} to {file.size_bytes} and answers with {sent}",
            where=file.url,
            hint="remove the .part file in the hidden folder .fetch of the data folder to start anew",
        )
    return held


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _md5(part: Path, file: DownloadFile, report: Report) -> str:
    # Zenodo publishes no stronger checksum: MD5 finds transmission errors, https prevents changes.
    digest = hashlib.md5(usedforsecurity=False)
    done = 0
    with part.open("rb") as data:
        while chunk := data.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            report(f"checking {file.name}", done, file.size_bytes)
    return digest.hexdigest()
