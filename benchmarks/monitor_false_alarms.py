"""How often the monitor cries wolf on normal sound, and how soon it hears a fault.

    python benchmarks/monitor_false_alarms.py [--json] [--quick] [--recordings DIR]

Simulated machines that run through their cycle of speeds and stops in a factory hall are trained on 30 minutes and
calibrated on two hours of further normal sound, as `anomaly calibrate --since 2h --replace` does. Then other normal
sound is scored: 24 hours of the pump, 8 of a fan and of a gearbox. No minute of the hall is heard twice, takes of a
machine six times, or four. The budgets of a day and a week are held against 365 days of ten-minute takes drawn from
those scores. Real motors stand beside a slide rail whose recordings are disjoint between training, calibration and
test. Nothing is chosen by looking at anomalies. `--quick` scores four hours of the pump alone, and one level of the
real recordings. What a machine gave is kept in `build/monitor_false_alarms` until code that decides it changes: a run
that was cut off goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from chains import count_alarms, first_alarm_s, surprises
from hall_sound import LEAD_S, SNR_DB, TAKE_S, calibrated_machine, fault_take, hear, mixed_takes
from harness import STUDENT, product_code, say
from real_motors import judged, read_motors, train_motors

from anomaly import atomic
from anomaly.audio.simulator import load_recipe, recipe_names, simulate
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.uniformity import uniformity
from anomaly.detect.model import Model
from anomaly.detect.operating.fit import learn_states
from anomaly.detect.operating.states import OperatingState, OperatingStates, OperatingTracker, second_spectra
from anomaly.errors import AnomalyError
from anomaly.features.front_end import FrontEnd

HERE = Path(__file__).resolve().parent
KEPT = HERE.parent / "build" / "monitor_false_alarms"
BUDGETS = {"1/h": 24.0, "6/h": 144.0, "1/day": 1.0, "1/week": 1.0 / 7.0}
DAYS = 365
SEVERITIES, FAULT_SEEDS = (0.1, 0.3, 1.0), 3
LEVELS_DB = (6.0, 0.0, -6.0)

Values = npt.NDArray[np.float64]
Found = dict[str, Any]


@dataclass(frozen=True)
class Day:
    """How much normal sound of a machine is heard, and how many faults.

    Args:
        machine: its name.
        takes: of the machine, ten minutes each.
        halls: takes of the hall, and so of both together.
        seeds: faults of each kind and severity.
    """

    machine: str
    takes: int
    halls: int
    seeds: int


PUMP = Day("pump", takes=24, halls=144, seeds=FAULT_SEEDS)
OTHERS = (Day("fan", 12, 48, 1), Day("gearbox", 12, 48, 1))
QUICK = Day("pump", takes=8, halls=24, seeds=1)


def machine(day: Day) -> Found:
    """Alarms on 24 hours of a machine's normal sound, and the delays of its faults."""
    model, calibration = calibrated_machine(day.machine)
    found = false_alarms(model, calibration, day)
    return found | {"delay_s": delays(model, calibration, day)}


def false_alarms(model: Model, calibration: Calibration, day: Day) -> Found:
    """Alarms on normal sound for every budget, before and after the two hours of calibration."""
    heard = [hear(model, samples) for samples in mixed_takes(day.machine, day.takes, day.halls)]
    blocks = [one.counted for one in heard]
    found: Found = {
        "hours": round(sum(len(one.scores) for one in heard) / 3600, 2),
        "judged_hours": round(sum(map(len, blocks)) / 3600, 2),
    }
    for name, used in (("alarms", calibration), ("alarms_as_trained", model.student.calibration)):
        sums = [surprises(used, block) for block in blocks]
        limits = {budget: used.limit(per_day).value for budget, per_day in BUDGETS.items()}
        a_day = count_alarms(np.concatenate(sums)[None, :], [limits["1/h"], limits["6/h"]])
        many = count_alarms(_year(sums), [limits["1/day"], limits["1/week"]])
        found[name] = dict(zip(BUDGETS, [*a_day, *many], strict=True))
        found[name.replace("alarms", "limits")] = limits
        # A machine at rest is not judged.
        p_values = [used.p_value(float(s)) for block in blocks for s in block]
        found[name.replace("alarms", "uniformity")] = asdict(uniformity(p_values))
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


def delays(model: Model, calibration: Calibration, day: Day) -> dict[str, float | None]:
    """Median seconds of fault until ALARM, after ten seconds of normal sound; null where most are not heard."""
    limit = calibration.limit(BUDGETS["1/day"]).value
    found: dict[str, float | None] = {}
    for fault in load_recipe(day.machine).faults:
        for severity in SEVERITIES:
            heard = [
                hear(model, fault_take(day.machine, fault, severity, seed)).counted
                for seed in range(day.seeds)
            ]
            times = [first_alarm_s(surprises(calibration, scores), limit, LEAD_S) for scores in heard]
            found[f"{day.machine} {fault} {severity:g}"] = _median(times)
    return found


