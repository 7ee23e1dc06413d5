"""Silence of the monitor: does it ever stay quiet while a machine fails in front of a microphone that changed?

    python benchmarks/monitor_silence.py [--json] [--quick]

Simulated pump, fan and gearbox, and a real slide rail with modelled faults: normal and failing sound (each fault at
severity 0.3 and 1) at levels from 0 to -60 dB, at 48 kHz, as 8 kHz copies, with one dead channel of two, and hum.

    cases             how many were tried
    silent_failures   failing sound through a changed microphone, and after 30 s neither a case of machine or sensor,
                      nor WATCH, nor a second that is reported as not judged
    missed            failing sound at its own level without an alarm in 60 s, beside the number of such cases
    missed_within_3_db  the same at levels within 3 dB, at which normal sound must raise no alarm either: there a fault
                      is detected or missed by its sound, not by its level
    false_cases       cases on normal sound within 3 dB
    false_watch       share of its seconds in WATCH or ALARM
    false_not_judged  share of its seconds that were not judged
    named_right       share of changed microphones in front of normal sound that were named as what they are

Machines are trained by the fast profile. The sets had no part in any choice of thresholds of the sensor check.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.files.recordings import read_16k
from anomaly.audio.simulator import fault_sound, load_recipe, simulate
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.detect.model import Model
from anomaly.evaluate.layouts.layouts import read_layout
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.pipeline import MonitorPipeline
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.sources.events import SoundBlock
from anomaly.store.store import Store
from anomaly.training.in_memory import train_on_clips
from lib.monitor.silence_cases import NEAR_LEVELS, NORMAL_LEVELS_DB, SilenceCase, conditions, quantised
from lib.paths import default_recordings
from lib.progress import log

MACHINES = ("pump", "fan", "gearbox", "slider-real")
SEVERITIES = (0.3, 1.0)
_TRAIN_S, _CASE_S, _MISSED_S, _NORMAL_S = 300, 30, 60, 60
_SEED = 4_200


@dataclass
class _Results:
    cases: int = 0
    silent: list[str] = field(default_factory=list)
    missed: int = 0
    at_own_level: int = 0
    missed_within_3_db: int = 0
    within_3_db: int = 0
    false_cases: int = 0
    normal_s: int = 0
    watch_s: int = 0
    not_judged_s: int = 0
    named: int = 0
    to_name: int = 0
    wrong_names: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        return {
            "cases": self.cases,
            "silent_failures": len(self.silent),
            "missed": self.missed,
            "at_own_level": self.at_own_level,
            "missed_within_3_db": self.missed_within_3_db,
            "within_3_db": self.within_3_db,
            "false_cases": self.false_cases,
            "false_watch": round(self.watch_s / max(1, self.normal_s), 4),
            "false_not_judged": round(self.not_judged_s / max(1, self.normal_s), 4),
            "named_right": round(self.named / max(1, self.to_name), 4),
            "silent_cases": self.silent,
            "wrong_names": dict(self.wrong_names),
        }


@dataclass(frozen=True, eq=False)
class _Machine:
    """A trained machine, normal sound that it was not trained on, and failing sound by fault and severity."""

    name: str
    model: Model
    normal: Samples
    failing: Sequence[tuple[str, float, Samples]]


def simulated(kind: str, severities: Sequence[float]) -> _Machine:
    """A simulated machine, trained on five minutes of it."""
    training = simulate(kind, seconds=_TRAIN_S, seed=_SEED).samples
    clips = [
        training[start : start + 10 * SAMPLE_RATE_HZ]
        for start in range(0, len(training), 10 * SAMPLE_RATE_HZ)
    ]
    normal = simulate(kind, seconds=_NORMAL_S, seed=_SEED + 1).samples
    failing = [
        (
            fault,
            severity,
            simulate(kind, seconds=_MISSED_S, seed=_SEED + 2, fault=fault, severity=severity).samples,
        )
        for fault in load_recipe(kind).faults
        for severity in severities
    ]
    return _Machine(kind, train_on_clips(clips), normal, failing)


def slide_rail(severities: Sequence[float]) -> _Machine:
    """The real slide rail, with modelled faults in its held-out recordings."""
    data = read_layout(default_recordings() / "slider")
    training = [read_16k(clip.path) for clip in data.train]
    held_out = np.concatenate([read_16k(clip.path) for clip in data.test if clip.label == "normal"])
    normal, base = held_out[: _NORMAL_S * SAMPLE_RATE_HZ], held_out[-_MISSED_S * SAMPLE_RATE_HZ :]
    failing = []
    for fault in load_recipe("slider").faults:
        sound = fault_sound("slider", fault, seconds=len(base) / SAMPLE_RATE_HZ, seed=_SEED)[: len(base)]
        bands = own_bands(band_energies(sound, SAMPLE_RATE_HZ))
        energies = [float(band_energies(x, SAMPLE_RATE_HZ)[bands].sum()) for x in (base, sound)]
        for severity in severities:
            # The simulator's measure: 20 log10(s) + 10 dB of fault over normal in the fault's own bands.
            gain = np.sqrt(energies[0] / energies[1]) * 10 ** (0.5) * severity
            failing.append((fault, severity, (base + gain * sound).astype(np.float32)))
    return _Machine("slider-real", train_on_clips(training), normal, failing)


def cases_of(machine: _Machine) -> Iterator[SilenceCase]:
    """All cases of a machine."""
    for number, (fault, severity, sound) in enumerate(machine.failing):
        for name, changed, expected in conditions(sound, number):
            yield SilenceCase(name, changed, fault, severity, expected)
    for name, changed, expected in conditions(machine.normal[: _CASE_S * SAMPLE_RATE_HZ], 99):
        yield SilenceCase(name, changed, None, 0.0, expected)


@dataclass
class _Run:
    seconds: list[SecondRecord] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)

    @property
    def reported(self) -> bool:
        """Return whether anything was reported: a case, WATCH or ALARM, or a second that is not judged."""
        opened = any(event.event in ("case.opened", "case.again") for event in self.events)
        return opened or any(record.state != "OK" for record in self.seconds)

    @property
    def faults(self) -> list[str]:
        """Sensor faults in the order in which their cases were opened."""
        return [
            str(e.detail["fault"]) for e in self.events if e.event == "case.opened" and "fault" in e.detail
        ]

    @property
    def machine_alarm(self) -> bool:
        return any(record.state == "ALARM" for record in self.seconds)


def monitored(machine: _Machine, sound: Samples, seconds: int, folder: Path) -> _Run:
    """Run the monitor's pipeline over a sound, with a store of its own."""
    scorer, run, bus = machine.model.scorer("student"), _Run(), EventBus()
    bus.subscribe(SecondRecord, run.seconds.append)
    bus.subscribe(EventRecord, run.events.append)
    with Store.open(folder / "anomaly.sqlite") as store:
        limit = scorer.calibration.limit(1.0)
        sensor = machine.model.sensor_check()
        pipeline = MonitorPipeline(machine.name, scorer, limit, store, bus, sensor=sensor)
        for start in range(0, min(len(sound), seconds * SAMPLE_RATE_HZ), 4_000):
            block = sound[start : start + 4_000].astype(np.float32)
            pipeline.process(SoundBlock(block, 1_800_000_000.0 + start / SAMPLE_RATE_HZ))
        pipeline.finish()
    return run


