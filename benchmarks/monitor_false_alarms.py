"""How often the monitor cries wolf on normal sound, and how soon it hears a fault.

    python benchmarks/monitor_false_alarms.py [--json] [--quick] [--recordings DIR]

A simulated pump that runs through its cycle of speeds and stops in a factory hall is trained on 30 minutes and
calibrated on two hours of further normal sound, as `anomaly calibrate --since 2h --replace` does. Then 24 hours of
other normal sound are scored: 8 hours of the pump, each take with three of 24 takes of the hall, no pair twice. The
budgets of a day and a week are held against 365 days of ten-minute blocks drawn from those scores. Nothing is chosen by
looking at anomalies. `--quick` scores four hours, and one level of the real recordings.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from chains import count_alarms, first_alarm_s, surprises

from anomaly.audio.simulator import load_recipe, recipe_names, simulate
from anomaly.detect.calibration import Calibration, calibrate
from anomaly.detect.model import Model
from anomaly.detect.operating import Operating, OperatingStates, OperatingTracker, second_spectra
from anomaly.detect.operating_fit import learn_states
from anomaly.detect.scoring import SecondScore
from anomaly.detect.uniformity import uniformity
from anomaly.errors import AnomalyError
from anomaly.evaluate.bench.bldc_mix import bldc_mix
from anomaly.features.front_end import FrontEnd
from anomaly.monitor.held_back import HeldBack
from anomaly.training.clips import train_on_clips

MACHINE, SNR_DB, TAKE_S, BLOCK_S = "pump", 10.0, 600, 60
TRAIN_TAKES, CALIBRATION_TAKES, TEST_TAKES, HALL_TAKES, PAIRS = 3, 12, 48, 24, 3
BUDGETS = {"1/h": 24.0, "6/h": 144.0, "1/day": 1.0, "1/week": 1.0 / 7.0}
DAYS = 365
SEVERITIES, FAULT_SEEDS, FAULT_S, LEAD_S = (0.1, 0.3, 1.0), 3, 40, 10
LEVELS_DB = (6.0, 0.0, -6.0)

Samples = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Heard:
    """Scores of one take, and which of its seconds the decision takes, in the order in which it does."""

    scores: Values
    counted: Values


def say(words: str) -> None:
    """Progress goes to stderr, so that stdout holds the result alone."""
    print(words, file=sys.stderr, flush=True)


def hear(model: Model, samples: Samples) -> Heard:
    """Score a take as the monitor does: ramps and unheard stops are not decided upon."""
    tracker, held = OperatingTracker(model.student.states), HeldBack()
    counted: list[SecondScore] = []
    scored = model.student.recording(samples)
    for score, spectrum in zip(scored, second_spectra(samples, model.front_end), strict=True):
        operating = tracker.second(spectrum)
        counted += held.take(SecondScore(score.second, score.score, 0.0, score.groups, operating))
    counted += held.release()
    return Heard(np.array([s.score for s in scored]), np.array([s.score for s in counted]))


def take(seed: int) -> Samples:
    """Ten minutes of the pump's cycle in the hall."""
    return simulate(MACHINE, seconds=TAKE_S, seed=seed, states="cycle", snr_db=SNR_DB).samples


def mixed_takes(takes: int) -> Iterator[Samples]:
    """Takes of the pump, each with three takes of the hall; no pair twice."""
    count = min(HALL_TAKES, takes)
    halls: list[Samples] = []
    machines: list[Samples] = []
    for number in range(takes):
        # The hall is the part of a take that costs most; only some takes bring one of their own.
        snr_db = SNR_DB if number < count else None
        heard = simulate(MACHINE, seconds=TAKE_S, seed=50_000 + number, states="cycle", snr_db=snr_db)
        machines.append(heard.normal_samples)
        if snr_db is not None:
            halls.append(heard.background_samples)
    for pair in range(PAIRS):
        for number, machine in enumerate(machines):
            yield machine + halls[(number + 7 * pair) % count]


