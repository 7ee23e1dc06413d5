"""Test sets of the main job."""

from pathlib import Path

from lib.main_sets import main_sets


def test_the_main_job_has_one_background_and_three_levels_each(recordings: Path) -> None:
    faults, *motors = main_sets(recordings, seed=0, train_mixes=2)
    assert [one.level for one in faults] == [0.0, -5.0, -10.0]
    assert [one.level for group in motors for one in group] == [6.0, 0.0, -6.0]
    assert {clip.condition for clip in motors[0][0].test} == {"slider"}
    assert len(motors[0][0].train) == 3 * 2
