"""Check of a folder of recordings before training: unreadable files, copies, too little sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from anomaly.audio.channels import Channel
from anomaly.audio.files.file_check import FileReport, FileStatus, check_file, role_of
from anomaly.audio.files.recordings import find_recordings

MIN_TRAINING_S = 30.0
"""Least normal sound that training accepts."""


@dataclass(frozen=True)
class FolderReport:
    """Result of the check of a folder.

    Args:
        folder: that was checked.
        files: one report for each recording.
        training_s: usable normal sound.
        refusals: sentences: reasons for which training would refuse the folder.
        warnings: sentences: faults that make the result of training worse.
    """

    folder: Path
    files: tuple[FileReport, ...]
    training_s: float
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]

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
            "files": files,
        }


def check_folder(
    folder: Path, *, channel: Channel = "mean", on_file: Callable[[int, int], None] = lambda done, of: None
) -> FolderReport:
    """Read every recording below a folder and report its faults.

    Args:
        folder: a machine's recordings, in any layout, or a single file.
        channel: the channel that training would use.
        on_file: called with the number of files done, and of all.

    Raises:
        InputError: there is no such folder.
    """
    paths = find_recordings(folder)
    reports: list[FileReport] = []
    first: dict[str, FileReport] = {}
    for done, path in enumerate(paths):
        on_file(done, len(paths))
        report = check_file(path, role_of(path, folder), channel=channel)
        reports.append(_marked_duplicate(first, report))
    on_file(len(paths), len(paths))
    training = [file for file in reports if file.role == "train" and file.usable]
    training_s = sum(file.seconds or 0.0 for file in training)
    return FolderReport(
        folder, tuple(reports), training_s, tuple(_refusals(reports, training_s)), tuple(_warnings(reports))
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
    broken = sum(file.status == "unreadable" and file.role == "train" for file in reports)
    if broken:
        found.append(f"recordings to learn from that cannot be read: {broken}")
    if training_s < MIN_TRAINING_S:
        found.append(
            f"{training_s:.1f} s of usable normal sound; training needs {MIN_TRAINING_S:.0f} s, and likes ten minutes"
        )
    return found


def _warnings(reports: list[FileReport]) -> list[str]:
    found = []
    counts = Counter(file.status for file in reports)
    descriptions: dict[FileStatus, str] = {
        "unreadable": "that cannot be read",
        "too-short": "shorter than a second",
        "silent": "that are silent",
        "constant": "of one constant value",
        "clipping": "that touch full scale",
        "dc-offset": "with a large DC offset",
        "duplicate": "that are copies of others",
    }
    found += [
        f"recordings {description}: {counts[status]}"
        for status, description in descriptions.items()
        if counts[status]
    ]
    roles: dict[str, set[str]] = {}
    for file in reports:
        if file.content is not None and file.status not in ("silent", "constant"):
            roles.setdefault(file.content, set()).add(file.role)
    shared = sum("train" in used and len(used) > 1 for used in roles.values())
    if shared:
        found.append(f"sounds both learnt from and tested on: {shared}; the evaluation would flatter")
    for key, name in (("sample_rate_hz", "sample rates"), ("channels", "numbers of channels")):
        values = sorted({getattr(file, key) for file in reports if file.seconds is not None})
        if len(values) > 1:
            found.append(f"mixed {name}: {', '.join(str(value) for value in values)}")
    return found
