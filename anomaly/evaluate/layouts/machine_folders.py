"""Folders of single machines below a folder that holds several."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from anomaly.audio.files.recordings import find_recordings
from anomaly.evaluate.layouts.file_names import parse_name


def machine_folders(
    folder: Path, *, known: Collection[str] = (), of_machines: bool = False
) -> tuple[Path, ...]:
    """Return the folders of the machines below a folder; empty if the folder is that of one machine.

    Sub-folders are those of machines if they hold ``normal/``, ``train/`` and so on, or if they bear names of machines.

    Args:
        folder: the folder.
        known: names of machines, such as those of bundles.
        of_machines: True for the folder in which each sub-folder is a machine, such as ``data``.

    Raises:
        InputError: there is no such folder, or a part of it cannot be read.
    """
    if folder.is_file():
        return ()
    names = [path.relative_to(folder) for path in find_recordings(folder)]
    parsed = [parse_name(name) for name in names]
    labelled = {name.machine for name in parsed if name.split is not None or name.by_folder}
    above = {name.parts[0] for name in names if len(name.parts) > 1}
    if any(len(name.parts) == 1 for name in names) or "" in labelled:
        # Recordings, normal/ or train/ in the folder itself: with others below it the layout is refused elsewhere.
        return tuple(folder / name for name in sorted(labelled - {""})) if len(labelled) > 1 else ()
    if labelled:
        return tuple(folder / name for name in sorted(labelled))
    if of_machines or above & set(known):
        return tuple(folder / name for name in sorted(above))
    return ()
