"""Figures of the bench: share named, share right, by family, on normal sound, and of plain methods."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomaly.diagnose.physics.explanation import Explanation, explain_sound
from anomaly.diagnose.physics.machine_normal import MachineNormal, Sound, learn_normal
from anomaly.diagnose.physics.shaft_speed import estimate_speed
from lib.bearings.plain_methods import PLAIN, plain_guess
from lib.bearings.records import BEARING_FAMILIES, LIFE, LabelledRecord, read_manifest

WINDOW_S = 1.0
_HEALTHY_SHARE = 0.1
_NOT_NAMED = ("none", "unknown")
OUT_OF_REACH = (("ball", "007"), ("ball", "021"), ("outer-race", "014"), ("inner-race", "028"))
"""Fault and size of the records that ../shared/BEARINGS.md calls out of reach, in the drive-end records of 2026."""


@dataclass(frozen=True)
class Judged:
    """A record or a window and its result."""

    record: LabelledRecord
    result: Explanation

    @property
    def is_named(self) -> bool:
        """Return whether a family is named."""
        return self.result.family not in _NOT_NAMED

    @property
    def is_right(self) -> bool:
        """Return whether the named family is the cause."""
        return self.result.family == self.record.fault


def run_bench(folder: Path, every: int = 1) -> dict[str, Any]:
    """Judge all records of a manifest, or every n-th faulty one, and return the figures."""
    records = read_manifest(folder)
    faulty = [record for record in records if record.fault in BEARING_FAMILIES][::every]
    healthy = {record: _healthy_sound(record) for record in records if record.fault in ("normal", LIFE)}
    windows_null, whole_null = _nulls(healthy, WINDOW_S), _nulls(healthy, 10.0)
    whole, windows = [], []
    plain: dict[str, int] = dict.fromkeys(PLAIN, 0)
    speeds = []
    for record in faulty:
        sound = record.sound()
        whole.append(_judged(record, sound, whole_null))
        windows += [_judged(record, piece, windows_null) for piece in _windows(sound)]
        for method in PLAIN:
            plain[method] += plain_guess(method, sound, record) == record.fault
        speeds.append(_speed_is_near(record, sound))
    tested = [
        _judged(record, piece, windows_null)
        for record, sound in healthy.items()
        for piece in _windows(_half(sound, 1))
    ]
    reach = [one for one in whole if (one.record.fault, one.record.size_mil) not in OUT_OF_REACH]
    return {
        "records": len(faulty),
        "accuracy": _share(one.result.guess == one.record.fault for one in whole),
        "accuracy_within_reach": _share(one.result.guess == one.record.fault for one in reach),
        **_naming(whole, ""),
        "windows_1s": len(windows),
        "accuracy_1s": _share(one.result.guess == one.record.fault for one in windows),
        **_naming(windows, "_1s"),
        "by_family": _by_family(whole),
        "named_on_normal": _on_normal(tested),
        "confusion": _confusion(whole),
        "speed_within_1_percent": _share(near for near in speeds if near is not None),
        "baselines": {method: round(count / max(1, len(faulty)), 3) for method, count in plain.items()},
        "out_of_reach": _naming([one for one in whole if one not in reach], ""),
        "left_out": _spread(whole),
    }


def _healthy_sound(record: LabelledRecord) -> Sound:
    """Return the normal sound of a record: all of it, or the first tenth of a life."""
    sound = record.sound()
    if record.fault != LIFE:
        return sound
    return Sound(sound.samples[: int(_HEALTHY_SHARE * len(sound.samples))], sound.rate_hz)


def _half(sound: Sound, number: int) -> Sound:
    middle = len(sound.samples) // 2
    return Sound(sound.samples[middle:] if number else sound.samples[:middle], sound.rate_hz)


def _nulls(healthy: dict[LabelledRecord, Sound], window_s: float) -> dict[str, MachineNormal]:
    """Learn the null of each machine from the first half of its normal sound."""
    by_machine: dict[str, list[LabelledRecord]] = defaultdict(list)
    for record in healthy:
        by_machine[record.machine].append(record)
    return {
        machine: learn_normal(
            [_half(healthy[record], 0) for record in members], members[0].facts, window_s, members[0].rpm
        )
        for machine, members in by_machine.items()
    }


def _judged(record: LabelledRecord, sound: Sound, nulls: dict[str, MachineNormal]) -> Judged:
    # The bench is about bearings: rises of tones, which the normal record also allows to judge, are left out.
    null = MachineNormal(nulls[record.machine].baseline) if record.machine in nulls else None
    result = explain_sound(sound, record.facts, rpm=record.rpm, normal=null, with_band=False)
    return Judged(record, result)


def _windows(sound: Sound) -> Iterator[Sound]:
    size = int(WINDOW_S * sound.rate_hz)
    for start in range(0, len(sound.samples) - size + 1, size):
        yield Sound(sound.samples[start : start + size], sound.rate_hz)


def _speed_is_near(record: LabelledRecord, sound: Sound) -> bool | None:
    if record.rpm is None:
        return None
    size = int(10 * sound.rate_hz)
    found = estimate_speed(sound.samples[:size], sound.rate_hz)
    return found is not None and abs(found.hz * 60 / record.rpm - 1) <= 0.01


def _naming(judged: Sequence[Judged], suffix: str) -> dict[str, float]:
    named = [one for one in judged if one.is_named]
    return {
        f"named{suffix}": _share(one.is_named for one in judged),
        f"right_when_named{suffix}": _share(one.is_right for one in named),
    }


def _by_family(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    found = {}
    for family in BEARING_FAMILIES:
        own = [one for one in judged if one.record.fault == family]
        if own:
            accuracy = _share(one.result.guess == family for one in own)
            found[family] = {"records": len(own), "accuracy": accuracy, **_naming(own, "")}
    return found


def _on_normal(tested: Sequence[Judged]) -> dict[str, Any]:
    named = [one for one in tested if one.is_named]
    return {
        "windows": len(tested),
        "named": len(named),
        "share": _share(one.is_named for one in tested),
        "where": dict(Counter(f"{one.record.path.name}: {one.result.family}" for one in named)),
    }


def _confusion(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for one in judged:
        table[one.record.fault][one.result.family] += 1
    return {fault: dict(counts) for fault, counts in table.items()}


def _spread(judged: Sequence[Judged]) -> dict[str, list[float]]:
    """Return lowest and highest share right when named, with one size of a fault or one load left out."""
    found = {}
    for name, key in (("specimen", "specimen"), ("load", "load"), ("family", "fault")):
        groups = {_group(one.record, key) for one in judged}
        shares = [
            _naming([one for one in judged if _group(one.record, key) != group], "")["right_when_named"]
            for group in groups
        ]
        found[name] = [min(shares), max(shares)] if shares else []
    return found


def _group(record: LabelledRecord, key: str) -> str:
    return f"{record.fault} {record.size_mil}" if key == "specimen" else str(getattr(record, key))


def _share(values: Any) -> float:
    values = list(values)
    return round(sum(values) / len(values), 3) if values else 0.0
