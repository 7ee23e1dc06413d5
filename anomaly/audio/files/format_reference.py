"""Formats of the training recordings, with which the format of another recording is compared.

A model scores the sound as its own recorder wrote it: another sample rate, codec or number of channels changes the
upper bands, the noise floor or the level, and a file from another recorder may score as a fault does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from anomaly.audio.files.audio_format import AudioFormat
from anomaly.audio.files.recordings import ReadingReport
from anomaly.errors import ModelError

FormatProperty: TypeAlias = Literal["sample-rate", "channels", "dead-channel", "codec", "level"]

# Part of the training seconds whose levels make the range, and the margin around it.
_LEVEL_QUANTILES = (0.01, 0.99)
_LEVEL_MARGIN_DB = 1.0
_MAX_NAMED = 4
# Encodings of libsndfile that lose more than the noise of 16 bits; the others, and FLAC, are all "PCM".
_LOSSY = {
    "MPEG_LAYER_I": "MP1",
    "MPEG_LAYER_II": "MP2",
    "MPEG_LAYER_III": "MP3",
    "VORBIS": "Vorbis",
    "OPUS": "Opus",
    "ULAW": "u-law",
    "ALAW": "A-law",
    "IMA_ADPCM": "ADPCM",
    "MS_ADPCM": "ADPCM",
    "G721_32": "ADPCM",
    "G723_24": "ADPCM",
    "G723_40": "ADPCM",
    "NMS_ADPCM_16": "ADPCM",
    "NMS_ADPCM_24": "ADPCM",
    "NMS_ADPCM_32": "ADPCM",
    "VOX_ADPCM": "ADPCM",
    "GSM610": "GSM",
    "DWVW_12": "PCM of 12 bits",
    "PCM_S8": "PCM of 8 bits",
    "PCM_U8": "PCM of 8 bits",
    "DPCM_8": "PCM of 8 bits",
}


@dataclass(frozen=True)
class FormatDifference:
    """One property of a recording that no training recording has, with a text that names both."""

    kind: FormatProperty
    text: str


@dataclass(frozen=True)
class FormatReference:
    """Formats of the training recordings.

    Args:
        sample_rates_hz: sample rates, ascending.
        channels: numbers of channels, ascending.
        codecs: kinds of encoding as `codec_of` names them, sorted.
        lowest_dbfs: level that 99 % of the training seconds exceed.
        highest_dbfs: level that 99 % of the training seconds stay below.
    """

    sample_rates_hz: tuple[int, ...]
    channels: tuple[int, ...]
    codecs: tuple[str, ...]
    lowest_dbfs: float
    highest_dbfs: float

    def to_dict(self) -> dict[str, Any]:
        """Return the values for calibration.json."""
        return {
            "sample_rates_hz": list(self.sample_rates_hz),
            "channels": list(self.channels),
            "codecs": list(self.codecs),
            "lowest_dbfs": round(self.lowest_dbfs, 2),
            "highest_dbfs": round(self.highest_dbfs, 2),
        }

    @classmethod
    def from_dict(cls, values: object) -> FormatReference:
        """Read the values of ``to_dict``.

        Raises:
            ModelError: a key is missing, or a value has another type or is not finite.
        """
        try:
            if not isinstance(values, dict):
                raise TypeError("not a mapping")
            reference = cls(
                tuple(int(rate) for rate in values["sample_rates_hz"]),
                tuple(int(count) for count in values["channels"]),
                tuple(str(codec) for codec in values["codecs"]),
                float(values["lowest_dbfs"]),
                float(values["highest_dbfs"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"unreadable formats of the training: {error}", where="calibration.json"
            ) from error
        if not np.isfinite([reference.lowest_dbfs, reference.highest_dbfs]).all():
            raise ModelError("the levels of the training are not finite", where="calibration.json")
        return reference

    def differences(self, report: ReadingReport) -> tuple[FormatDifference, ...]:
        """Compare a recording, once it has been read, with those of training.

        Returns:
            One entry for each property that differs; a format whose level alone differs may be a fault of the machine.
        """
        form = report.format
        if form is None:
            return ()
        found = []
        if form.sample_rate_hz not in self.sample_rates_hz:
            known = [_kilohertz(rate) for rate in self.sample_rates_hz]
            found.append(_difference("sample-rate", _kilohertz(form.sample_rate_hz), known))
        if form.channels not in self.channels:
            noun = "channel" if form.channels == 1 else "channels"
            found.append(_difference("channels", f"{form.channels} {noun}", [str(n) for n in self.channels]))
        if codec_of(form) not in self.codecs:
            found.append(_difference("codec", codec_of(form), self.codecs))
        lowest, highest = self.lowest_dbfs - _LEVEL_MARGIN_DB, self.highest_dbfs + _LEVEL_MARGIN_DB
        if report.samples and not lowest <= report.level_dbfs <= highest:
            text = (
                f"{report.level_dbfs:.1f} dBFS (training {self.lowest_dbfs:.1f} to {self.highest_dbfs:.1f})"
            )
            found.append(FormatDifference("level", text))
        return tuple(found)


def dead_channels(report: ReadingReport) -> tuple[FormatDifference, ...]:
    """Return an entry for the channels of a recording that have no sound, beside others that have."""
    if report.format is None or not report.silent_channels:
        return ()
    named = " and ".join(str(channel) for channel in report.silent_channels)
    text = f"no sound in channel {named} of {report.format.channels}, counted from 0"
    return (FormatDifference("dead-channel", text),)


def describe(differences: Iterable[FormatDifference]) -> str | None:
    """Return the differences as one text, or None without any."""
    return ", ".join(difference.text for difference in differences) or None


def may_explain_score(differences: Iterable[FormatDifference]) -> bool:
    """Return whether a high score may come from the recorder: a level alone may as well be the machine's."""
    return any(difference.kind != "level" for difference in differences)


def fit_format_reference(
    formats: Sequence[AudioFormat], levels_dbfs: Sequence[float]
) -> FormatReference | None:
    """Collect the formats of the training recordings; None without any.

    Args:
        formats: of the recordings.
        levels_dbfs: of their seconds.
    """
    if not formats or not levels_dbfs:
        return None
    lowest, highest = np.quantile(np.array(levels_dbfs), _LEVEL_QUANTILES)
    return FormatReference(
        tuple(sorted({form.sample_rate_hz for form in formats})),
        tuple(sorted({form.channels for form in formats})),
        tuple(sorted({codec_of(form) for form in formats})),
        float(lowest),
        float(highest),
    )


def codec_of(form: AudioFormat) -> str:
    """Return the kind of encoding: "PCM" for all without audible loss, else the codec's or container's name."""
    if form.encoding == "ffmpeg":
        return form.container
    return _LOSSY.get(form.encoding, "PCM")


def _difference(kind: FormatProperty, text: str, known: Sequence[str]) -> FormatDifference:
    named = [*known[:_MAX_NAMED], *(["..."] if len(known) > _MAX_NAMED else [])]
    return FormatDifference(kind, f"{text} (training {' or '.join(named)})")


def _kilohertz(rate_hz: int) -> str:
    return f"{rate_hz / 1000:g} kHz"
