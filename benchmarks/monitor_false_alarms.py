"""False alarms of the monitor on normal sound, and its delay in detecting faults.

    python benchmarks/monitor_false_alarms.py [--json] [--quick] [--recordings DIR]

Simulated machines that run through their cycle of speeds and stops in a factory hall are trained on 30 minutes and
calibrated on two hours of further normal sound, as `anomaly calibrate --since 2h --replace` does. Then other normal
sound is scored: 24 hours of the pump, 8 of a fan and of a gearbox. No minute of the hall is used twice, takes of a
machine six times, or four. The budgets of a day and a week are held against 365 days of ten-minute takes drawn from
those scores. Real motors stand beside a slide rail whose recordings are disjoint between training, calibration and
test. Nothing was chosen with anomalies. `--quick` scores four hours of the pump alone, and one level of the real
recordings. The result of each machine is cached in `build/monitor_false_alarms` until code that decides it changes,
so that an interrupted run can be resumed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly import atomic
from anomaly.audio.simulator import load_recipe, recipe_names, simulate
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.uniformity import uniformity
from anomaly.detect.model import Model
from anomaly.detect.operating.fit import learn_states
from anomaly.detect.operating.states import OperatingState, OperatingStates, second_spectra
from anomaly.detect.operating.tracker import OperatingTracker
from anomaly.errors import AnomalyError
from anomaly.features.front_end import FrontEnd
from lib.code_hashes import STUDENT, product_code
from lib.monitor.batch_decision import count_alarms, first_alarm_s, surprises
from lib.monitor.hall_sound import (
    LEAD_S,
    SNR_DB,
    TAKE_S,
    calibrated_machine,
    fault_take,
    mixed_takes,
    score_take,
)
from lib.monitor.real_motors import read_motors, score_pieces, train_motors
from lib.paths import BENCHMARKS, BUILD, default_recordings
from lib.progress import log

CACHE = BUILD / "monitor_false_alarms"
BUDGETS = {"1/h": 24.0, "6/h": 144.0, "1/day": 1.0, "1/week": 1.0 / 7.0}
DAYS = 365
SEVERITIES, FAULT_SEEDS = (0.1, 0.3, 1.0), 3
LEVELS_DB = (6.0, 0.0, -6.0)

Values = npt.NDArray[np.float64]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """Amount of normal sound of a machine, and number of its faults.

    Args:
        machine: its name.
        takes: number of takes of the machine, ten minutes each.
        halls: number of takes of the hall, each mixed with a take of the machine.
        seeds: number of faults of each kind and severity.
    """

    machine: str
    takes: int
    halls: int
    seeds: int


PUMP = Workload("pump", takes=24, halls=144, seeds=FAULT_SEEDS)
OTHERS = (Workload("fan", 12, 48, 1), Workload("gearbox", 12, 48, 1))
QUICK = Workload("pump", takes=8, halls=24, seeds=1)


def measure_machine(workload: Workload) -> Figures:
    """Count the alarms on a machine's normal sound, and measure the delays of its faults."""
    model, calibration = calibrated_machine(workload.machine)
    figures = false_alarms(model, calibration, workload)
    return figures | {"delay_s": delays(model, calibration, workload)}


def false_alarms(model: Model, calibration: Calibration, workload: Workload) -> Figures:
    """Count alarms on normal sound for every budget, before and after the two hours of calibration."""
    takes = [
        score_take(model, samples)
        for samples in mixed_takes(workload.machine, workload.takes, workload.halls)
    ]
    blocks = [one.judged for one in takes]
    figures: Figures = {
        "hours": round(sum(len(one.scores) for one in takes) / 3600, 2),
        "judged_hours": round(sum(map(len, blocks)) / 3600, 2),
    }
    for name, used in (("alarms", calibration), ("alarms_as_trained", model.scorer().calibration)):
        increments = [surprises(used, block) for block in blocks]
        limits = {budget: used.limit(per_day).value for budget, per_day in BUDGETS.items()}
        measured = count_alarms(np.concatenate(increments)[None, :], [limits["1/h"], limits["6/h"]])
        resampled = count_alarms(_resampled_year(increments), [limits["1/day"], limits["1/week"]])
        figures[name] = dict(zip(BUDGETS, [*measured, *resampled], strict=True))
        figures[name.replace("alarms", "limits")] = limits
        # Seconds of a machine at rest are not among these.
        p_values = [used.p_value(float(s)) for block in blocks for s in block]
        figures[name.replace("alarms", "uniformity")] = asdict(uniformity(p_values))
    figures["supported_per_day"] = calibration.supported_per_day
    return figures


