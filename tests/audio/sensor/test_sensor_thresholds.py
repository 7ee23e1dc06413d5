"""Each limit of the sensor check, from both sides, on one noise signal and a reference made for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.sensor.band_levels import BANDS, Decibels, band_levels, edges_hz
from anomaly.audio.sensor.reference import SensorReference
from anomaly.audio.sensor.sensor_check import SensorCheck

NOISE = (0.02 * np.random.default_rng(5).standard_normal(SAMPLE_RATE_HZ)).astype(np.float32)
NOISE_DBFS = 20 * float(np.log10(NOISE.astype(np.float64).std()))
TIME_S = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
FLAT = np.zeros(BANDS)
# Differs from FLAT in shape by its amplitude, with a median of zero: half of the bands up, half of them down.
STEP = np.where(np.arange(BANDS) < BANDS // 2, 1.0, -1.0)


def shaped(band_gains_db: Decibels) -> Samples:
    """The noise with a gain in each band; without what lies below the bands."""
    frequency_hz = np.fft.rfftfreq(SAMPLE_RATE_HZ, 1 / SAMPLE_RATE_HZ)
    band = np.clip(np.searchsorted(edges_hz(), frequency_hz, side="right") - 1, 0, BANDS - 1)
    spectrum = np.fft.rfft(NOISE.astype(np.float64)) * 10 ** (band_gains_db[band] / 20)
    return np.fft.irfft(spectrum, SAMPLE_RATE_HZ).astype(np.float32)


def amplified(gain_db: float) -> Samples:
    return (NOISE * 10 ** (gain_db / 20)).astype(np.float32)


def gains(*gains_db: float) -> list[Samples]:
    return [amplified(gain_db) for gain_db in gains_db]


@pytest.fixture
def reference() -> SensorReference:
    levels = band_levels(NOISE)
    return SensorReference(
        spectra=levels.mean[None],
        lowest=levels.mean,
        highest=levels.mean,
        distance_db=1.0,
        shape_db=0.2,
        step_db=0.1,
        flutter_db=levels.flutter_db,
        quietest_dbfs=NOISE_DBFS,
    )


def statuses(reference: SensorReference | None, seconds: Sequence[Samples]) -> list[str]:
    check = SensorCheck(reference)
    return [check.second(second).status for second in seconds]


def test_the_training_sound_is_ok(reference: SensorReference) -> None:
    assert statuses(reference, [NOISE, shaped(FLAT)]) == ["ok", "ok"]


@pytest.mark.parametrize(
    ("share", "status"), [(0.0, "ok"), (0.19, "ok"), (0.2, "repeated"), (1.0, "repeated")]
)
def test_share_of_repeated_samples(share: float, status: str, reference: SensorReference) -> None:
    for known in (reference, None):
        assert SensorCheck(known).second(NOISE, repeated=share).status == status


@pytest.mark.parametrize("gain_db", [4.8, -4.8])
def test_a_small_change_of_gain_is_ok(gain_db: float, reference: SensorReference) -> None:
    assert statuses(reference, [amplified(gain_db)]) == ["ok"]


@pytest.mark.parametrize("gain_db", [5.2, -5.2])
def test_a_change_of_gain(gain_db: float, reference: SensorReference) -> None:
    assert statuses(reference, [amplified(gain_db)]) == ["gain"]


def test_a_gain_within_the_spread_of_training_is_ok(reference: SensorReference) -> None:
    # 1.25 times the largest distance of training and 0.8 dB: 7.05 dB.
    wide = replace(reference, distance_db=5.0)
    assert statuses(wide, [amplified(-6.9)]) == ["ok"]
    assert statuses(wide, [amplified(-7.2)]) == ["gain"]


def test_a_gain_needs_the_shape_of_training(reference: SensorReference) -> None:
    # Without spread in training: 0.4 + 0.15 dB.
    for difference_db, status in ((0.5, "gain"), (0.6, "ok")):
        assert statuses(reference, [shaped(-8 + difference_db * STEP)]) == [status]
    # With more spread in training: 1 + 0.15 dB.
    varied = replace(reference, shape_db=1.0)
    for difference_db, status in ((1.1, "gain"), (1.2, "ok")):
        assert statuses(varied, [shaped(-8 + difference_db * STEP)]) == [status]


def test_a_gain_found_before_may_differ_more_in_shape(reference: SensorReference) -> None:
    # 1.5 times 0.55 dB, where the gain is within 1.5 dB of the last one.
    other_shape = shaped(-8 + 0.8 * STEP)
    assert statuses(reference, [amplified(-8), other_shape]) == ["gain", "gain"]
    assert statuses(reference, [amplified(-8), shaped(-8 + 0.85 * STEP)]) == ["gain", "ok"]
    assert statuses(reference, [amplified(-9.4), other_shape]) == ["gain", "gain"]
    assert statuses(reference, [amplified(-9.7), other_shape]) == ["gain", "ok"]


def test_the_last_gain_found_counts(reference: SensorReference) -> None:
    other_shape = shaped(-8.4 + 0.8 * STEP)
    assert statuses(reference, [*gains(-6, -7.2), other_shape]) == ["gain"] * 3


def test_a_gain_found_before_is_forgotten_after_normal_sound(reference: SensorReference) -> None:
    other_shape = shaped(-8 + 0.8 * STEP)
    assert statuses(reference, [amplified(-8), NOISE, other_shape]) == ["gain", "ok", "ok"]


def test_a_gain_found_before_is_forgotten_after_a_reset(reference: SensorReference) -> None:
    other_shape = shaped(-8 + 0.8 * STEP)
    check = SensorCheck(reference)
    assert check.second(amplified(-8)).status == "gain"
    check.reset()
    assert check.second(other_shape).status == "ok"


def test_a_gain_that_moves_is_an_automatic_one(reference: SensorReference) -> None:
    assert statuses(reference, gains(-6, -6, -8.4)) == ["gain"] * 3
    assert statuses(reference, gains(-6, -6, -8.6)) == ["gain", "gain", "processed"]
    assert statuses(reference, gains(-6, -8.6, -6)) == ["gain", "gain", "processed"]


def test_a_gain_that_moves_across_a_reset_is_no_automatic_one(reference: SensorReference) -> None:
    check = SensorCheck(reference)
    assert [check.second(second).status for second in gains(-6, -6)] == ["gain", "gain"]
    check.reset()
    assert [check.second(second).status for second in gains(-9, -9)] == ["gain", "gain"]


def test_a_gain_that_moves_across_normal_sound_is_no_automatic_one(reference: SensorReference) -> None:
    assert statuses(reference, gains(-6, -6, 0, -9, -9)) == ["gain", "gain", "ok", "gain", "gain"]


def test_the_second_in_which_the_gain_is_set_does_not_count(reference: SensorReference) -> None:
    assert statuses(reference, gains(-12, -6, -6)) == ["gain"] * 3


def test_an_automatic_gain_moves_more_than_the_machine(reference: SensorReference) -> None:
    # Eight steps of the training sound: 8 dB.
    unsteady = replace(reference, step_db=1.0)
    assert statuses(unsteady, gains(-6, -6, -13.8)) == ["gain"] * 3
    assert statuses(unsteady, gains(-6, -6, -14.2))[-1] == "processed"


def test_gains_of_the_last_twelve_seconds_count(reference: SensorReference) -> None:
    # Of twelve gains the first is left out: a range of 2.7 dB is found within ten seconds, and not after twelve.
    slow = [-6.0, -6.0, *([-7.35] * 9), -8.7]
    assert statuses(reference, gains(*slow))[-1] == "processed"
    slower = [-6.0, -6.0, *([-7.35] * 10), -8.7]
    assert set(statuses(reference, gains(*slower))) == {"gain"}


def test_a_gain_that_is_too_small_for_a_status_moves_too(reference: SensorReference) -> None:
    assert statuses(reference, gains(-3, -3, -4.5)) == ["ok"] * 3
    assert statuses(reference, gains(-2.2, -2.2, -4.9))[-1] == "processed"


def test_a_level_below_all_of_training(reference: SensorReference) -> None:
    # A level normaliser makes the gain irrelevant, so that the level alone decides.
    check = SensorCheck(reference, gain_matters=False)
    assert check.second(amplified(-19.5)).status == "ok"
    assert check.second(amplified(-20.5)).status == "low-level"


def test_a_low_level_without_a_reference() -> None:
    assert statuses(None, [amplified(-79.5 - NOISE_DBFS), amplified(-80.5 - NOISE_DBFS)]) == [
        "ok",
        "low-level",
    ]


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_hum_without_a_reference(mains_hz: int) -> None:
    # The rest must be below -65 dBFS, and below 5 % of the power.
    wave = (0.1 * np.sin(2 * np.pi * mains_hz * TIME_S)).astype(np.float32)
    quiet, loud = amplified(-67 - NOISE_DBFS), amplified(-63 - NOISE_DBFS)
    assert statuses(None, [wave + quiet, wave + loud]) == ["hum", "ok"]
    weak = wave * np.float32(10 ** (-52 / 20) / (0.1 / np.sqrt(2)))
    assert statuses(None, [weak + quiet]) == ["hum"]
    weaker = wave * np.float32(10 ** (-56 / 20) / (0.1 / np.sqrt(2)))
    assert statuses(None, [weaker + quiet]) == ["ok"]


def test_hum_with_a_reference(reference: SensorReference) -> None:
    # Most of the bands above 2 kHz must be 10 dB below all of training.
    wave = (0.2 * np.sin(2 * np.pi * 100 * TIME_S)).astype(np.float32)
    assert statuses(reference, [wave + amplified(-11)]) == ["hum"]
    assert "hum" not in statuses(reference, [wave + amplified(-9)])
    high = np.flatnonzero(edges_hz()[1:] > 2_000)
    for missing, expected in ((len(high) // 2 + 1, True), (len(high) // 2, False)):
        gains_db = FLAT.copy()
        gains_db[high[:missing]] = -12
        assert ("hum" in statuses(reference, [wave + shaped(gains_db)])) is expected


@pytest.mark.parametrize(
    ("bands", "gain_db", "expected"), [(4, -18.0, True), (3, -18.0, False), (4, -13.5, False)]
)
def test_a_band_limit(bands: int, gain_db: float, expected: bool, reference: SensorReference) -> None:
    gains_db = FLAT.copy()
    gains_db[-bands:] = gain_db
    assert (statuses(reference, [shaped(gains_db)]) == ["band-limit"]) is expected


@pytest.mark.parametrize("other_db", [7.0, -7.0])
def test_a_band_limit_leaves_the_bands_below_it_as_they_were(
    other_db: float, reference: SensorReference
) -> None:
    # Three of 27 bands are more than a tenth, two are less.
    for changed, expected in ((2, True), (3, False)):
        gains_db = FLAT.copy()
        gains_db[-4:] = -25
        gains_db[:changed] = other_db
        assert ("band-limit" in statuses(reference, [shaped(gains_db)])) is expected
    gains_db = FLAT.copy()
    gains_db[-4:] = -25
    gains_db[:3] = 5 * np.sign(other_db)
    assert statuses(reference, [shaped(gains_db)]) == ["band-limit"]


def test_one_of_eleven_bands_may_change_at_a_band_limit(reference: SensorReference) -> None:
    gains_db = FLAT.copy()
    gains_db[12:] = -30
    gains_db[0] = 7
    assert statuses(reference, [shaped(gains_db)]) == ["band-limit"]


def test_the_band_at_the_edge_of_a_band_limit_does_not_count(reference: SensorReference) -> None:
    gains_db = FLAT.copy()
    gains_db[-4:] = -25
    gains_db[-5] = -12
    gains_db[:2] = 7
    assert statuses(reference, [shaped(gains_db)]) == ["band-limit"]


def test_all_bands_missing_is_no_band_limit(reference: SensorReference) -> None:
    assert statuses(reference, [amplified(-30)]) == ["gain"]


def test_bands_that_drop_out_are_noise_suppression(reference: SensorReference) -> None:
    flutter_db = reference.flutter_db
    gated = shaped(FLAT - 1.0)
    assert statuses(replace(reference, flutter_db=flutter_db - 1.4), [gated]) == ["processed"]
    assert statuses(replace(reference, flutter_db=flutter_db - 1.0), [gated]) == ["ok"]


def test_noise_suppression_takes_power_away(reference: SensorReference) -> None:
    steady = replace(reference, flutter_db=reference.flutter_db - 2)
    assert statuses(steady, [amplified(-0.55), amplified(-0.45)]) == ["processed", "ok"]


def test_noise_suppression_makes_no_band_louder(reference: SensorReference) -> None:
    # One of 32 bands is less than 5 %, two are more.
    steady = replace(reference, flutter_db=reference.flutter_db - 2)
    for bands, louder_db, status in ((1, 3.3, "processed"), (2, 3.3, "ok"), (2, 2.7, "processed")):
        gains_db = FLAT - 1.0
        gains_db[3 : 3 + bands] = louder_db
        assert statuses(steady, [shaped(gains_db)]) == [status]
