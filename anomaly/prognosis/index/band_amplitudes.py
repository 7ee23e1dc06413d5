"""Amplitudes of a recording in bands: what a health index can be made of without a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.channels import Channel, Samples
from anomaly.audio.files.recordings import read
from anomaly.errors import InputError
from anomaly.prognosis.index.recording_time import recording_times_s
from anomaly.prognosis.index.series import Values

BANDS = 16
_LOWEST_HZ, _HIGHEST_SHARE = 100.0, 0.47
# Windows of the spectrum; a recording must hold one of half this length.
_WINDOW_S = 0.1
_LEAST_AMPLITUDE = 1e-7


@dataclass(frozen=True, eq=False)
class BandAmplitudes:
    """Amplitudes of periodic recordings.

    Args:
        times_s: UNIX seconds, [recordings], ascending.
        logarithms: natural logarithms of the amplitude per band, [recordings, bands].
    """

    times_s: Values
    logarithms: Values


def band_amplitudes(samples: Samples, rate_hz: int) -> Values:
    """Return natural logarithms of the root mean square amplitude in 16 bands, equally wide in octaves, [bands].

    The bands go from 100 Hz to 0.47 of the rate; a Hann window of 0.1 s, half overlapping.

    Args:
        samples: [n], at least 0.05 s.
        rate_hz: their rate, at least 1 kHz.
    """
    size = min(round(_WINDOW_S * rate_hz), len(samples))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: max(size // 2, 1)]
    window = np.hanning(size + 1)[:-1]
    power = np.zeros(size // 2 + 1)
    # Piece by piece: an hour of sound has 72,000 windows.
    for first in range(0, len(frames), 256):
        power += (np.abs(np.fft.rfft(frames[first : first + 256] * window, axis=1)) ** 2).sum(axis=0)
    power /= len(frames) * float(window @ window) * size / 2.0
    hz = np.fft.rfftfreq(size, 1.0 / rate_hz)
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_SHARE * rate_hz, BANDS + 1)
    totals = np.concatenate([[0.0], np.cumsum(power)])
    bounds = np.searchsorted(hz, edges)
    last = np.maximum(bounds[1:], bounds[:-1] + 1)
    means = (totals[last] - totals[bounds[:-1]]) / (last - bounds[:-1])
    return np.asarray(0.5 * np.log(means + _LEAST_AMPLITUDE**2))


def recordings_amplitudes(paths: Sequence[Path], where: object, channel: Channel = "mean") -> BandAmplitudes:
    """Read periodic recordings whose names hold their times.

    Args:
        paths: the recordings, in any order.
        where: their folder, for errors.
        channel: of several.

    Raises:
        InputError: a name holds no time, a recording cannot be read or is shorter than 0.05 s, or rates differ.
    """
    times = recording_times_s(paths, where)
    order = sorted(range(len(paths)), key=lambda at: (times[at], paths[at].name))
    rows, rate_hz = [], 0
    for path in (paths[at] for at in order):
        recording = read(path, channel=channel)
        if rate_hz not in (0, recording.sample_rate_hz):
            raise InputError(
                f"has {recording.sample_rate_hz} Hz, those before it {rate_hz} Hz",
                where=path,
                hint="recordings of one trend need the same rate",
            )
        rate_hz = recording.sample_rate_hz
        if len(recording.samples) < _WINDOW_S / 2 * rate_hz:
            raise InputError(f"holds {1000 * recording.seconds:.0f} ms, 50 ms are needed", where=path)
        rows.append(band_amplitudes(recording.samples, rate_hz))
    return BandAmplitudes(np.array([times[at] for at in order]), np.array(rows))
