"""Index of what the command line names: a machine of the store, a table of scores, or recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anomaly.audio.channels import Channel
from anomaly.audio.files.recordings import AUDIO_SUFFIXES, find_recordings
from anomaly.errors import InputError
from anomaly.prognosis.index.band_amplitudes import recordings_amplitudes
from anomaly.prognosis.index.band_index import LEAST_REFERENCE, band_index
from anomaly.prognosis.index.score_table import table_index
from anomaly.prognosis.index.series import IndexSeries
from anomaly.prognosis.trend.noise import noise_of

# The alarm level of a machine that never came near one, above the median of its first values.
_ASSUMED_DEVIATIONS, _FIRST_SHARE, _LEAST_FIRST = 6.0, 0.1, 12


def index_of(path: Path, channel: Channel = "mean") -> IndexSeries:
    """Read an index from a table of scores, or from a folder of recordings whose names hold their times.

    Args:
        path: a file or folder.
        channel: of recordings.

    Raises:
        InputError: there is no such path, or it holds neither.
    """
    if not path.exists():
        raise InputError("there is no such file or folder", where=path, hint="check the path")
    if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file():
        raise InputError(
            "is one recording; a trend needs many", where=path, hint="name the folder that they lie in"
        )
    recordings = find_recordings(path) if path.is_dir() else []
    if not recordings:
        return table_index(path)
    if len(recordings) < LEAST_REFERENCE:
        raise InputError(
            f"holds {len(recordings)} recordings, {LEAST_REFERENCE} are needed as a reference", where=path
        )
    return band_index(recordings_amplitudes(recordings, path, channel), path.resolve().name)


def with_alarm_level(series: IndexSeries, level: float | None) -> IndexSeries:
    """Return an index with a given alarm level, or an assumed one where none is known."""
    if level is not None:
        return series.with_level(level, "given with --level")
    if series.alarm_level is not None or len(series) < _LEAST_FIRST:
        return series
    first = series.values[: max(_LEAST_FIRST, int(_FIRST_SHARE * len(series)))]
    noise = max(noise_of(first).slow_deviation, 1e-3)
    assumed = float(np.median(first)) + _ASSUMED_DEVIATIONS * noise
    source = f"assumed: {_ASSUMED_DEVIATIONS:g} standard deviations above the first values"
    return series.with_level(assumed, source)
