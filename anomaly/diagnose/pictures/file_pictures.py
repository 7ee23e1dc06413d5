"""Pictures of an explained file: its lines, and its spectrum beside the nearest normal one."""

from __future__ import annotations

from pathlib import Path

from anomaly import atomic
from anomaly.diagnose.explain_file import ExplainedFile
from anomaly.diagnose.pictures.difference_picture import draw_difference
from anomaly.diagnose.pictures.envelope_picture import draw_envelope
from anomaly.errors import ConfigError


def pictures_of(file: ExplainedFile) -> dict[str, bytes]:
    """Draw the pictures of a file, by kind."""
    title = file.path.stem
    drawn = {"envelope": draw_envelope(file.sound, file.explanation, title)}
    if file.nearest is not None:
        band = None if file.reason is None or file.reason.change is None else file.reason.change.band_hz
        sounds = (file.sound, file.nearest.sound)
        drawn["difference"] = draw_difference(*sounds, title, file.nearest.path.stem, band)
    return drawn


def write_pictures(file: ExplainedFile, folder: Path) -> list[Path]:
    """Write the pictures of a file into a folder, named after the file; return their paths."""
    written = []
    for kind, data in pictures_of(file).items():
        target = folder / f"{file.path.stem}-{kind}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            atomic.write_bytes(target, data)
        except OSError as error:
            raise ConfigError(f"cannot be written: {error.strerror}", where=target) from error
        written.append(target)
    return written