def pump() -> tuple[Model, Calibration]:
    """The trained pump, and its calibration after two more hours."""
    model = train_on_clips([take(1000 + number) for number in range(TRAIN_TAKES)])
    own = model.student.calibration
    heard = [hear(model, take(2000 + number)).counted for number in range(CALIBRATION_TAKES)]
    blocks = [part[k : k + BLOCK_S] for part in heard for k in range(0, len(part), BLOCK_S)]
    return model, calibrate(own.pooling, blocks)


def false_alarms(model: Model, calibration: Calibration, takes: int) -> dict[str, object]:
    """Alarms on normal sound for every budget, before and after the two hours of calibration."""
    heard = [hear(model, samples) for samples in mixed_takes(takes)]
    hours = sum(len(one.scores) for one in heard) / 3600
    blocks = [one.counted for one in heard]
    found: dict[str, object] = {"hours": round(hours, 2)}
    for name, used in (("alarms", calibration), ("alarms_as_trained", model.student.calibration)):
        sums = [surprises(used, block) for block in blocks]
        limits = {budget: used.limit(per_day).value for budget, per_day in BUDGETS.items()}
        a_day = count_alarms(np.concatenate(sums)[None, :], [limits["1/h"], limits["6/h"]])
        year = _year(sums)
        many = count_alarms(year, [limits["1/day"], limits["1/week"]])
        found[name] = dict(zip(BUDGETS, [*a_day, *many], strict=True))
        found[name.replace("alarms", "limits")] = limits
    # A machine at rest is not judged.
    every = [calibration.p_value(float(s)) for one in heard for s in one.counted]
    found["uniformity"] = asdict(uniformity(every))
    found["days_resampled"] = DAYS
    found["supported_per_day"] = calibration.supported_per_day
    return found


