"""Sets of families hold every change of every held-out clip, and nothing of the training."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from anomaly.audio.simulator.changes import FAMILIES
from anomaly.evaluate.bench.clips import DetectionSet
from anomaly.evaluate.bench.families import alarmed_figures, family_figures, simulated_families
from anomaly.evaluate.bench.rounds import Round
from anomaly.evaluate.bench.summary import SetFigures

KINDS = [kind for kinds in FAMILIES.values() for kind in kinds]


@functools.cache
def fan() -> list[DetectionSet]:
    return simulated_families("fan", (0.1, 1.0), seed=3, train_clips=1, normals=3)


def test_each_clip_is_tested_as_it_is_and_with_every_change() -> None:
    faint, strong = fan()
    assert (faint.name, faint.level, strong.level) == ("families-fan", 0.1, 1.0)
    assert faint.train is strong.train
    normals = [clip for clip in strong.test if clip.label == "normal"]
    changed = [clip for clip in strong.test if clip.label == "anomaly"]
    assert len(changed) == len(KINDS) * len(normals)
    assert [clip.fault for clip in changed[:: len(normals)]] == KINDS
    assert {clip.recording for clip in changed} == {clip.recording for clip in normals}
    assert {clip.condition for clip in normals} == {"source", "target"}


def test_a_change_differs_from_clip_to_clip_and_not_between_runs() -> None:
    (again,) = simulated_families("fan", (1.0,), seed=3, train_clips=1, normals=3)
    assert all((a.samples == b.samples).all() for a, b in zip(again.test, fan()[1].test, strict=True))
    tones = [clip for clip in again.test if clip.fault == "tone"][:2]
    normals = {clip.recording: clip.samples for clip in again.test if clip.label == "normal"}
    added = [np.abs(np.fft.rfft(clip.samples - normals[clip.recording])) for clip in tones]
    assert added[0].argmax() != added[1].argmax()


def test_figures_of_a_family_are_means_over_its_kinds() -> None:
    figures = SetFigures(
        auc=0.0,
        pauc=0.0,
        ci=(0, 0),
        pauc_ci=(0, 0),
        f1_ev=0.0,
        faults={"muffled": 0.5, "missing-band": 0.75, "weaker-component": 1.0, "tone": 0.6},
        fault_pauc={"muffled": 0.5, "missing-band": 0.5, "weaker-component": 0.8, "tone": 0.5},
        conditions={},
    )
    found = family_figures({"families-fan": {"1": {"student": figures}}})
    assert set(found) == {"takes-away", "adds-steady"}
    assert found["takes-away"]["student"] == {"auc": 0.75, "pauc": pytest.approx(0.6)}


def round_of(p_by_fault: dict[str | None, float]) -> Round:
    """Return a round of six clips of ten seconds of each fault, all seconds of one probability."""
    faults = [fault for fault in p_by_fault for _ in range(6)]
    p_values = [[p_by_fault[fault]] * 10 for fault in faults]
    labels = [fault is not None for fault in faults]
    return Round(
        [0.0] * len(faults), labels, faults, ["r"] * len(faults), [None] * len(faults), 0.0, p_values, 9.0
    )


def test_alarms_are_counted_by_family_and_strength() -> None:
    rounds = {
        ("families-fan", "0.1", "student"): [
            round_of({None: 0.5, "tone": 0.5, "broadband": 0.5, "pitch": 0.5})
        ],
        ("families-fan", "1", "student"): [
            round_of({None: 0.5, "tone": 1e-6, "broadband": 0.5, "pitch": 1e-6}),
            round_of({None: 1e-6, "tone": 1e-6, "broadband": 0.5, "pitch": 1e-6}),
        ],
        ("families-fan", "1", "mean_knn"): [replace(round_of({None: 1e-6}), p_values=None)],
    }
    found = alarmed_figures(rounds)
    assert found["adds-steady"]["student"]["0.1"]["share"] == 0.0
    assert found["adds-steady"]["student"]["1"] == {"share": 0.5, "alarmed": 2, "stretches": 4}
    assert found["shifts"]["student"]["1"]["share"] == 1.0
    assert found["normal"]["student"]["1"]["share"] == 0.5
    assert all("mean_knn" not in row for row in found.values())


def test_alarms_at_unseen_speeds_do_not_count() -> None:
    made = round_of({None: 1e-6, "tone": 1e-6})
    seen = replace(made, conditions=["source"] * 12)
    unseen = replace(made, conditions=["target"] * 12)
    found = alarmed_figures({("families-fan", "1", "student"): [seen, unseen]})
    assert found["normal"]["student"]["1"]["stretches"] == 1
    assert found["adds-steady"]["student"]["1"]["stretches"] == 1
