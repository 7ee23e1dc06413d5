"""Label, split, fault and recording of a file, parsed from its folders and name without opening it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from anomaly.evaluate.layouts.toyadmos import parse_toy_name

Label = Literal["normal", "anomaly"]
Split = Literal["train", "test"]

_SPLITS: dict[str, tuple[Split, str | None]] = {
    "train": ("train", None),
    "test": ("test", None),
    "source_test": ("test", "source"),
    "target_test": ("test", "target"),
}
_LABELS: dict[str, Label] = {
    "normal": "normal",
    "abnormal": "anomaly",
    "anomaly": "anomaly",
    "anomalies": "anomaly",
    "anomalous": "anomaly",
    "fault": "anomaly",
    "faults": "anomaly",
    "faulty": "anomaly",
    "normalsound_ind": "normal",
    "normalsound_cnt": "normal",
    "anomaloussound_ind": "anomaly",
    "anomaloussound_cnt": "anomaly",
}
_PREFIX = re.compile(r"(normal|anomaly|anomalous|abnormal)(?:[_\-. ]+|$)", re.IGNORECASE)
# section_00_source_train_normal_0001_spd_28V: DCASE Task 2 from 2021 on; evaluation sets hide the label.
_SECTIONED = re.compile(
    r"section_(?P<section>\d+)_(?P<domain>source|target)_(?:train|test)_(?P<label>normal|anomaly)(?:_(?P<rest>.*))?",
    re.IGNORECASE,
)
_SECTION_FOLDER = re.compile(r"(?:id|section|case)_?(\d+)", re.IGNORECASE)
_SECTION_NAME = re.compile(r"(?:id|section)_(\d+)", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+")
_FAULT_FOLDER = re.compile(r"[A-Za-z][A-Za-z_\- ]*")
# Terms in front of a number or a condition that name no fault.
_NO_FAULT = frozenset({"id", "section", "unknown", "no", "run", "rec", "recording", "file", "clip", "part"})
# aircon_1_7: piece 7 of recording aircon_1. valve_part3: piece 3 of valve.
_NUMBERED_PIECE = re.compile(r"(.*[A-Za-z]_\d+)_\d{1,2}")
_MARKED_PIECE = re.compile(r"(.+?)[_\-](?:part|piece|seg|segment|chunk|cut|block)[_\-]?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class ParsedName:
    """Fields parsed from the path of one file; ``None`` where it has no such field.

    Attributes:
        label: normal or anomaly.
        split: train or test.
        fault: the kind of fault, as in ``anomaly_outer_race_0.3_7.wav``.
        recording: the recording the file is a piece of; equal for all its pieces.
        section: the number of the machine among its like, as in ``id_00`` or ``section_00``.
        domain: source or target, where a set distinguishes them.
        machine: the folders above the split or label folder that are no section.
        by_folder: the label is in a folder's name, or the naming scheme labels every file.
    """

    label: Label | None
    split: Split | None
    fault: str | None
    recording: str
    section: str | None
    domain: str | None
    machine: str
    by_folder: bool


def parse_name(path: PurePath) -> ParsedName:
    """Parse a path relative to the folder of a data set.

    A label in a folder's name takes precedence: ``abnormal/normal_speed_3.wav`` is an anomaly.

    Example:
        >>> name = read_name(PurePath("test/anomaly_bearing_M4_1700.wav"))
        >>> name.label, name.split, name.fault, name.recording
        ('anomaly', 'test', 'bearing', 'anomaly/bearing_M4_1700')
    """
    folders, stem = path.parts[:-1], path.stem
    split, domain = next((_SPLITS[f.lower()] for f in folders if f.lower() in _SPLITS), (None, None))
    by_folder = next((_LABELS[f.lower()] for f in folders if f.lower() in _LABELS), None)
    by_name, rest = _label_in_name(stem)
    toy = parse_toy_name(stem)
    if toy is not None:
        toy_label = by_folder or toy.label
        return ParsedName(
            label=toy_label,
            split=split,
            fault=toy.fault if toy_label == "anomaly" else None,
            recording=f"{toy_label}/{toy.recording}",
            section=toy.section,
            domain=domain,
            machine="/".join(_machine_folders(folders)),
            by_folder=True,
        )
    label = by_folder or by_name
    sectioned = _SECTIONED.fullmatch(stem)
    fault = None
    if label == "anomaly" and not sectioned:
        fault = _fault_folder(folders) or (_fault_in_name(rest) if by_name == "anomaly" else None)
    return ParsedName(
        label=label,
        split=split,
        fault=fault,
        recording=_recording(folders, label, rest if by_folder is None else stem),
        section=_section(folders, stem),
        domain=sectioned["domain"].lower() if sectioned else domain,
        machine="/".join(_machine_folders(folders)),
        by_folder=by_folder is not None,
    )


def _label_in_name(stem: str) -> tuple[Label | None, str]:
    """Return the label at the beginning of a name, and the rest of the name."""
    sectioned = _SECTIONED.fullmatch(stem)
    if sectioned:
        return _LABELS[sectioned["label"].lower()], stem
    prefix = _PREFIX.match(stem)
    if prefix is None:
        return None, stem
    return _LABELS[prefix[1].lower()], stem[prefix.end() :]


def _fault_in_name(rest: str) -> str | None:
    parts = []
    for word in rest.split("_"):
        if not _WORD.fullmatch(word) or word in _NO_FAULT:
            break
        parts.append(word)
    return "_".join(parts) or None


def _fault_folder(folders: tuple[str, ...]) -> str | None:
    below = iter(folders)
    for folder in below:
        if _LABELS.get(folder.lower()) == "anomaly":
            break
    for folder in below:
        if (
            folder.lower() not in _SPLITS
            and not _SECTION_FOLDER.fullmatch(folder)
            and _FAULT_FOLDER.fullmatch(folder)
        ):
            return folder.lower().replace(" ", "_").replace("-", "_")
    return None


def _section(folders: tuple[str, ...], stem: str) -> str | None:
    for folder in folders:
        match = _SECTION_FOLDER.fullmatch(folder)
        if match:
            return match[1]
    match = _SECTION_NAME.search(stem)
    return match[1] if match else None


def _machine_folders(folders: tuple[str, ...]) -> Iterator[str]:
    """Folders above the first split or label folder, sections left out; none if there is no such folder."""
    marks = [i for i, folder in enumerate(folders) if folder.lower() in _SPLITS or folder.lower() in _LABELS]
    for folder in folders[: marks[0]] if marks else ():
        if not _SECTION_FOLDER.fullmatch(folder):
            yield folder


def _recording(folders: tuple[str, ...], label: Label | None, rest: str) -> str:
    """Name of the recording, equal for its pieces; with the label, as sets number normals and anomalies separately."""
    place = [f for f in folders if f.lower() not in _SPLITS and f.lower() not in _LABELS]
    piece = _MARKED_PIECE.fullmatch(rest) or _NUMBERED_PIECE.fullmatch(rest)
    return "/".join([label or "normal", *place, piece[1] if piece else rest])
