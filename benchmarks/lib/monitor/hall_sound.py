"""Simulated machines in a factory hall: recordings for training and calibration, other normal sound, and faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.simulator import simulate
from anomaly.audio.simulator.background import factory_noise
from anomaly.audio.simulator.motion.timeline import Timeline, control_hop
from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.model import Model
from anomaly.detect.operating.ramp import decision_mask
from anomaly.training.in_memory import train_on_clips

SNR_DB, TAKE_S, BLOCK_S = 10.0, 600, 60
TRAIN_TAKES, CALIBRATION_TAKES = 3, 12
FAULT_S, LEAD_S = 40, 10

Samples = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TakeScores:
    """Scores of one take.

    Args:
        scores: of every second.
        judged: of the seconds that the decision uses.
    """

    scores: Values
    judged: Values


def score_take(model: Model, samples: Samples) -> TakeScores:
    """Score a take as the monitor does: ramps and stops are left out of the decision."""
    seconds = model.scorer().recording(samples)
    mask = np.array(decision_mask([second.operating for second in seconds]))
    scores = np.array([second.score for second in seconds])
    return TakeScores(scores, scores[mask])


def take(machine: str, seed: int) -> Samples:
    """Simulate ten minutes of a machine's operating cycle in the hall."""
    return simulate(machine, seconds=TAKE_S, seed=seed, states="cycle", snr_db=SNR_DB).samples


def mixed_takes(machine: str, takes: int, halls: int) -> Iterator[Samples]:
    """Yield takes of the machine in the hall; hall recordings are used once, machine recordings several times."""
    made = [
        simulate(machine, seconds=TAKE_S, seed=50_000 + number, states="cycle").normal_samples
        for number in range(takes)
    ]
    levels = [_rms(sound) * 10.0 ** (-SNR_DB / 20.0) for sound in made]
    for number in range(halls):
        yield made[number % takes] + np.float32(levels[number % takes]) * _hall(60_000 + number)


def _hall(seed: int) -> Samples:
    """Simulate ten minutes of factory noise at an RMS of one."""
    hop = control_hop(SAMPLE_RATE_HZ)
    still = np.zeros(-(-TAKE_S * SAMPLE_RATE_HZ // hop) + 1)
    noise = factory_noise(Timeline(SAMPLE_RATE_HZ, hop, still, still, 1.0), 0, seed)
    return noise[: TAKE_S * SAMPLE_RATE_HZ]


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def calibrated_machine(machine: str) -> tuple[Model, Calibration]:
    """Train a machine on 30 minutes, and calibrate it on two more hours."""
    model = train_on_clips([take(machine, 1000 + number) for number in range(TRAIN_TAKES)])
    judged = [score_take(model, take(machine, 2000 + number)).judged for number in range(CALIBRATION_TAKES)]
    blocks = [part[k : k + BLOCK_S] for part in judged for k in range(0, len(part), BLOCK_S)]
    return model, calibrate(model.scorer().calibration.pooling, blocks)


def fault_take(machine: str, fault: str, severity: float, seed: int) -> Samples:
    """Simulate `LEAD_S` seconds of normal sound, then a fault."""
    return simulate(
        machine,
        seconds=LEAD_S + FAULT_S,
        seed=90_000 + seed,
        fault=fault,
        severity=_after_lead(severity),
        snr_db=SNR_DB,
    ).samples


def _after_lead(severity: float) -> Callable[[Values], Values]:
    """Severity over time: zero until the fault begins."""
    return lambda times_s: np.where(times_s >= LEAD_S, severity, 0.0)