def _year(sums: Sequence[Values]) -> Values:
    """365 days in lanes side by side, each of whole takes drawn at random."""
    lanes = 365
    random = np.random.default_rng(7)
    shortest = min(len(part) for part in sums)
    whole = np.stack([part[:shortest] for part in sums])
    per_lane = -(-DAYS * 86_400 // (lanes * shortest))
    return np.asarray(whole[random.integers(len(whole), size=(lanes, per_lane))].reshape(lanes, -1))


def simulated_delays(model: Model, calibration: Calibration, seeds: int) -> dict[str, float | None]:
    """Median seconds of fault until ALARM, after ten seconds of normal sound; null where most are not heard."""
    limit = calibration.limit(BUDGETS["1/day"]).value
    delays: dict[str, float | None] = {}
    for fault in load_recipe(MACHINE).faults:
        for severity in SEVERITIES:
            found = []
            for seed in range(seeds):
                sound = simulate(
                    MACHINE,
                    seconds=LEAD_S + FAULT_S,
                    seed=90_000 + seed,
                    fault=fault,
                    severity=_after_lead(severity),
                    snr_db=SNR_DB,
                )
                scores = hear(model, sound.samples).counted
                found.append(first_alarm_s(surprises(calibration, scores), limit, LEAD_S))
            delays[f"sim {fault} {severity:g}"] = _median(found)
    return delays


def _after_lead(severity: float) -> Callable[[Values], Values]:
    """A severity that is nothing until the fault begins."""
    return lambda times_s: np.where(times_s >= LEAD_S, severity, 0.0)


def real_delays(
    recordings: Path, levels: Sequence[float]
) -> tuple[dict[str, float | None], dict[str, object]]:
    """The same for real motors' faults beside a real slide rail; and how normal its unseen seconds are."""
    delays: dict[str, float | None] = {}
    normals: dict[str, object] = {}
    for one in bldc_mix(recordings, levels, backgrounds=("slider",), train_mixes=6):
        say(f"bldc-mix at {one.level:g} dB")
        model = train_on_clips(one.train)
        calibration = model.student.calibration
        limit = calibration.limit(BUDGETS["1/day"]).value
        by_recording: dict[tuple[str | None, str], list[float]] = {}
        for clip in one.test:
            scores = [second.score for second in model.student.recording(clip.samples)]
            by_recording.setdefault((clip.fault, clip.recording), []).extend(scores)
        quiet = np.array([s for (fault, _), part in by_recording.items() if fault is None for s in part])
        normals[f"{one.level:g} dB"] = asdict(uniformity([calibration.p_value(float(s)) for s in quiet])) | {
            "alarms": count_alarms(surprises(calibration, quiet)[None, :], [limit])[0],
            "limit": limit,
        }
        for fault in sorted({fault for fault, _ in by_recording if fault is not None}):
            parts = [np.array(part) for (kind, _), part in by_recording.items() if kind == fault]
            lead = quiet[:LEAD_S]
            found = [
                first_alarm_s(surprises(calibration, np.concatenate([lead, part])), limit, LEAD_S)
                for part in parts
            ]
            delays[f"bldc {fault} {one.level:g} dB"] = _median(found)
    return delays, normals


def operating(machines: Sequence[str]) -> dict[str, object]:
    """Share of seconds whose operating state is the simulator's, ramps apart, with and without the hall."""
    found: dict[str, object] = {}
    front_end = FrontEnd()
    for machine in machines:
        for snr_db in (None, SNR_DB):
            heard = [
                simulate(machine, seconds=TAKE_S, seed=seed, states="cycle", snr_db=snr_db)
                for seed in (1, 2, 11)
            ]
            spectra = [second_spectra(one.samples, front_end) for one in heard]
            right = _agreement(learn_states(spectra[:2]), spectra[2], [(s[0], s[1]) for s in heard[2].states])
            found[f"{machine}{'' if snr_db is None else f' in a hall at {snr_db:g} dB'}"] = right
    return found


def _agreement(
    states: OperatingStates, spectra: Values, segments: Sequence[tuple[float, str]]
) -> dict[str, float]:
    truth = np.full(len(spectra), Operating.RUNNING.value, dtype=object)
    ends = [start for start, _ in segments[1:]] + [float(len(spectra))]
    for wanted in ("stopped", "ramp"):
        for (start, name), end in zip(segments, ends, strict=True):
            if name == wanted:
                told = Operating.STOPPED if name == "stopped" else Operating.RAMPING
                truth[int(start) : int(np.ceil(end))] = told.value
    tracker = OperatingTracker(states)
    got = np.array([tracker.second(spectrum).operating.value for spectrum in spectra], dtype=object)
    steady = truth != Operating.RAMPING.value
    stopped = truth == Operating.STOPPED.value
    return {
        "steady": round(float((got == truth)[steady].mean()), 4),
        "stopped": round(float((got == truth)[stopped].mean()), 4) if stopped.any() else float("nan"),
        "all": round(float((got == truth).mean()), 4),
    }


def _median(found: Sequence[float | None]) -> float | None:
    """The middle one, unheard faults counting as later than all others."""
    ordered = sorted(np.inf if value is None else value for value in found)
    middle = ordered[len(ordered) // 2]
    return None if np.isinf(middle) else float(middle)


def run(recordings: Path, quick: bool) -> dict[str, object]:
    """All of it."""
    started = time.monotonic()
    say("training and calibrating the pump")
    model, calibration = pump()
    say(f"{time.monotonic() - started:.0f} s: normal sound")
    found = false_alarms(model, calibration, 8 if quick else TEST_TAKES)
    say(f"{time.monotonic() - started:.0f} s: simulated faults")
    delays = simulated_delays(model, calibration, 1 if quick else FAULT_SEEDS)
    say(f"{time.monotonic() - started:.0f} s: real faults")
    real, normals = real_delays(recordings, LEVELS_DB[1:2] if quick else LEVELS_DB)
    say(f"{time.monotonic() - started:.0f} s: operating states")
    states = operating([MACHINE] if quick else recipe_names())
    return {
        "alarms": found.pop("alarms"),
        "delay_s": delays | real,
        **found,
        "real_normals": normals,
        "operating_state": states,
        "quick": quick,
        "seconds": round(time.monotonic() - started, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(os.environ.get("ANOMALY_RECORDINGS", Path(__file__).parents[2] / "shared" / "audio"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="four hours of sound, one level, one seed")
    parser.add_argument("--recordings", type=Path, default=default, help="folder with slider/ and bldc/")
    given = parser.parse_args(arguments)
    try:
        found = run(given.recordings, given.quick)
    except AnomalyError as error:
        say(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    print(json.dumps(found, indent=None if given.json else 2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
