"""Results of `anomaly explain` for files and cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anomaly.diagnose.explain_file import ExplainOptions


def explained_files(
    names: Sequence[str],
    options: Callable[[str | None], ExplainOptions],
    pictures: Path | None,
    state_folder: Callable[[], Path],
) -> list[dict[str, Any]]:
    """Explain each file below the names; a name that is no path is a case.

    Args:
        names: files, folders or cases.
        options: what is known, by the machine of a case or None.
        pictures: folder for pictures.
        state_folder: folder of the database, for cases.
    """
    from anomaly.diagnose.explain_file import FileExplainer, to_dict
    from anomaly.diagnose.pictures.file_pictures import write_pictures

    results = []
    for name in names:
        case, files = _files_of(name, state_folder)
        explainer = FileExplainer(options(case))
        for path in files:
            found = explainer.explain(path)
            drawn = [] if pictures is None else write_pictures(found, pictures)
            results.append(to_dict(found, drawn))
    return results


def _files_of(name: str, state_folder: Callable[[], Path]) -> tuple[str | None, list[Path]]:
    """Return the machine of a case, or None, and the recordings that a name stands for."""
    from anomaly.audio.files.recordings import find_recordings
    from anomaly.errors import InputError

    path = Path(name)
    if path.exists() or path.suffix or "/" in name:
        files = find_recordings(path) if path.is_dir() else [path]
        if not files:
            raise InputError("holds no recordings", where=path)
        return None, files
    from anomaly.monitor.clips.case_clip import newest_clip_sound

    machine, sound = newest_clip_sound(state_folder(), name)
    return machine, [sound]
