"""Access to clips: each is logged first, then played or copied."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import soundfile

from anomaly import atomic
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.errors import ConfigError, DeviceError, InputError
from anomaly.monitor.clips.files import SOUND, read_clip
from anomaly.store.database.rows import ClipRow
from anomaly.store.store import Store

# Commands that play a WAV file and return; the first that is installed is used.
PLAYERS = (["pw-play"], ["paplay"], ["aplay", "-q"], ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"])


class ClipAccess:
    """Logged access to the clips of a site.

    Args:
        store: lists the clips and logs every access.
        folder: of all clips.
        who: name in the log.
        note: reason in the log.
    """

    def __init__(self, store: Store, folder: Path, who: str, note: str = "") -> None:
        self._store, self._folder, self._who, self._note = store, folder, who, note

    def export(self, clip: ClipRow, to: Path) -> Path:
        """Copy the files of a clip into a folder of its own below ``to``; return that folder.

        Raises:
            InputError: the clip is no longer kept, or damaged.
            ConfigError: the folder cannot be written, or holds such a clip already.
        """
        read_clip(self._folder_of(clip))
        target = to / clip.id
        if target.exists():
            raise ConfigError("is there already", where=target, hint="choose another folder")
        atomic.check_writable(to, "--export")
        self._store.clips.log_access(clip, self._who, "export", self._note)
        try:
            with atomic.new_folder(target) as work:
                for file in self._folder_of(clip).iterdir():
                    shutil.copy2(file, work)
        except OSError as error:
            raise ConfigError(f"cannot be written: {error.strerror}", where=target) from error
        return target

    def play(self, clip: ClipRow, run: Callable[[list[str]], int] = subprocess.call) -> None:
        """Play a clip on this computer's loudspeaker.

        Raises:
            InputError: the clip is no longer kept, or holds no sound.
            DeviceError: no installed player can play it.
        """
        stored = read_clip(self._folder_of(clip))
        if stored.samples is None:
            raise InputError(
                f"holds {clip.content}, no sound",
                where=f"clip {clip.id}",
                hint="look at its picture: anomaly cases clip CASE --export FOLDER",
            )
        player = next((command for command in PLAYERS if shutil.which(command[0])), None)
        if player is None:
            raise DeviceError(
                "no player is installed",
                hint=f"install one of {', '.join(command[0] for command in PLAYERS)}, or use --export",
            )
        self._store.clips.log_access(clip, self._who, "play", self._note)
        rate_hz = soundfile.info(self._folder_of(clip) / SOUND).samplerate
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            soundfile.write(file.name, stored.samples, rate_hz, subtype="PCM_16")
            if run([*player, file.name]) != 0:
                raise DeviceError(
                    f"{player[0]} could not play it", hint="check the loudspeaker, or use --export"
                )

    def wave(self, clip: ClipRow, how: str = "play") -> bytes:
        """Return the sound of a clip as a WAV file of 16 bits.

        Raises:
            InputError: the clip is no longer kept, damaged, or holds no sound.
        """
        stored = read_clip(self._folder_of(clip))
        if stored.samples is None:
            raise InputError(f"holds {clip.content}, no sound", where=f"clip {clip.id}")
        self._store.clips.log_access(clip, self._who, how, self._note)
        memory = io.BytesIO()
        soundfile.write(memory, stored.samples, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
        return memory.getvalue()

    def _folder_of(self, clip: ClipRow) -> Path:
        """Return the folder of a clip.

        Raises:
            InputError: the clip is no longer kept.
        """
        folder = self._folder / clip.folder
        if clip.removed_s is not None or not folder.is_dir():
            raise InputError(
                "the clip is no longer kept",
                where=f"clip {clip.id}",
                hint="limits on clips are set in site.yaml under clips:",
            )
        return folder
