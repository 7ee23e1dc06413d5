"""Normal sound with changes of every family, so that no family of faults can be missed unseen.

The bench's other sets hold faults that add steady energy. Here each held-out normal clip is changed in every way that
`anomaly.audio.simulator.changes` knows, at one strength: the only difference between normal and changed clips is the
change. Neither detector was trained with these changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from anomaly.audio.files.recordings import read_16k
from anomaly.audio.simulator.changes import FAMILIES, change, family_of
from anomaly.detect.decision import Limit
from anomaly.evaluate.bench.clips import DetectionSet, LabelledClip, Samples, require_parts
from anomaly.evaluate.bench.rounds import Rounds
from anomaly.evaluate.bench.simulated import NORMALS, TRAIN_CLIPS, UNSEEN, simulated
from anomaly.evaluate.bench.summary import Results
from anomaly.evaluate.layouts.layouts import read_layout
from anomaly.evaluate.metrics.joined_alarms import JoinedAlarms, joined_by_fault

STRENGTHS = (0.1, 0.3, 1.0)
_NORMAL = "normal"


def slider_families(
    recordings: Path, strengths: Sequence[float] = STRENGTHS, seed: int = 0
) -> list[DetectionSet]:
    """Make sets of a real slide rail, one for each strength.

    Raises:
        InputError: recordings are missing or cannot be read.
    """
    data = read_layout(recordings / "slider")
    train = [read_16k(clip.path) for clip in data.train]
    held_out = {clip.recording: read_16k(clip.path) for clip in data.test if clip.label == "normal"}
    require_parts(recordings / "slider", train=train, test=list(held_out))
    return [_changed("families-slider", train, held_out, strength, seed) for strength in strengths]


def simulated_families(
    machine: str,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
    *,
    train_clips: int = TRAIN_CLIPS,
    normals: int = NORMALS // 2,
) -> list[DetectionSet]:
    """Make sets of a simulated machine in a hall, one for each strength; a third of the test at unseen speeds.

    Raises:
        UsageError: there is no such machine.
    """
    (base,) = simulated(machine, (0.1,), seed, train_clips=train_clips, normals=normals, per_fault=0)
    held_out = {clip.recording: clip.samples for clip in base.test}
    conditions = {clip.recording: clip.condition for clip in base.test}
    return [
        _changed(f"families-{machine}", base.train, held_out, strength, seed, conditions)
        for strength in strengths
    ]


def family_figures(results: Results) -> dict[str, dict[str, dict[str, float]]]:
    """Return the mean AUC and partial AUC of each family and detector over sets, strengths and kinds of change.

    Returns:
        Family to detector to ``auc`` and ``pauc``; families of which no kind was scored are left out.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for family, kinds in FAMILIES.items():
        values: dict[str, list[tuple[float, float]]] = {}
        for levels in results.values():
            for row in levels.values():
                for detector, figures in row.items():
                    values.setdefault(detector, []).extend(
                        (figures.faults[kind], figures.fault_pauc[kind])
                        for kind in kinds
                        if kind in figures.faults
                    )
        means = {detector: np.mean(pairs, axis=0) for detector, pairs in values.items() if pairs}
        if means:
            found[family] = {
                d: {"auc": round(float(m[0]), 4), "pauc": round(float(m[1]), 4)} for d, m in means.items()
            }
    return found


def alarmed_figures(rounds: Rounds) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    """Return the share of faults that reach ALARM within a minute, of detectors that have a decision.

    The clips of each kind of change on one set at one strength follow each other; see `joined_alarms`. Clips of
    conditions that training never had, such as unseen speeds, are left out: normal sound of these is novel too, and may
    raise an alarm rightly, so an alarm there says nothing of the change.

    Returns:
        Family, and ``normal`` for sound without a change, to detector to strength to ``share``, ``alarmed`` and
        ``stretches``, sums over sets and seeds.
    """
    totals: dict[tuple[str, str, str], JoinedAlarms] = {}
    for (_, strength, detector), seeds in rounds.items():
        for one in seeds:
            if one.p_values is None:
                continue
            limit = Limit(one.limit, 1.0, one.limit, one.limit)
            clips = [
                (fault or _NORMAL, p)
                for fault, p, condition in zip(one.faults, one.p_values, one.conditions, strict=True)
                if condition != UNSEEN
            ]
            for kind, joined in joined_by_fault(clips, limit).items():
                key = (_NORMAL if kind == _NORMAL else family_of(kind), detector, strength)
                totals[key] = totals.get(key, JoinedAlarms(0, 0)) + joined
    found: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    for (family, detector, strength), joined in totals.items():
        found.setdefault(family, {}).setdefault(detector, {})[strength] = joined.as_json()
    return found


def _changed(
    name: str,
    train: list[Samples],
    held_out: Mapping[str, Samples],
    strength: float,
    seed: int,
    conditions: Mapping[str, str | None] | None = None,
) -> DetectionSet:
    """Return the clips as they are, and each with every change."""
    where = conditions or {}
    test = [
        LabelledClip(sound, "normal", None, recording, where.get(recording))
        for recording, sound in held_out.items()
    ]
    for kind in (kind for kinds in FAMILIES.values() for kind in kinds):
        for number, (recording, sound) in enumerate(held_out.items()):
            own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
            made = change(sound, kind, strength, own)
            test.append(LabelledClip(made, "anomaly", kind, recording, where.get(recording)))
    return DetectionSet(name, strength, train, test)
