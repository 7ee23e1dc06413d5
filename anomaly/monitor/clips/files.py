"""Files of one clip: its sound, its levels, a picture, and the facts that repeat its score.

clip.json          machine, case, time, content, samples since the last reset, the live result of each second
sound.flac         the sound (``full``), or the sound without intelligible speech (``speech-filtered``)
levels.npz         the front end's levels (``features`` and ``full``)
spectrogram.png    the picture
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from anomaly import atomic
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.errors import ConfigError, InputError
from anomaly.features.mel import Centibels
from anomaly.store.clip_index import PICTURE

FACTS, SOUND, LEVELS = "clip.json", "sound.flac", "levels.npz"
_SCALE = 2**23
_LONGEST_S = 4_000


@dataclass(frozen=True)
class ClipFacts:
    """Contents of ``clip.json``.

    Args:
        id: 12 hex digits.
        case_id: the case it was kept with.
        machine: name of the machine.
        content: features, speech-filtered or full.
        begin_s: UNIX seconds of its first sample.
        samples: number of them, at 16 kHz.
        since_reset: samples between the last reset of the score and the first; 0: it begins at a reset.
        opened_s: UNIX seconds at which the case opened.
        detector: name of the detector that scored.
        model: version of the bundle, the first digits of its manifest's SHA-256.
        front_end: settings of the front end.
        repeatable: the clip gives the live scores again, to the last bit.
        seconds: live results: second since the beginning of the clip, score, p_value, state.
    """

    id: str
    case_id: str
    machine: str
    content: str
    begin_s: float
    samples: int
    since_reset: int
    opened_s: float
    detector: str
    model: str
    front_end: Mapping[str, Any]
    repeatable: bool
    seconds: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class StoredClip:
    """Stored clip with its facts, and its sound or levels.

    Args:
        folder: of the clip.
        facts: ``clip.json``.
        samples: float32 [n], 16 kHz, or None where no sound was kept.
        levels: of its segments, [segments, frames, bands] as ``features.front_end.segment_levels`` makes them,
            or None where none were kept.
    """

    folder: Path
    facts: ClipFacts
    samples: Samples | None
    levels: Centibels | None


def write_clip(
    folder: Path, facts: ClipFacts, samples: Samples | None, levels: Centibels | None, picture: bytes
) -> int:
    """Write a clip, whole or not at all; return its size in bytes.

    Raises:
        ConfigError: the disk is full, or the folder cannot be written.
    """
    files = {FACTS: json.dumps(asdict(facts), indent=1).encode(), PICTURE: picture}
    if samples is not None:
        files[SOUND] = flac(samples)
    if levels is not None:
        memory = io.BytesIO()
        np.savez_compressed(memory, levels=levels)
        files[LEVELS] = memory.getvalue()
    try:
        with atomic.new_folder(folder) as work:
            for name, data in files.items():
                (work / name).write_bytes(data)
    except OSError as error:
        raise ConfigError(f"the clip cannot be written: {error.strerror}", where=folder) from error
    return sum(len(data) for data in files.values())


def read_clip(folder: Path) -> StoredClip:
    """Read a clip.

    Raises:
        InputError: a file of it is missing or damaged.
    """
    facts = read_facts(folder)
    try:
        samples = _sound(folder / SOUND) if (folder / SOUND).is_file() else None
        levels = _levels(folder / LEVELS) if (folder / LEVELS).is_file() else None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=folder) from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, soundfile.SoundFileError) as error:
        raise _damaged(folder, error) from error
    return StoredClip(folder, facts, samples, levels)


def read_facts(folder: Path) -> ClipFacts:
    """Read the facts of a clip, without its sound.

    Raises:
        InputError: they are missing or damaged.
    """
    try:
        values = json.loads((folder / FACTS).read_bytes())
        return ClipFacts(**values | {"seconds": tuple(values["seconds"])})
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=folder) from error
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> InputError:
    return InputError(f"is no whole clip: {error}", where=folder, hint="remove it")


def flac(samples: Samples) -> bytes:
    """Encode sound [n] on the 24-bit grid as FLAC, without loss."""
    whole = np.rint(samples.astype(np.float64) * _SCALE).clip(-_SCALE, _SCALE - 1).astype(np.int32) << 8
    memory = io.BytesIO()
    soundfile.write(memory, whole, SAMPLE_RATE_HZ, subtype="PCM_24", format="FLAC")
    return memory.getvalue()


def _sound(path: Path) -> Samples:
    with soundfile.SoundFile(path) as file:
        if (file.samplerate, file.channels) != (SAMPLE_RATE_HZ, 1):
            raise ValueError(f"{path.name} has {file.channels} channels at {file.samplerate} Hz")
        samples: Samples = file.read(_LONGEST_S * SAMPLE_RATE_HZ, dtype="float32")
    return samples


def _levels(path: Path) -> Centibels:
    with np.load(path, allow_pickle=False) as archive:
        levels = archive["levels"]
    if levels.ndim != 3 or levels.dtype != np.int32:
        raise ValueError(f"{path.name} holds no levels")
    return np.asarray(levels)
