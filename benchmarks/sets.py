"""Detection sets made at run time from real recordings; nothing of them is written to disk.

The same recordings and the same seed give the same samples. Training and test sound never share a
recording of the background.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.files import read_16k
from anomaly.audio.simulator import fault_sound, load_recipe
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.errors import InputError
from anomaly.evaluate.layouts import Clip, read_layout
from anomaly.evaluate.names import Label

Samples = npt.NDArray[np.float32]

SLIDER_LEVELS_DB = (0.0, -5.0, -10.0)
BLDC_LEVELS_DB = (6.0, 0.0, -6.0)
TEST_PIECE_S = 3.5
TRAIN_MIXES = 8
TEST_MIXES = 6


@dataclass(frozen=True, eq=False)
class LabelledClip:
    """One clip to score.

    Attributes:
        samples: float32, shape [n], 16 kHz.
        label: normal or anomaly.
        fault: the kind of fault of an anomaly.
        recording: equal for clips that share the recording that makes them alike.
    """

    samples: Samples
    label: Label
    fault: str | None
    recording: str


@dataclass(frozen=True, eq=False)
class DetectionSet:
    """Normal sound to train on and labelled sound to test with, at one level.

    Attributes:
        name: of the set.
        level_db: of the fault, or of the machine, over the background.
        train: clips, shape [n] each. Sets that differ in the test alone share this very list.
        test: clips of both labels.
    """

    name: str
    level_db: float
    train: list[Samples]
    test: list[LabelledClip]


def slider_fault(
    recordings: Path,
    levels_db: Sequence[float] = SLIDER_LEVELS_DB,
    seed: int = 0,
    faults: Sequence[str] = (),
) -> list[DetectionSet]:
    """A real slide rail, and modelled faults injected into its held-out normal clips.

    A level of L dB means that, within the fault's own third octaves (those that hold 90 % of its
    energy), fault and clip have energies in the ratio L. Each fault is injected into each held-out
    clip, so that the only difference between normal and anomalous clips is the fault.

    Args:
        recordings: folder with ``slider/train`` and ``slider/test``.
        levels_db: one set each.
        seed: of the faults.
        faults: kinds the simulator knows for a slide rail; all of them if left empty.

    Raises:
        InputError: recordings are missing or cannot be read.
    """
    data = read_layout(recordings / "slider")
    train = [read_16k(clip.path) for clip in data.train]
    held_out = [(clip, read_16k(clip.path)) for clip in data.test if clip.label == "normal"]
    _need(recordings / "slider", train=train, test=held_out)
    injected = list(_injected(held_out, tuple(faults) or tuple(load_recipe("slider").faults), seed))
    normals = [LabelledClip(samples, "normal", None, clip.recording) for clip, samples in held_out]
    return [
        DetectionSet("slider-fault", level_db, train, normals + [one.at(level_db) for one in injected])
        for level_db in levels_db
    ]


def bldc_mix(
    recordings: Path,
    levels_db: Sequence[float] = BLDC_LEVELS_DB,
    seed: int = 0,
    *,
    train_mixes: int = TRAIN_MIXES,
    test_mixes: int = TEST_MIXES,
) -> list[DetectionSet]:
    """Brushless motors, sound and faulty, running beside a slide rail.

    Motors are brought to the same level, their RMS over that of the background being the level of
    the set. Training mixes each motor clip with ``train_mixes`` stretches of ``slider/train``; the
    test mixes every motor piece with the same ``test_mixes`` stretches of ``slider/test``, so that
    the background tells nothing. Pieces for testing all last 3.5 s. Train and test pieces of a
    normal motor are cuts of one recording, which is how the source gives them.

    Args:
        recordings: folder with ``bldc/`` and ``slider/``, each with ``train`` and ``test``.
        levels_db: one set each, with the same backgrounds.
        seed: of the choice of backgrounds.
        train_mixes: backgrounds for each training clip.
        test_mixes: backgrounds for each test piece.

    Raises:
        InputError: recordings are missing or cannot be read.
    """
    motors, slider = read_layout(recordings / "bldc"), read_layout(recordings / "slider")
    sound = [_level(read_16k(clip.path)) for clip in motors.train]
    pieces = [(clip, piece) for clip in motors.test for piece in _pieces(_level(read_16k(clip.path)))]
    _need(recordings / "bldc", train=sound, test=pieces)
    quiet = [read_16k(clip.path) for clip in slider.train]
    quiet_test = [read_16k(clip.path) for clip in slider.test if clip.label == "normal"]
    _need(recordings / "slider", train=quiet, test=quiet_test)

    generator = np.random.default_rng([seed, 1])
    pairs = [(m, _stretch(quiet, len(m), generator)) for _ in range(train_mixes) for m in sound]
    piece_length = round(TEST_PIECE_S * SAMPLE_RATE_HZ)
    scenes = [_stretch(quiet_test, piece_length, generator) for _ in range(test_mixes)]
    return [
        DetectionSet(
            name="bldc-mix",
            level_db=level_db,
            train=[_mixed(motor, background, level_db) for motor, background in pairs],
            test=[
                LabelledClip(_mixed(piece, scene, level_db), clip.label, clip.fault, clip.recording)
                for scene in scenes
                for clip, piece in pieces
            ],
        )
        for level_db in levels_db
    ]


@dataclass(frozen=True, eq=False)
class _Injected:
    """A fault and the clip it goes into, still apart."""

    clip: Clip
    normal: Samples
    fault: str
    sound: Samples
    # Amplitude that makes fault and clip equally strong within the fault's own third octaves.
    equal: float

    def at(self, level_db: float) -> LabelledClip:
        gain = np.float32(self.equal * 10.0 ** (level_db / 20.0))
        return LabelledClip(self.normal + gain * self.sound, "anomaly", self.fault, self.clip.recording)


def _injected(
    held_out: Sequence[tuple[Clip, Samples]], faults: Sequence[str], seed: int
) -> Iterator[_Injected]:
    for kind, fault in enumerate(faults):
        for number, (clip, normal) in enumerate(held_out):
            own_seed = int(np.random.SeedSequence([seed, kind, number]).generate_state(1)[0])
            sound = fault_sound("slider", fault, seconds=len(normal) / SAMPLE_RATE_HZ, seed=own_seed)[
                : len(normal)
            ]
            energies = band_energies(sound, SAMPLE_RATE_HZ)
            own = own_bands(energies)
            background = band_energies(normal, SAMPLE_RATE_HZ)[own].sum()
            yield _Injected(clip, normal, fault, sound, float(np.sqrt(background / energies[own].sum())))


def _level(samples: Samples) -> Samples:
    """The same sound at an RMS of one."""
    rms = np.sqrt(np.mean(samples.astype(np.float64) ** 2))
    return samples / np.float32(max(rms, 1e-12))


def _pieces(samples: Samples) -> list[Samples]:
    length = round(TEST_PIECE_S * SAMPLE_RATE_HZ)
    return [samples[start : start + length] for start in range(0, len(samples) - length + 1, length)]


def _stretch(backgrounds: Sequence[Samples], length: int, generator: np.random.Generator) -> Samples:
    """A random stretch of a random background, repeated from its start if that is too short."""
    background = backgrounds[int(generator.integers(len(backgrounds)))]
    start = int(generator.integers(max(len(background) - length, 0) + 1))
    return (
        np.resize(background[start:], length)
        if len(background) < length
        else background[start : start + length]
    )


def _mixed(motor: Samples, background: Samples, level_db: float) -> Samples:
    rms = np.sqrt(np.mean(background.astype(np.float64) ** 2))
    return background + np.float32(rms * 10.0 ** (level_db / 20.0)) * motor


def _need(folder: Path, **parts: Sequence[object]) -> None:
    for name, part in parts.items():
        if not part:
            raise InputError(f"nothing usable in {name}/", where=folder, hint="see docs/data-layouts.md")
