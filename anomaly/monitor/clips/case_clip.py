"""The newest clip of a case that holds sound."""

from __future__ import annotations

from pathlib import Path

from anomaly.errors import InputError
from anomaly.monitor.clips.files import SOUND
from anomaly.store.cases.case import SHORT_ID
from anomaly.store.clip_index import CLIPS_FOLDER
from anomaly.store.store import DATABASE_NAME, Store


def newest_clip_sound(state: Path, case: str) -> tuple[str, Path]:
    """Return the machine of a case, and the sound file of its newest clip.

    Args:
        state: folder of the database.
        case: identifier, or its first digits.

    Raises:
        InputError: there is no such case, or no clip of it holds sound.
    """
    with Store.open(state / DATABASE_NAME, create=False) as store:
        found = store.cases.find(case)
        folders = [state / CLIPS_FOLDER / row.folder for row in store.clips.select(case_id=found.id)]
    sounds = [folder / SOUND for folder in folders if (folder / SOUND).is_file()]
    if not sounds:
        raise InputError(
            "no clip of it holds sound",
            where=f"case {found.id[:SHORT_ID]}",
            hint="give a recording of the machine instead, or keep sound: see clips: in site.yaml",
        )
    return found.machine, sounds[-1]
