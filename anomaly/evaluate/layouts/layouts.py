"""Data sets of labelled sound, their layout recognised by folder and file names.

===============  ==============================================  =================================
layout           looks like                                      train and test
===============  ==============================================  =================================
``split``        ``train/`` and ``test/`` with ``normal_*`` and  as the folders say
                 ``anomaly_*`` (DCASE Task 2)
``folders``      ``normal/`` and ``abnormal/``, also below       normals, less a held-out fifth;
                 ``id_00/`` (MIMII)                              the fifth and all anomalies
``flat``         ``normal_*`` and ``anomaly_*`` in one folder;   the same
                 a name without either is normal
===============  ==============================================  =================================

docs/data-layouts.md is the description for users.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anomaly.audio.files.recordings import find_recordings
from anomaly.errors import InputError
from anomaly.evaluate.layouts.file_names import Label, ParsedName, parse_name

Layout = Literal["split", "folders", "flat"]

_HELD_OUT = 0.2


@dataclass(frozen=True)
class Clip:
    """One recording of a data set, with the labels that its path and name give.

    Attributes:
        path: the file.
        label: normal or anomaly.
        fault: the kind of fault, if the name has one.
        recording: name of the recording it was cut from. Pieces of one recording are never split between training
            and test. A file of several minutes is one recording, too; training cuts it into blocks of 60 s.
        section: number of the individual machine among those of its type, if the name has one.
        domain: source or target, if the name has one.
    """

    path: Path
    label: Label
    fault: str | None
    recording: str
    section: str | None = None
    domain: str | None = None


@dataclass(frozen=True)
class DataSet:
    """A folder of recordings, split for training and testing.

    Attributes:
        name: the name of the folder.
        layout: layout of the folder.
        train: normal sound only, sorted by path.
        test: normal and anomalous sound, sorted by path.
        held_out_by_us: the folder has no split, and the normals of ``test`` were held out here.
        left_out: files without split or label, such as the unlabelled test sound of a DCASE evaluation set.
    """

    name: str
    layout: Layout
    train: tuple[Clip, ...]
    test: tuple[Clip, ...]
    held_out_by_us: bool = False
    left_out: tuple[Path, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """Return the kinds of fault in the test part, sorted."""
        return tuple(sorted({clip.fault for clip in self.test if clip.fault is not None}))

    @property
    def shared_recordings(self) -> tuple[str, ...]:
        """Return the recordings with pieces in training and test, which make the figures too good."""
        return tuple(sorted({c.recording for c in self.train} & {c.recording for c in self.test}))


def read_layout(folder: Path, *, hold_out: bool | None = None) -> DataSet:
    """Recognise the layout of a folder of recordings by its names; no file is opened.

    Without a split of its own, a fifth of the normal recordings is held out for testing: those whose names hash
    lowest, so that the same files are held out on every machine, in every run, and after files are added.

    Args:
        folder: the folder, searched with its sub-folders.
        hold_out: whether to hold normals out if there are none to test with. ``None`` does so if there are
            anomalies and the folder has no split of its own.

    Raises:
        InputError: the folder is missing, holds no audio, no normal sound, or several machines.
    """
    named = _names_in(folder)
    layout = _recognise(named)
    train, test, left_out = _split_clips(named, layout)
    tested = any(clip.label == "normal" for clip in test)
    if not train and not tested:
        raise InputError(
            "no normal sound here",
            where=folder,
            hint="it belongs in `normal/`, in `train/` or in files named normal_*; see docs/data-layouts.md",
        )
    if hold_out is None:
        hold_out = layout != "split" and bool(test)
    held_out = _hold_out(train) if hold_out and not tested else frozenset[str]()
    set_aside = [clip for clip in train if clip.recording in held_out]
    return DataSet(
        name=folder.resolve().name,
        layout=layout,
        train=tuple(clip for clip in train if clip.recording not in held_out),
        test=tuple(sorted([*test, *set_aside], key=lambda clip: clip.path)),
        held_out_by_us=bool(set_aside),
        left_out=tuple(left_out),
    )


def _names_in(folder: Path) -> list[tuple[Path, ParsedName]]:
    """Return every recording below the folder with its parsed name."""
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise InputError(problem, where=folder, hint="give the folder that holds the recordings")
    named = [(path, parse_name(path.relative_to(folder))) for path in find_recordings(folder)]
    if not named:
        raise InputError(
            "no audio files here",
            where=folder,
            hint="record some with `anomaly record`, or make some with `anomaly data simulate`",
        )
    _one_machine(folder, named)
    return named


def _one_machine(folder: Path, named: Iterable[tuple[Path, ParsedName]]) -> None:
    machines = sorted({name.machine for _, name in named if name.split is not None or name.by_folder})
    if len(machines) > 1:
        listed = ", ".join(machine or "." for machine in machines)
        raise InputError(
            f"several machines here: {listed}", where=folder, hint="give the folder of one of them"
        )


def _recognise(named: Iterable[tuple[Path, ParsedName]]) -> Layout:
    names = [name for _, name in named]
    if any(name.split is not None for name in names):
        return "split"
    return "folders" if any(name.by_folder for name in names) else "flat"


def _split_clips(
    named: Iterable[tuple[Path, ParsedName]], layout: Layout
) -> tuple[list[Clip], list[Clip], list[Path]]:
    """Return normal clips to train on, clips to test with, and files that belong to neither."""
    train: list[Clip] = []
    test: list[Clip] = []
    left_out: list[Path] = []
    for path, name in named:
        label = name.label
        if label is None and (layout == "flat" or name.split == "train"):
            label = "normal"
        if label is None or (layout == "split" and name.split is None):
            left_out.append(path)
            continue
        clip = Clip(path, label, name.fault, name.recording, name.section, name.domain)
        # An anomaly is never trained on, wherever it lies.
        (test if label == "anomaly" or name.split == "test" else train).append(clip)
    return train, test, left_out


def _hold_out(normals: Iterable[Clip]) -> frozenset[str]:
    """Select about a fifth of the recordings, at least one and never all; none of a single one."""
    recordings = sorted({clip.recording for clip in normals}, key=_hash_position)
    if len(recordings) < 2:
        return frozenset()
    low = sum(_hash_position(recording) < _HELD_OUT for recording in recordings)
    return frozenset(recordings[: min(max(low, 1), len(recordings) - 1)])


def _hash_position(recording: str) -> float:
    """Position between 0 and 1 from a hash of the recording's name."""
    return int.from_bytes(hashlib.sha256(recording.encode()).digest()[:8]) / 2.0**64