def measure(machine: _Machine, results: _Results) -> None:
    """Run all cases of a machine."""
    for case in cases_of(machine):
        results.cases += 1
        own_level = case.fault is not None and case.name == "0 dB"
        near = case.fault is not None and case.name in NEAR_LEVELS
        with tempfile.TemporaryDirectory() as folder:
            run = monitored(machine, case.sound, _MISSED_S if own_level or near else _CASE_S, Path(folder))
        label = f"{machine.name} {case.fault or 'normal'} {case.severity:g} {case.name}"
        if own_level:
            results.at_own_level += 1
            results.missed += not run.machine_alarm
        elif near:
            results.within_3_db += 1
            results.missed_within_3_db += not run.machine_alarm
        elif case.fault is not None and not run.reported:
            results.silent.append(label)
        if case.fault is None and case.expected:
            results.to_name += 1
            right = bool(run.faults) and run.faults[0] in case.expected
            results.named += right
            if not right:
                results.wrong_names[f"{case.name}: {', '.join(run.faults) or 'nothing'}"] += 1
    for level in NORMAL_LEVELS_DB:
        with tempfile.TemporaryDirectory() as folder:
            sound = quantised(machine.normal * 10 ** (level / 20))
            run = monitored(machine, sound, _NORMAL_S, Path(folder))
        results.cases += 1
        results.false_cases += sum(event.event == "case.opened" for event in run.events)
        results.normal_s += len(run.seconds)
        results.watch_s += sum(record.state in ("WATCH", "ALARM") for record in run.seconds)
        results.not_judged_s += sum(record.state is None for record in run.seconds)


def run(machines: Sequence[str], severities: Sequence[float]) -> dict[str, Any]:
    """Measure all machines; the figures of each, and of all together."""
    total, by_machine = _Results(), {}
    for name in machines:
        machine = slide_rail(severities) if name == "slider-real" else simulated(name, severities)
        own = _Results()
        measure(machine, own)
        by_machine[name] = own.to_dict()
        log(f"{name}: {json.dumps(by_machine[name])}")
        for key in (
            "cases",
            "missed",
            "at_own_level",
            "missed_within_3_db",
            "within_3_db",
            "false_cases",
            "normal_s",
            "watch_s",
            "not_judged_s",
            "named",
        ):
            setattr(total, key, getattr(total, key) + getattr(own, key))
        total.to_name += own.to_name
        total.silent += own.silent
        total.wrong_names += own.wrong_names
    return total.to_dict() | {"machines": by_machine}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="two machines, faults at severity 1 only")
    parser.add_argument("--machines", nargs="*", default=list(MACHINES), choices=MACHINES)
    options = parser.parse_args()
    machines = [name for name in options.machines if not options.quick or name in ("pump", "slider-real")]
    found = run(machines, SEVERITIES[1:] if options.quick else SEVERITIES)
    if options.json:
        print(json.dumps(found))
    else:
        for key, value in found.items():
            if key != "machines":
                print(f"{key:<17} {value}")


if __name__ == "__main__":
    main()