def _resampled_year(increments: Sequence[Values]) -> Values:
    """Resample 365 days [lanes, seconds], each lane of whole takes drawn at random."""
    lanes = 365
    random = np.random.default_rng(7)
    shortest = min(len(part) for part in increments)
    whole = np.stack([part[:shortest] for part in increments])
    per_lane = -(-DAYS * 86_400 // (lanes * shortest))
    return np.asarray(whole[random.integers(len(whole), size=(lanes, per_lane))].reshape(lanes, -1))


def delays(model: Model, calibration: Calibration, workload: Workload) -> dict[str, float | None]:
    """Median seconds from a fault to ALARM, after ten seconds of normal sound; None if most faults are not detected."""
    limit = calibration.limit(BUDGETS["1/day"]).value
    figures: dict[str, float | None] = {}
    for fault in load_recipe(workload.machine).faults:
        for severity in SEVERITIES:
            scored = [
                score_take(model, fault_take(workload.machine, fault, severity, seed)).judged
                for seed in range(workload.seeds)
            ]
            times = [first_alarm_s(surprises(calibration, scores), limit, LEAD_S) for scores in scored]
            figures[f"{workload.machine} {fault} {severity:g}"] = _median(times)
    return figures


def measure_motors(recordings: Path, level_db: float) -> Figures:
    """Measure faults of real motors beside a real slide rail, and the p-values of its unseen normal seconds."""
    motors = read_motors(recordings)
    model = train_motors(motors, level_db)
    calibration = model.scorer().calibration
    limit = calibration.limit(BUDGETS["1/day"]).value
    pieces = score_pieces(motors, model, level_db)
    quiet = np.concatenate([one.scores for one in pieces if one.fault is None])
    normal = asdict(uniformity([calibration.p_value(float(s)) for s in quiet])) | {
        "alarms": count_alarms(surprises(calibration, quiet)[None, :], [limit])[0],
        "limit": limit,
        "recordings_calibrated_on": calibration.recordings,
        "recordings_heard": len(motors.scenes),
    }
    by_recording: dict[tuple[str, str], list[Values]] = {}
    for one in pieces:
        if one.fault is not None:
            by_recording.setdefault((one.fault, one.recording), []).append(one.scores)
    times: dict[str, list[float | None]] = {}
    for (fault, _), parts in by_recording.items():
        increments = surprises(calibration, np.concatenate([quiet[:LEAD_S], *parts]))
        times.setdefault(fault, []).append(first_alarm_s(increments, limit, LEAD_S))
    return {
        "normals": normal,
        "delay_s": {
            f"bldc {fault} {level_db:g} dB": _median(figures) for fault, figures in sorted(times.items())
        },
    }


def measure_operating_states(name: str) -> Figures:
    """Share of seconds in the hall whose operating state is that of the simulator; ramps are counted separately."""
    sounds = [simulate(name, seconds=TAKE_S, seed=seed, states="cycle", snr_db=SNR_DB) for seed in (1, 2, 11)]
    spectra = [second_spectra(one.samples, FrontEnd()) for one in sounds]
    return _agreement(learn_states(spectra[:2]), spectra[2], [(s[0], s[1]) for s in sounds[2].states])


def _agreement(
    states: OperatingStates, spectra: Values, segments: Sequence[tuple[float, str]]
) -> dict[str, float]:
    truth = np.full(len(spectra), OperatingState.RUNNING.value, dtype=object)
    ends = [start for start, _ in segments[1:]] + [float(len(spectra))]
    for state in ("stopped", "ramp"):
        for (start, name), end in zip(segments, ends, strict=True):
            if name == state:
                operating = OperatingState.STOPPED if name == "stopped" else OperatingState.RAMPING
                truth[int(start) : int(np.ceil(end))] = operating.value
    tracker = OperatingTracker(states)
    estimated = np.array([tracker.second(spectrum).operating.value for spectrum in spectra], dtype=object)
    steady = truth != OperatingState.RAMPING.value
    stopped = truth == OperatingState.STOPPED.value
    return {
        "steady": round(float((estimated == truth)[steady].mean()), 4),
        "stopped": round(float((estimated == truth)[stopped].mean()), 4) if stopped.any() else float("nan"),
        "all": round(float((estimated == truth).mean()), 4),
    }


def _median(figures: Sequence[float | None]) -> float | None:
    """Upper median; undetected faults count as later than all others."""
    ordered = sorted(np.inf if value is None else value for value in figures)
    middle = ordered[len(ordered) // 2]
    return None if np.isinf(middle) else float(middle)


def cached(name: str, code: str, make: Callable[[], Figures]) -> Figures:
    """Load the figures that the same code has measured, or measure them now."""
    path = CACHE / f"{name}-{code[:16]}.json"
    if path.is_file():
        log(f"{name}: cached by a run of the same code")
        figures: Figures = json.loads(path.read_text(encoding="utf-8"))
        return figures
    log(name)
    start_s = time.process_time()
    figures = make() | {"core_seconds": round(time.process_time() - start_s, 1)}
    CACHE.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, json.dumps(figures).encode())
    return figures


def code_hash() -> str:
    """Hash of the code that decides the figures."""
    modules = ("hall_sound", "real_motors", "batch_decision")
    own = [Path(__file__), *(BENCHMARKS / "lib" / "monitor" / f"{name}.py" for name in modules)]
    texts = b"\0".join(path.read_bytes() for path in own)
    return hashlib.sha256(product_code(STUDENT).encode() + texts).hexdigest()


def run(recordings: Path, quick: bool) -> Figures:
    """Measure all figures."""
    code = code_hash()
    days = (QUICK,) if quick else (PUMP, *OTHERS)
    machines = {
        workload.machine: cached(
            f"{workload.machine}{'-quick' if quick else ''}", code, partial(measure_machine, workload)
        )
        for workload in days
    }
    motors = {
        f"{level:g} dB": cached(f"bldc{level:+g}", code, partial(measure_motors, recordings, level))
        for level in (LEVELS_DB[1:2] if quick else LEVELS_DB)
    }
    states = {
        name: cached(f"states-{name}", code, partial(measure_operating_states, name))
        for name in (["pump"] if quick else recipe_names())
    }
    core_s = sum(
        part.pop("core_seconds") for part in (*machines.values(), *motors.values(), *states.values())
    )
    delay_s: dict[str, float | None] = {}
    for part in (*machines.values(), *motors.values()):
        delay_s |= part.pop("delay_s")
    return {
        "alarms": machines["pump"].pop("alarms"),
        "delay_s": delay_s,
        **machines.pop("pump"),
        "days_resampled": DAYS,
        "other_machines": machines,
        "real_normals": {level: part["normals"] for level, part in motors.items()},
        "operating_state": states,
        "quick": quick,
        "core_seconds": round(core_s, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="four hours of sound, one level, one seed")
    parser.add_argument(
        "--recordings", type=Path, default=default_recordings(), help="folder with slider/ and bldc/"
    )
    options = parser.parse_args(arguments)
    try:
        figures = run(options.recordings, options.quick)
    except AnomalyError as error:
        log(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    print(json.dumps(figures, indent=None if options.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
