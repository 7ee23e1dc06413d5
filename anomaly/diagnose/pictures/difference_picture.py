"""Levels of a sound beside those of normal sound, and their difference."""

from __future__ import annotations

import numpy as np

from anomaly.diagnose.physics.machine_normal import Sound
from anomaly.diagnose.pictures.plot import Line, Mark, draw_plot
from anomaly.diagnose.why.sound_profile import LEVELS_PER_OCTAVE, band_edges, profile


def draw_difference(
    sound: Sound, normal: Sound, name: str, normal_name: str, band_hz: tuple[float, float] | None
) -> bytes:
    """Draw levels of twelfth octaves over the logarithm of the frequency.

    Args:
        sound, normal: of one sample rate.
        name, normal_name: for the legend.
        band_hz: band of the change, which is marked.
    """
    edges = np.asarray(band_edges(sound.rate_hz, LEVELS_PER_OCTAVE))
    octaves = np.log2(np.sqrt(edges[:-1] * edges[1:]) / 1000)
    now = profile(sound.samples, sound.rate_hz).levels_db
    usual = profile(normal.samples, normal.rate_hz).levels_db
    low = float(min(now.min(), usual.min()))
    lines = [
        Line(octaves, now - low, name),
        Line(octaves, now - usual, "difference"),
        Line(octaves, usual - low, f"normal: {normal_name}"),
    ]
    marks = (
        [] if band_hz is None else [Mark(float(np.log2(edge / 1000)), f"{edge:.0f} Hz") for edge in band_hz]
    )
    return draw_plot(f"{name}: level by band", ("octaves above 1 kHz", "dB"), lines, marks)
