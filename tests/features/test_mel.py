"""Mel: the same bits however the sound arrives, and the same values as librosa and torchaudio."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.audio.files.recordings import read_16k
from anomaly.features import mel
from anomaly.features.mel import MelStream, Samples, mel_power, pool

RECORDINGS = Path(os.environ.get("ANOMALY_RECORDINGS", Path(__file__).parents[3] / "shared" / "audio"))
SECOND = np.arange(16_000)
NOISE = np.random.default_rng(0).standard_normal(16_000)


def tone(frequency_hz: float, amplitude: float) -> npt.NDArray[np.float64]:
    return amplitude * np.sin(2 * np.pi * frequency_hz * SECOND / 16_000)


SOUNDS: dict[str, npt.NDArray[np.float64]] = {
    "noise": 0.1 * NOISE,
    "full-scale noise": np.clip(NOISE, -1, 1),
    "very quiet noise": 1e-7 * NOISE,
    "tone on a bin": tone(1015.625, 1.0),
    "tone between bins": tone(1003.1, 0.5),
    "low tone": tone(41.3, 0.9),
    "high tone": tone(7970.0, 0.9),
    "full-scale square": np.sign(tone(440.3, 1.0)),
    "impulses": (SECOND % 3777 == 0).astype(float),
    "one faint impulse": 1e-5 * (SECOND == 8000),
    "constant": np.full(16_000, 0.25),
    "silence": np.zeros(16_000),
}


def by_librosa(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    import librosa

    power: npt.NDArray[np.floating] = librosa.feature.melspectrogram(
        y=samples, sr=16_000, n_fft=1024, hop_length=512, n_mels=128, center=False, power=2.0
    )
    return power.T


def by_torchaudio(samples: Samples) -> npt.NDArray[np.float64]:
    import torch
    from torchaudio.transforms import MelSpectrogram

    transform = MelSpectrogram(
        sample_rate=16_000,
        n_fft=1024,
        hop_length=512,
        n_mels=128,
        window_fn=torch.hann_window,
        power=2.0,
        center=False,
        norm="slaney",
        mel_scale="slaney",
    )
    power: npt.NDArray[np.float64] = transform(torch.from_numpy(samples)).numpy().T
    return power


def within(ours: npt.NDArray[np.floating], theirs: npt.NDArray[np.floating]) -> bool:
    """Error below 1e-4 of the value or 1e-11 of the frame's largest band."""
    assert ours.shape == theirs.shape
    allowed = np.maximum(1e-4 * np.abs(theirs), 1e-11 * theirs.max(axis=1, keepdims=True))
    return bool((np.abs(ours.astype(np.float64) - theirs) <= allowed).all())


@pytest.mark.parametrize("name", SOUNDS)
def test_parity_with_librosa(name: str) -> None:
    samples = SOUNDS[name].astype(np.float32)
    assert within(mel_power(samples), by_librosa(samples))
    assert within(mel_power(samples), by_librosa(samples.astype(np.float64)))


@pytest.mark.parametrize("name", [name for name in SOUNDS if name != "full-scale square"])
def test_parity_with_torchaudio(name: str) -> None:
    samples = SOUNDS[name].astype(np.float32)
    assert within(mel_power(samples), by_torchaudio(samples))


def test_where_torchaudio_differs_it_is_off_itself() -> None:
    # A strong line at the foot of a triangle: torchaudio's filters are float32 differences, 1.5e-4 off there.
    samples = SOUNDS["full-scale square"].astype(np.float32)
    exact = by_librosa(samples.astype(np.float64))
    assert not within(by_torchaudio(samples), exact)
    assert within(mel_power(samples), exact)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings: set ANOMALY_RECORDINGS")
def test_parity_on_real_sound() -> None:
    for path in sorted(RECORDINGS.glob("slider/*/*.wav"))[:2] + sorted(RECORDINGS.glob("bldc/*/*.wav"))[:2]:
        samples = read_16k(path)
        assert within(mel_power(samples), by_librosa(samples)), path.name
        assert within(mel_power(samples), by_torchaudio(samples)), path.name


def test_the_filters_are_those_of_librosa() -> None:
    import librosa

    theirs = librosa.filters.mel(sr=16_000, n_fft=1024, n_mels=128)
    assert np.allclose(mel.mel_matrix().toarray(), theirs, rtol=1e-5, atol=1e-9)
    assert np.allclose(mel.band_edges_hz(), librosa.mel_frequencies(n_mels=130, fmin=0, fmax=8000))


def test_the_mel_scale_has_an_inverse() -> None:
    hz = np.array([0.0, 50.0, 999.9, 1000.0, 1000.1, 4000.0, 8000.0])
    assert np.allclose(mel.mel_to_hz(mel.hz_to_mel(hz)), hz)
    assert float(mel.hz_to_mel(1000.0)) == pytest.approx(15.0)


