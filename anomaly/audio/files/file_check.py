"""Check of one recording: readable, long enough, and free of sensor faults."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Channel
from anomaly.audio.files.decode import Decoder
from anomaly.audio.files.recordings import cut, resampled
from anomaly.audio.sensor.health import check_second
from anomaly.errors import InputError

MIN_FILE_S = 1.0
# Share of faulty seconds above which a file is faulty; a single click is not.
_FAULTY_SHARE = 0.1

FileStatus: TypeAlias = Literal[
    "ok", "unreadable", "too-short", "silent", "constant", "clipping", "dc-offset", "duplicate"
]


@dataclass(frozen=True)
class FileReport:
    """Result of the check of one recording.

    Args:
        path: the file.
        role: "train" (normal sound), "test" or "abnormal", by folder and name.
        status: its worst fault.
        problem: description of the fault; None where it is "ok".
        seconds, sample_rate_hz, channels, encoding: as read; None where unreadable.
        level_dbfs: mean level.
        content: hash of the samples, by which copies under other names are found.
    """

    path: Path
    role: str
    status: FileStatus
    problem: str | None
    seconds: float | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    encoding: str | None = None
    level_dbfs: float | None = None
    content: str | None = None

    @property
    def usable(self) -> bool:
        """True if training and scoring can use it."""
        return self.status in ("ok", "clipping", "dc-offset")


def role_of(path: Path, folder: Path) -> str:
    """Return the role of a recording by DCASE names and folders: "abnormal", "test" or "train"."""
    parts = [part.lower() for part in path.relative_to(folder).parts[:-1]]
    if path.name.lower().startswith(("anomaly", "abnormal")) or "abnormal" in parts or "anomaly" in parts:
        return "abnormal"
    return "test" if "test" in parts else "train"


def check_file(path: Path, role: str = "train", *, channel: Channel = "mean") -> FileReport:
    """Read one recording second by second; an unreadable one is a report, not an error."""
    digest = hashlib.blake2b(digest_size=16)
    found: Counter[str] = Counter()
    energy = 0.0
    samples = 0
    try:
        with Decoder(path) as decoder:
            form = decoder.format
            for second in cut(resampled(decoder.blocks(channel), form.sample_rate_hz), 1.0):
                digest.update(np.ascontiguousarray(second).tobytes())
                found[check_second(second).status] += 1
                energy += float(np.square(second, dtype=np.float64).sum())
                samples += len(second)
    except InputError as error:
        return FileReport(path, role, "unreadable", error.message)
    seconds = samples / SAMPLE_RATE_HZ
    status, problem = _worst_fault(found, seconds)
    level_dbfs = round(10 * float(np.log10(max(energy / max(samples, 1), 1e-20))), 1)
    return FileReport(
        path,
        role,
        status,
        problem,
        seconds=seconds,
        sample_rate_hz=form.sample_rate_hz,
        channels=form.channels,
        encoding=form.encoding,
        level_dbfs=level_dbfs,
        content=digest.hexdigest(),
    )


def _worst_fault(found: Counter[str], seconds: float) -> tuple[FileStatus, str | None]:
    total = max(1, found.total())
    if seconds < MIN_FILE_S - 0.5 / SAMPLE_RATE_HZ:
        return "too-short", f"lasts {seconds:.2f} s; shorter than a second, it has no score"
    worst: tuple[tuple[FileStatus, str], ...] = (
        ("silent", "is digitally silent"),
        ("constant", "holds one constant value"),
        ("clipping", "touches full scale"),
        ("dc-offset", "has a large DC offset"),
    )
    for status, description in worst:
        if found[status] > _FAULTY_SHARE * total:
            return status, f"{description} in {found[status]} of {total} s"
    return "ok", None