def real(recordings: Path, level_db: float) -> Found:
    """The same for real motors' faults beside a real slide rail; and how normal its unseen seconds are."""
    motors = read_motors(recordings)
    model = train_motors(motors, level_db)
    calibration = model.student.calibration
    limit = calibration.limit(BUDGETS["1/day"]).value
    heard = judged(motors, model, level_db)
    quiet = np.concatenate([one.scores for one in heard if one.fault is None])
    normal = asdict(uniformity([calibration.p_value(float(s)) for s in quiet])) | {
        "alarms": count_alarms(surprises(calibration, quiet)[None, :], [limit])[0],
        "limit": limit,
        "recordings_calibrated_on": calibration.recordings,
        "recordings_heard": len(motors.scenes),
    }
    by_recording: dict[tuple[str, str], list[Values]] = {}
    for one in heard:
        if one.fault is not None:
            by_recording.setdefault((one.fault, one.recording), []).append(one.scores)
    times: dict[str, list[float | None]] = {}
    for (fault, _), parts in by_recording.items():
        sums = surprises(calibration, np.concatenate([quiet[:LEAD_S], *parts]))
        times.setdefault(fault, []).append(first_alarm_s(sums, limit, LEAD_S))
    return {
        "normals": normal,
        "delay_s": {
            f"bldc {fault} {level_db:g} dB": _median(found) for fault, found in sorted(times.items())
        },
    }


def operating(name: str) -> Found:
    """Share of seconds in the hall whose operating state is the simulator's, ramps apart."""
    heard = [simulate(name, seconds=TAKE_S, seed=seed, states="cycle", snr_db=SNR_DB) for seed in (1, 2, 11)]
    spectra = [second_spectra(one.samples, FrontEnd()) for one in heard]
    return _agreement(learn_states(spectra[:2]), spectra[2], [(s[0], s[1]) for s in heard[2].states])


def _agreement(
    states: OperatingStates, spectra: Values, segments: Sequence[tuple[float, str]]
) -> dict[str, float]:
    truth = np.full(len(spectra), OperatingState.RUNNING.value, dtype=object)
    ends = [start for start, _ in segments[1:]] + [float(len(spectra))]
    for wanted in ("stopped", "ramp"):
        for (start, name), end in zip(segments, ends, strict=True):
            if name == wanted:
                told = OperatingState.STOPPED if name == "stopped" else OperatingState.RAMPING
                truth[int(start) : int(np.ceil(end))] = told.value
    tracker = OperatingTracker(states)
    got = np.array([tracker.second(spectrum).operating.value for spectrum in spectra], dtype=object)
    steady = truth != OperatingState.RAMPING.value
    stopped = truth == OperatingState.STOPPED.value
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


def kept(name: str, code: str, make: Callable[[], Found]) -> Found:
    """What was found before by the same code, or what is found now."""
    path = KEPT / f"{name}-{code[:16]}.json"
    if path.is_file():
        say(f"{name}: kept from a run of the same code")
        found: Found = json.loads(path.read_text(encoding="utf-8"))
        return found
    say(name)
    begun_s = time.process_time()
    found = make() | {"core_seconds": round(time.process_time() - begun_s, 1)}
    KEPT.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, json.dumps(found).encode())
    return found


def code_of_all() -> str:
    """A hash that changes when anything here may come out otherwise."""
    own = [
        HERE / name for name in ("monitor_false_alarms.py", "hall_sound.py", "real_motors.py", "chains.py")
    ]
    texts = b"\0".join(path.read_bytes() for path in own)
    return hashlib.sha256(product_code(STUDENT).encode() + texts).hexdigest()


def run(recordings: Path, quick: bool) -> Found:
    """All of it."""
    code = code_of_all()
    days = (QUICK,) if quick else (PUMP, *OTHERS)
    machines = {
        day.machine: kept(f"{day.machine}{'-quick' if quick else ''}", code, partial(machine, day))
        for day in days
    }
    motors = {
        f"{level:g} dB": kept(f"bldc{level:+g}", code, partial(real, recordings, level))
        for level in (LEVELS_DB[1:2] if quick else LEVELS_DB)
    }
    states = {
        name: kept(f"states-{name}", code, partial(operating, name))
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
    default = Path(os.environ.get("ANOMALY_RECORDINGS", HERE.parents[1] / "shared" / "audio"))
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
    sys.exit(main())
