"""The picture of a clip: a PNG that another program reads, with loud places where they belong, axes and spectra."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from anomaly.monitor.clips.picture import ClipSpectrum, draw_clip

pytestmark = pytest.mark.usefixtures("utc")
FRAMES_PER_S = 31.25
LEFT, TOP, HEIGHT = 50, 26, 256


def drawn(levels: np.ndarray, spectrum: ClipSpectrum | None = None, mark_s: float = 5.0) -> Image.Image:
    data = draw_clip(
        levels.astype(np.int32),
        FRAMES_PER_S,
        opened_at_s=1_800_000_000.0,
        mark_s=mark_s,
        title="pump, case ab",
        spectrum=spectrum,
    )
    return Image.open(io.BytesIO(data))


def test_loud_places_are_bright_at_their_time_and_band() -> None:
    levels = np.full((640, 32), -6_000)
    levels[320:, 8] = 0
    picture = np.asarray(drawn(levels)).astype(int)[TOP : TOP + HEIGHT, LEFT : LEFT + 640].sum(axis=2)
    # Band 8 of 32 lies at a quarter of the height, from below; it is loud in the second half.
    rows = set(np.nonzero(picture[:, 500] > 500)[0])
    assert rows == set(range(HEIGHT - 72, HEIGHT - 64))
    assert picture[:, 100].max() < 100


def test_a_line_marks_the_opening_of_the_case() -> None:
    picture = np.asarray(drawn(np.full((640, 32), -6_000)))
    x = LEFT + round(5.0 * FRAMES_PER_S)
    assert (picture[TOP + 5 : TOP + HEIGHT - 5, x] == (0, 200, 220)).all()


def test_there_are_axes_around_it() -> None:
    picture = np.asarray(drawn(np.full((640, 32), -6_000))).astype(int).sum(axis=2)
    below, beside, above = picture[TOP + HEIGHT + 5 :], picture[TOP : TOP + HEIGHT, :LEFT], picture[: TOP - 2]
    for margin in (below, beside, above):
        assert (margin < 300).sum() > 50


def test_the_mean_spectra_stand_beside_it() -> None:
    levels = np.full((640, 32), -6_000)
    flat, tone = np.full(32, -6_000, np.int32), np.full(32, -6_000, np.int32)
    tone[20] = -1_000
    alone, both = drawn(levels), drawn(levels, ClipSpectrum(tone, flat))
    assert both.width > alone.width + 150
    side = np.asarray(both).astype(int)[TOP : TOP + HEIGHT, alone.width :]
    red = np.argwhere((np.abs(side - (200, 60, 40)).sum(axis=2)) < 30)
    tip = red[red[:, 1].argmax()]
    # The clip's curve goes furthest to the right at band 20 of 32.
    assert tip[0] == pytest.approx(HEIGHT * (1 - 20.5 / 32), abs=3)


def test_its_properties_name_it() -> None:
    assert drawn(np.zeros((3, 4))).info["Title"] == "pump, case ab"


def test_nothing_to_draw() -> None:
    assert drawn(np.zeros((0, 32)), mark_s=0.0).width > 0
