"""Handing a clip to a person: noted first, then played or copied."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import soundfile

from anomaly import atomic
from anomaly.errors import ConfigError, DeviceError, InputError
from anomaly.monitor.clips.files import SOUND, read_clip
from anomaly.store.rows import ClipRow
from anomaly.store.store import Store

# They play a WAV and return; the first that is there is taken.
PLAYERS = (["pw-play"], ["paplay"], ["aplay", "-q"], ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"])


class ClipAccess:
    """Gives out the clips of a site.

    Args:
        store: where clips are listed and every access is noted.
        folder: where they lie.
        who: the person.
        note: why they want it.
    """

    def __init__(self, store: Store, folder: Path, who: str, note: str = "") -> None:
        self._store, self._folder, self._who, self._note = store, folder, who, note

    def export(self, clip: ClipRow, to: Path) -> Path:
        """Copy a clip's files into a folder of its own below ``to``; return that.

        Raises:
            InputError: the clip is gone or damaged.
            ConfigError: the folder cannot be written, or holds such a clip already.
        """
        read_clip(self._present(clip))
        target = to / clip.id
        if target.exists():
            raise ConfigError("is there already", where=target, hint="choose another folder")
        atomic.check_writable(to, "--export")
        self._store.clips.log_access(clip, self._who, "export", self._note)
        try:
            with atomic.new_folder(target) as work:
                shutil.copytree(self._present(clip), work, dirs_exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot be written: {error}", where=target) from error
        return target

    def play(self, clip: ClipRow, run: Callable[[list[str]], int] = subprocess.call) -> None:
        """Play a clip on this computer's loudspeaker.

        Raises:
            InputError: the clip is gone, or holds no sound.
            DeviceError: nothing here can play it.
        """
        stored = read_clip(self._present(clip))
        if stored.samples is None:
            raise InputError(
                f"holds {clip.content}, no sound",
                where=f"clip {clip.id}",
                hint="look at its picture: anomaly cases clip CASE --export FOLDER",
            )
        player = next((one for one in PLAYERS if shutil.which(one[0])), None)
        if player is None:
            raise DeviceError(
                "no player is installed",
                hint=f"install one of {', '.join(one[0] for one in PLAYERS)}, or use --export",
            )
        self._store.clips.log_access(clip, self._who, "play", self._note)
        rate_hz = soundfile.info(self._present(clip) / SOUND).samplerate
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            soundfile.write(file.name, stored.samples, rate_hz, subtype="PCM_16")
            if run([*player, file.name]) != 0:
                raise DeviceError(
                    f"{player[0]} could not play it", hint="is there a loudspeaker? or use --export"
                )

    def _present(self, clip: ClipRow) -> Path:
        folder = self._folder / clip.folder
        if clip.removed_s is not None or not folder.is_dir():
            raise InputError(
                "the clip is no longer kept",
                where=f"clip {clip.id}",
                hint="how long clips are kept is set in site.yaml under clips:",
            )
        return folder
