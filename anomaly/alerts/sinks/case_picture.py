"""Picture of a case: the spectrogram of its newest clip, which the monitor writes soon after its opening."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from anomaly.errors import AnomalyError
from anomaly.store.clip_index import CLIPS_FOLDER, PICTURE
from anomaly.store.current import current_database
from anomaly.store.reader import PageRequest
from anomaly.store.store import DATABASE_NAME

# A picture is some 100 kB; a larger file is not one that the monitor has drawn.
LARGEST_BYTES = 4 << 20
_LOOK_EVERY_S = 0.25


def case_picture(state_dir: Path, case_id: str) -> bytes | None:
    """Return the picture of a case as a PNG; None if there is none, or it cannot be read.

    Args:
        state_dir: folder of the monitor's database.
        case_id: the case.
    """
    try:
        page = PageRequest(newest_first=True, limit=1)
        clips = current_database(state_dir / DATABASE_NAME).reader.clips(page, case_id=case_id).rows
        for clip in clips:
            with (state_dir / CLIPS_FOLDER / clip.folder / PICTURE).open("rb") as file:
                picture = file.read(LARGEST_BYTES + 1)
            return picture if len(picture) <= LARGEST_BYTES else None
    except (AnomalyError, OSError):
        pass  # a message without its picture is better than none
    return None


def await_picture(state_dir: Path, case_id: str, longest_s: float, closing: threading.Event) -> bytes | None:
    """Wait for the picture of a case that has just opened; return None if it does not come in time.

    Args:
        state_dir: folder of the monitor's database.
        case_id: the case.
        longest_s: how long to wait.
        closing: ends the wait.
    """
    end_s = time.monotonic() + longest_s
    while (picture := case_picture(state_dir, case_id)) is None and time.monotonic() < end_s:
        if closing.wait(_LOOK_EVERY_S):
            return None
    return picture
