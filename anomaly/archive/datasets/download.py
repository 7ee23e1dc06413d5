"""Downloading one file: into a ``.part``, going on where it stopped, and checked against size and checksum."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from anomaly.archive.datasets.remote import PassingError, Remote
from anomaly.errors import ConfigError, RemoteError

Report = Callable[[str, int, int], None]
"""Told what is being done, how many bytes of it are done, and how many there are."""

_CHUNK_BYTES = 1 << 20
_RANGE_UNSATISFIABLE = 416
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class Expected:
    """What a file must be: its address, its size and its checksum as published."""

    url: str
    name: str
    size_bytes: int
    md5: str


def download(remote: Remote, file: Expected, part: Path, report: Report) -> None:
    """Fill ``part`` until it is the file that was expected, keeping what is there.

    A connection that breaks is taken up where it broke. A file that was put together from several
    connections and has the wrong checksum is fetched once more as a whole.

    Raises:
        RemoteError: it does not come, is too long, or is not what was expected.
        ConfigError: it cannot be written, as when the disk is full.
    """
    try:
        in_one_go = _fill(remote, file, part, report)
        found = _md5(part, file, report)
        if found != file.md5 and not in_one_go:
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


def _fill(remote: Remote, file: Expected, part: Path, report: Report) -> bool:
    """Ask until the size is right; say whether it came over one connection."""
    most = _held(part)
    if most > file.size_bytes:
        part.unlink()
        most = 0
    in_one_go, failures = most == 0, 0
    while _held(part) < file.size_bytes:
        try:
            _ask(remote, file, part, report)
        except PassingError as trouble:
            held = _held(part)
            failures = 1 if held > most else failures + 1
            most = max(most, held)
            in_one_go = in_one_go and held == 0
            remote.wait(trouble, failures)
    return in_one_go


def _ask(remote: Remote, file: Expected, part: Path, report: Report) -> None:
    held = _held(part)
    headers = {"Range": f"bytes={held}-"} if held else {}
    with remote.open(file.url, headers=headers, also=(206, _RANGE_UNSATISFIABLE)) as answer:
        if answer.status_code == _RANGE_UNSATISFIABLE:
            part.unlink(missing_ok=True)
            raise PassingError("refuses to go on where it stopped", file.url)
        held = _start(answer, held, file)
        with part.open("r+b" if held else "wb") as out:
            out.seek(held)
            out.truncate()
            # As it comes: pieces of a set size would be lost when the connection breaks in the middle of one.
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
        raise PassingError(f"ended after {held} of {file.size_bytes} bytes", file.url)


def _start(answer: httpx.Response, held: int, file: Expected) -> int:
    """Where the answer begins in the file: where we asked, or at 0 if the server knows no ranges."""
    if answer.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0
    match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if match is None or int(match[1]) != held or match[2] not in ("*", str(file.size_bytes)):
        told = answer.headers.get("content-range", "nothing")
        raise RemoteError(
            f"was asked for bytes {held} to {file.size_bytes} and answers with {told}",
            where=file.url,
            hint="remove the .part file in the hidden folder .fetch of the data folder to start anew",
        )
    return held


def _held(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _md5(part: Path, file: Expected, report: Report) -> str:
    # Zenodo publishes nothing stronger; it guards against accidents, and https against the rest.
    digest = hashlib.md5(usedforsecurity=False)
    done = 0
    with part.open("rb") as data:
        while chunk := data.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            report(f"checking {file.name}", done, file.size_bytes)
    return digest.hexdigest()
