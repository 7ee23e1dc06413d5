"""Check of one recording: readable, long enough, and free of sensor faults."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Channel
from anomaly.audio.files.format_reference import FormatReference, describe
from anomaly.audio.files.recordings import ReadingReport, blocks
from anomaly.audio.sensor.health import Status, check_second
from anomaly.audio.sensor.reference import SensorReference
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.errors import InputError

MIN_FILE_S = 1.0
# Share of faulty seconds above which a file is faulty; a single click is not.
_FAULTY_SHARE = 0.1

SensorProblem: TypeAlias = Literal[
    "silent", "constant", "clipping", "dc-offset", "hum", "low-level", "band-limit", "gain", "processed"
]
FileStatus: TypeAlias = (
    Literal["ok", "unreadable", "truncated", "too-short", "dead-channel", "duplicate"] | SensorProblem
)

# Conditions that the monitor's sensor check finds in a second, as predicates, the worst first.
SENSOR_PROBLEMS: dict[SensorProblem, str] = {
    "silent": "is digitally silent",
    "constant": "holds one constant value",
    "clipping": "touches full scale",
    "dc-offset": "has a large DC offset",
    "hum": "holds little but mains hum",
    "low-level": "is far too quiet",
    "band-limit": "lacks the upper frequencies of the training sound",
    "gain": "was amplified otherwise than the training sound",
    "processed": "was processed (automatic gain or noise suppression)",
}

# Without any signal nothing else can be said of a file.
_NO_SIGNAL: tuple[SensorProblem, ...] = ("silent", "constant")
_UNUSABLE: tuple[FileStatus, ...] = ("unreadable", "too-short", "silent", "constant", "duplicate")


@dataclass(frozen=True)
class MachineReference:
    """Training sound of a machine, with which recordings are compared.

    Args:
        name: the bundle, for messages.
        sensor: its spectra; None in older bundles.
        formats: its formats; None in older bundles.
        gain_matters: False for a model that normalises the level.
    """

    name: str
    sensor: SensorReference | None = None
    formats: FormatReference | None = None
    gain_matters: bool = True


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
        format: differences from the formats of training; None without any, or without a reference.
        sensor_seconds: whole seconds by condition of the microphone.
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
    format: str | None = None
    sensor_seconds: dict[str, int] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """True if training and scoring can use it."""
        return self.status not in _UNUSABLE


def role_of(path: Path, folder: Path) -> str:
    """Return the role of a recording by DCASE names and folders: "abnormal", "test" or "train"."""
    parts = [part.lower() for part in path.relative_to(folder).parts[:-1]]
    if path.name.lower().startswith(("anomaly", "abnormal")) or "abnormal" in parts or "anomaly" in parts:
        return "abnormal"
    return "test" if "test" in parts else "train"


def check_file(
    path: Path, role: str = "train", *, channel: Channel = "mean", reference: MachineReference | None = None
) -> FileReport:
    """Read one recording second by second; an unreadable one is a report, not an error.

    Args:
        path: the recording.
        role: "train", "test" or "abnormal".
        channel: the channel that training would use.
        reference: training sound of the same machine; None judges each second by itself, as the monitor does.
    """
    digest = hashlib.blake2b(digest_size=16)
    found: Counter[Status] = Counter()
    judged: Counter[Status] = Counter()
    reading = ReadingReport()
    sensor = None if reference is None else reference.sensor
    check = SensorCheck(sensor, gain_matters=reference is None or reference.gain_matters)
    try:
        for second in blocks(path, block_s=1.0, channel=channel, truncated=True, report=reading):
            digest.update(np.ascontiguousarray(second).tobytes())
            if len(second) == SAMPLE_RATE_HZ:
                judged[check.second(second).status] += 1
            else:
                # The monitor judges whole seconds only; the rest counts for the file's own faults, such as clipping.
                found[check_second(second).status] += 1
    except InputError as error:
        return FileReport(path, role, "unreadable", error.message)
    status, problem = _worst_fault(found + judged, reading, channel)
    form = reading.format
    formats = None if reference is None else reference.formats
    return FileReport(
        path,
        role,
        status,
        problem,
        seconds=reading.samples / SAMPLE_RATE_HZ,
        sample_rate_hz=form.sample_rate_hz if form else None,
        channels=form.channels if form else None,
        encoding=form.encoding if form else None,
        level_dbfs=round(reading.level_dbfs, 1),
        content=digest.hexdigest(),
        format=None if formats is None else describe(formats.differences(reading)),
        sensor_seconds={str(condition): count for condition, count in sorted(judged.items())},
    )


def _worst_fault(
    found: Counter[Status], reading: ReadingReport, channel: Channel
) -> tuple[FileStatus, str | None]:
    total, seconds = max(1, found.total()), reading.samples / SAMPLE_RATE_HZ
    if seconds < MIN_FILE_S - 0.5 / SAMPLE_RATE_HZ:
        return "too-short", f"lasts {seconds:.2f} s; shorter than a second, it has no score"
    if reading.truncation is not None:
        return "truncated", reading.truncation.problem
    for condition in _NO_SIGNAL:
        if found[condition] > _FAULTY_SHARE * total:
            return condition, _in_seconds(condition, found, total)
    if reading.silent_channels and channel == "mean" and reading.format is not None:
        named = ", ".join(str(number) for number in reading.silent_channels)
        lost_db = -20 * math.log10(1 - len(reading.silent_channels) / reading.format.channels)
        channels = f"channel {named} of {reading.format.channels}, counted from 0"
        return "dead-channel", f"has no sound in {channels}: the mean loses {lost_db:.0f} dB"
    for condition in SENSOR_PROBLEMS:
        if found[condition] > _FAULTY_SHARE * total:
            return condition, _in_seconds(condition, found, total)
    return "ok", None


def _in_seconds(condition: SensorProblem, found: Counter[Status], total: int) -> str:
    return f"{SENSOR_PROBLEMS[condition]} in {found[condition]} of {total} s"
