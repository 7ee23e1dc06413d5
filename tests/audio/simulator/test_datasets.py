"""Folders of simulated recordings: takes, file names and contents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.simulator import load_recipe, simulate
from anomaly.audio.simulator.datasets import (
    Take,
    TakeSettings,
    plan_dataset,
    plan_recordings,
    refuse_existing,
    write,
)
from anomaly.errors import InputError, UsageError


def plan(folder: Path, *, minutes: float = 0.1, clip_s: float | None = 2.0, seed: int = 3, fault: str | None = None,
         severity: float = 0.0) -> list[Take]:  # fmt: skip
    return plan_recordings(
        folder, minutes=minutes, clip_s=clip_s, seed=seed, fault=fault, severity=severity, suffix="wav"
    )


def test_clips_are_cut_from_one_take(tmp_path: Path) -> None:
    (take,) = plan(tmp_path)
    files = list(write(tmp_path, [take], TakeSettings(load_recipe("pump"))))
    assert [file.path.name for file in files] == [f"normal_3_{n:04d}.wav" for n in range(3)]
    sound = np.concatenate([soundfile.read(file.path, dtype="float32")[0] for file in files])
    np.testing.assert_allclose(sound, simulate("pump", seconds=6.0, seed=3).samples, atol=1.1 / 32_768)
    assert soundfile.info(files[0].path).subtype == "PCM_16"
    assert not list(tmp_path.rglob(".*"))


def test_names_of_recordings_with_a_fault(tmp_path: Path) -> None:
    (take,) = plan(tmp_path, fault="leak", severity=0.3)
    assert take.paths[0] == tmp_path / "abnormal" / "anomaly_leak_0.3_3_0000.wav"
    assert (take.fault, take.severity) == ("leak", 0.3)


def test_long_sound_is_several_takes_with_seeds_of_their_own(tmp_path: Path) -> None:
    takes = plan(tmp_path, minutes=25.0, clip_s=None)
    assert [take.seconds for take in takes] == [600.0, 600.0, 300.0]
    assert len({take.seed for take in takes}) == 3
    assert takes[0].seed == 3
    clips = plan(tmp_path, minutes=25.0, clip_s=7.0)
    names = [path.name for take in clips for path in take.paths]
    assert len(names) == 214 == len(set(names))
    assert all(take.seconds <= 600.0 for take in clips)


def test_states_are_relative_to_each_file(tmp_path: Path) -> None:
    listening = TakeSettings(load_recipe("pump"), states=[("high", 3.0), ("low", 3.0)])
    files = list(write(tmp_path, plan(tmp_path), listening))
    assert [[state for _, state, _ in file.states] for file in files] == [
        ["high"],
        ["high", "ramp"],
        ["ramp", "low"],
    ]
    assert files[1].states[1][0] == pytest.approx(1.0)
    assert files[2].states[0][0] == 0.0


def test_a_dataset_has_every_fault_at_three_severities(tmp_path: Path) -> None:
    recipe = load_recipe("valve")
    takes = plan_dataset(tmp_path, recipe, minutes=1.0, clip_s=10.0, test_clips=2, seed=0, suffix="flac")
    paths = [path.relative_to(tmp_path).as_posix() for take in takes for path in take.paths]
    assert len(paths) == len(set(paths)) == 6 + 8 + 2 * 3 * len(recipe.faults)
    assert paths[0] == "train/normal_0_0000.flac"
    assert "test/normal_0_0007.flac" in paths
    assert "test/anomaly_leak_0.1_0_0001.flac" in paths
    assert "test/anomaly_leak_1_0_0001.flac" in paths
    assert len({take.seed for take in takes}) == len(takes)


def test_flac_is_written_too(tmp_path: Path) -> None:
    take = Take(1, 1.0, (tmp_path / "a.flac",))
    (file,) = write(tmp_path, [take], TakeSettings(load_recipe("fan")))
    assert soundfile.info(file.path).format == "FLAC"


@pytest.mark.parametrize("there", [True, False])
def test_files_appear_only_when_all_are_written(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "sets" / "pump"
    if there:
        (folder / "normal").mkdir(parents=True)
        (folder / "normal" / "mine.wav").write_bytes(b"mine")
    before = sorted(tmp_path.rglob("*"))
    making = write(folder, plan(folder), TakeSettings(load_recipe("pump")))
    next(making)
    assert not list(folder.glob("normal/normal_*"))
    making.close()
    assert sorted(tmp_path.rglob("*")) == before
    assert len(list(write(folder, plan(folder), TakeSettings(load_recipe("pump"))))) == 3
    assert len(list(folder.glob("normal/normal_*.wav"))) == 3
    assert (folder / "normal" / "mine.wav").exists() == there


def test_two_sets_at_once_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "pump"
    runs = [write(folder, plan(folder, seed=seed), TakeSettings(load_recipe("pump"))) for seed in (1, 2)]
    for making in runs:
        next(making)
    for making in runs:
        assert len(list(making)) == 2
    assert len(list(folder.rglob("*.wav"))) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["pump"]


def test_existing_files_are_refused(tmp_path: Path) -> None:
    takes = plan(tmp_path)
    refuse_existing(takes)
    takes[0].paths[1].parent.mkdir()
    takes[0].paths[1].write_bytes(b"mine")
    with pytest.raises(InputError, match=r"normal_3_0001\.wav: is already there") as caught:
        refuse_existing(takes)
    assert "--force" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"minutes": 0.0}, "--minutes"),
        ({"minutes": -1.0}, "--minutes"),
        ({"minutes": float("nan")}, "--minutes"),
        ({"minutes": 1e9}, "--minutes"),
        ({"minutes": 0.01}, "--minutes"),
        ({"clip_s": 0.1}, "--clip-seconds"),
        ({"clip_s": 1e6}, "--clip-seconds"),
        ({"clip_s": float("nan")}, "--clip-seconds"),
        ({"fault": "leak"}, "--severity"),
    ],
)
def test_invalid_lengths(tmp_path: Path, changes: dict[str, object], where: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(tmp_path, **changes)  # type: ignore[arg-type]
    assert caught.value.where == where
    assert not list(tmp_path.iterdir())


def test_a_dataset_needs_test_clips(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--test-clips"):
        plan_dataset(
            tmp_path, load_recipe("fan"), minutes=1.0, clip_s=10.0, test_clips=0, seed=0, suffix="wav"
        )
