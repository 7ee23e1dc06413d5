"""Check of a folder of recordings before training: unreadable files, copies, too little sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Channel
from anomaly.audio.files.file_check import FileReport, FileStatus, MachineReference, check_file, role_of
from anomaly.audio.files.recordings import find_recordings

MIN_TRAINING_S = 30.0
"""Least normal sound that training accepts."""


PROBLEMS: dict[FileStatus, str] = {
    "unreadable": "that cannot be read, and are left out",
    "truncated": "that are cut short",
    "too-short": "shorter than a second",
    "silent": "that are silent",
    "constant": "of one constant value",
    "dead-channel": "with a dead channel",
    "clipping": "that touch full scale",
    "dc-offset": "with a large DC offset",
    "hum": "with little but mains hum",
    "low-level": "that are far too quiet",
    "band-limit": "without the upper frequencies of training",
    "gain": "amplified otherwise than in training",
    "processed": "with automatic gain or noise suppression",
    "duplicate": "that are copies of others",
}
"""Descriptions of the statuses of files other than "ok", the worst first."""


@dataclass(frozen=True)
class FolderReport:
    """Result of the check of a folder.

    Args:
        folder: that was checked.
        files: one report for each recording.
        training_s: usable normal sound.
        refusals: sentences: reasons for which training would refuse the folder.
        warnings: sentences: faults that make the result of training worse.
        reference: bundle whose training sound the microphone was compared with; None without one.
        machines: folders to check instead, where the recordings are those of several machines.
    """

    folder: Path
    files: tuple[FileReport, ...]
    training_s: float
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    reference: str | None = None
    machines: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        files = [{**asdict(file), "path": str(file.path)} for file in self.files]
        return {
            "folder": str(self.folder),
            "usable": not self.refusals,
            "training_seconds": round(self.training_s, 3),
            "statuses": dict(Counter(file.status for file in self.files)),
            "refusals": list(self.refusals),
            "warnings": list(self.warnings),
            "sensor": {"reference": self.reference, "seconds": dict(self.sensor_seconds)},
            "machines": [str(machine) for machine in self.machines],
            "files": files,
        }

    @property
    def sensor_seconds(self) -> Counter[str]:
        """Seconds of all recordings by condition of the microphone."""
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.sensor_seconds)
        return total


def check_folder(
    folder: Path,
    *,
    channel: Channel = "mean",
    reference: MachineReference | None = None,
    training: Collection[Path] | None = None,
    on_file: Callable[[int, int], None] = lambda done, of: None,
) -> FolderReport:
    """Read every recording below a folder and report its faults.

    Args:
        folder: a machine's recordings, in any layout, or a single file.
        channel: the channel that training would use.
        reference: training sound of the same machine, with which microphone and formats are compared.
        training: recordings that training would learn from; None for those that folder and name call normal.
        on_file: called with the number of files done, and of all.

    Raises:
        InputError: there is no such folder.
    """
    paths = find_recordings(folder)
    reports: list[FileReport] = []
    first: dict[str, FileReport] = {}
    for done, path in enumerate(paths):
        on_file(done, len(paths))
        report = check_file(path, role_of(path, folder), channel=channel, reference=reference)
        reports.append(_marked_duplicate(first, report))
    on_file(len(paths), len(paths))
    learned = [file for file in reports if file.role == "train" and file.usable]
    training_s = sum(file.seconds or 0.0 for file in learned if training is None or file.path in training)
    return FolderReport(
        folder,
        tuple(reports),
        training_s,
        tuple(_refusals(reports, training_s)),
        tuple(_warnings(reports)),
        reference=None if reference is None or reference.sensor is None else reference.name,
    )


def _marked_duplicate(first: dict[str, FileReport], report: FileReport) -> FileReport:
    """Mark a recording whose content is that of an earlier one."""
    if report.content is None or report.status in ("silent", "constant"):
        return report
    known = first.setdefault(report.content, report)
    if known is report:
        return report
    return replace(report, status="duplicate", problem=f"is the same sound as {known.path} ({known.role})")


def _refusals(reports: list[FileReport], training_s: float) -> list[str]:
    if not reports:
        return ["there is no recording here"]
    found = []
    if training_s < MIN_TRAINING_S:
        found.append(
            f"{training_s:.1f} s of usable normal sound; training needs {MIN_TRAINING_S:.0f} s, and likes ten minutes"
        )
    return found


def _warnings(reports: list[FileReport]) -> list[str]:
    found = []
    counts = Counter(file.status for file in reports)
    found += [
        f"recordings {description}: {counts[status]}"
        for status, description in PROBLEMS.items()
        if counts[status]
    ]
    others = sum(file.format is not None for file in reports)
    if others:
        found.append(f"recordings in another format than those of training: {others}")
    roles: dict[str, set[str]] = {}
    for file in reports:
        if file.content is not None and file.status not in ("silent", "constant"):
            roles.setdefault(file.content, set()).add(file.role)
    shared = sum("train" in used and len(used) > 1 for used in roles.values())
    if shared:
        found.append(f"sounds both learnt from and tested on: {shared}; the evaluation would flatter")
    slow = sum((file.sample_rate_hz or SAMPLE_RATE_HZ) < SAMPLE_RATE_HZ for file in reports)
    if slow:
        found.append(
            f"recordings below {SAMPLE_RATE_HZ} samples a second: {slow}; high frequencies are missing"
        )
    for key, name in (("sample_rate_hz", "sample rates"), ("channels", "numbers of channels")):
        values = sorted({getattr(file, key) for file in reports if file.seconds is not None})
        if len(values) > 1:
            found.append(f"mixed {name}: {', '.join(str(value) for value in values)}")
    return found