LONG = (0.3 * np.random.default_rng(1).standard_normal(40_000)).astype(np.float32)
WHOLE = mel_power(LONG)


def streamed(samples: Samples, sizes: list[int]) -> npt.NDArray[np.float32]:
    """Frames of a stream whose blocks have these sizes, over and over."""
    stream, parts, start, turn = MelStream(), [], 0, 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        parts.append(stream.push(samples[start : start + size]))
        start, turn = start + size, turn + 1
    return np.concatenate(parts)


@pytest.mark.parametrize("size", [1, 2, 7, 160, 511, 512, 513, 1023, 1024, 1025, 4096, 8192, 9999, 10_000])
def test_a_stream_gives_the_same_bits(size: int) -> None:
    # One sample a block is slow in a test; a part of the sound is enough for it.
    length = 40_000 if size > 100 else 6_000
    assert streamed(LONG[:length], [size]).tobytes() == mel_power(LONG[:length]).tobytes()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=12))
def test_a_stream_of_any_blocks_gives_the_same_bits(sizes: list[int]) -> None:
    sizes = [*sizes, 997]
    assert streamed(LONG, sizes).tobytes() == WHOLE.tobytes()


@settings(deadline=None, max_examples=40)
@given(first=st.integers(0, 60), count=st.integers(1, 17))
def test_a_frame_does_not_know_its_company(first: int, count: int) -> None:
    part = LONG[512 * first : 512 * (first + count - 1) + 1024]
    assert mel_power(part).tobytes() == WHOLE[first : first + count].tobytes()


def test_a_frame_needs_all_its_samples() -> None:
    assert [len(mel_power(LONG[:n])) for n in (0, 1, 1023, 1024, 1535, 1536)] == [0, 0, 0, 1, 1, 2]
    assert [mel.n_frames(n) for n in (0, 1023, 1024, 16_000, 32_000)] == [0, 0, 1, 30, 61]


def test_a_reset_forgets_the_samples_that_wait() -> None:
    stream = MelStream()
    stream.push(LONG[:1500])
    stream.reset()
    assert stream.push(LONG[7_000:9_000]).tobytes() == mel_power(LONG[7_000:9_000]).tobytes()


def test_the_caller_may_use_its_buffer_again() -> None:
    stream, buffer = MelStream(), LONG[:1_000].copy()
    stream.push(buffer)
    buffer[:] = 0
    assert stream.push(LONG[1_000:2_000]).tobytes() == mel_power(LONG[:2_000]).tobytes()


def test_other_numbers_are_taken_as_float32() -> None:
    assert np.array_equal(mel_power(LONG.astype(np.float64)), WHOLE)
    backwards = np.ascontiguousarray(LONG[::-1])
    assert np.array_equal(mel_power(LONG[::-1]), mel_power(backwards))


@pytest.mark.parametrize("bands", [1, 2, 16, 32, 64, 128])
def test_pooling_averages_power_and_rounds_decibels(bands: int) -> None:
    power = WHOLE[:5]
    expected = 1000 * np.log10(power.astype(np.float64).reshape(5, bands, -1).mean(axis=2) + 1e-12)
    levels = pool(power, bands)
    assert levels.dtype == np.int32
    assert np.abs(levels - expected).max() <= 0.5001


def test_silence_has_a_floor() -> None:
    assert (pool(mel_power(np.zeros(1024, np.float32)), 32) == -12_000).all()


def test_levels_do_not_depend_on_how_many_are_pooled_together() -> None:
    alone = np.concatenate([pool(frame[None], 32) for frame in WHOLE])
    assert np.array_equal(alone, pool(WHOLE, 32))


def test_edges_of_pooled_bands() -> None:
    for bands in (16, 32, 128):
        edges = mel.pooled_edges_hz(bands)
        assert (len(edges), edges[0], edges[-1]) == (bands + 1, 0.0, 8000.0)
        assert (np.diff(edges) > 0).all()
    # A tone in the middle of a pooled band is loudest there.
    edges = mel.pooled_edges_hz(16)
    for group in range(16):
        middle = 0.5 * (edges[group] + edges[group + 1])
        assert int(pool(mel_power(tone(middle, 0.5).astype(np.float32)), 16)[0].argmax()) == group


def test_the_floor_is_where_the_comment_says() -> None:
    # White noise of -134 dBFS reaches the floor in the mean over bands.
    noise = (10 ** (-134 / 20) * NOISE).astype(np.float32)
    assert 10 * np.log10(mel_power(noise).mean()) == pytest.approx(-120, abs=0.5)
    loudest = 10 * np.log10(mel_power(tone(1000, 1.0).astype(np.float32)).max())
    assert loudest + 120 == pytest.approx(150, abs=6)
