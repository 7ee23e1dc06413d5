import os
from pathlib import Path

import pytest

from anomaly.errors import InputError
from anomaly.evaluate.layouts.layouts import Clip, DataSet, read_layout

RECORDINGS = Path(os.environ.get("ANOMALY_RECORDINGS", Path(__file__).parents[4] / "shared" / "audio"))
real = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no real recordings here")


def folder_of(root: Path, *names: str) -> Path:
    """Empty files: a layout is read from names alone."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def names(clips: tuple[Clip, ...]) -> list[str]:
    return [clip.path.name for clip in clips]


def test_dcase_folder(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        "train/normal_id_00_00000000.wav",
        "train/normal_id_00_00000001.wav",
        "test/normal_id_00_00000002.wav",
        "test/anomaly_id_00_00000000.wav",
        "test/section_00_0001.wav",
        "supplemental/noise.wav",
        "train/notes.txt",
    )
    data = read_layout(tmp_path)
    assert data.layout == "split"
    assert data.name == tmp_path.name
    assert names(data.train) == ["normal_id_00_00000000.wav", "normal_id_00_00000001.wav"]
    assert [(clip.label, clip.section) for clip in data.test] == [("anomaly", "00"), ("normal", "00")]
    assert not data.held_out_by_us
    assert sorted(path.name for path in data.left_out) == ["noise.wav", "section_00_0001.wav"]


def test_train_only(tmp_path: Path) -> None:
    data = read_layout(
        folder_of(tmp_path, "train/normal_1.wav", "train/whatever.wav", "train/anomaly_rub_1.wav")
    )
    assert names(data.train) == ["normal_1.wav", "whatever.wav"]
    # An anomaly is never trained on, wherever it lies.
    assert names(data.test) == ["anomaly_rub_1.wav"]
    assert data.faults == ("rub",)
    assert not data.held_out_by_us


def test_test_only(tmp_path: Path) -> None:
    data = read_layout(folder_of(tmp_path, "test/normal_1.wav", "test/anomaly_1.wav"))
    assert data.train == ()
    assert len(data.test) == 2


def test_plain_folders_hold_out_a_fifth(tmp_path: Path) -> None:
    folder_of(tmp_path, *(f"normal/{i:04}.wav" for i in range(100)), "abnormal/leak/1.wav", "abnormal/2.wav")
    data = read_layout(tmp_path)
    assert data.layout == "folders"
    assert data.held_out_by_us
    normals = [clip for clip in data.test if clip.label == "normal"]
    assert 10 <= len(normals) <= 30
    assert len(data.train) + len(normals) == 100
    assert data.faults == ("leak",)


def test_normals_alone_are_all_for_training_unless_held_out_explicitly(tmp_path: Path) -> None:
    folder_of(tmp_path, *(f"normal/{i:04}.wav" for i in range(20)))
    assert len(read_layout(tmp_path).train) == 20
    held_out = read_layout(tmp_path, hold_out=True)
    assert held_out.held_out_by_us
    assert 0 < len(held_out.test) < 20
    assert not set(held_out.train) & set(held_out.test)


def test_an_explicit_split_is_kept_unless_held_out_explicitly(tmp_path: Path) -> None:
    folder_of(tmp_path, *(f"train/normal_{i:04}.wav" for i in range(20)), "test/anomaly_1.wav")
    assert len(read_layout(tmp_path).train) == 20
    assert read_layout(tmp_path, hold_out=True).held_out_by_us


def test_added_files_do_not_move_others(tmp_path: Path) -> None:
    folder_of(tmp_path, "anomaly_1.wav", *(f"normal_{i:04}.wav" for i in range(50)))
    before = {clip.path for clip in read_layout(tmp_path).test}
    folder_of(tmp_path, *(f"normal_{i:04}.wav" for i in range(50, 100)))
    data = read_layout(tmp_path)
    assert before <= {clip.path for clip in data.test}
    assert not before & {clip.path for clip in data.train}


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7, 8])
def test_some_are_held_out_and_some_are_kept(tmp_path: Path, count: int) -> None:
    data = read_layout(folder_of(tmp_path, "anomaly_1.wav", *(f"normal_{i:03}.wav" for i in range(count))))
    assert data.train
    assert any(clip.label == "normal" for clip in data.test)


def test_one_recording_cannot_be_held_out(tmp_path: Path) -> None:
    data = read_layout(folder_of(tmp_path, "anomaly_1.wav", "normal_run_1_0.wav", "normal_run_1_1.wav"))
    assert len(data.train) == 2
    assert not data.held_out_by_us


def test_pieces_stay_on_one_side(tmp_path: Path) -> None:
    folder_of(
        tmp_path, "anomaly_1.wav", *(f"normal_day_{day}_{i}.wav" for day in range(10) for i in range(5))
    )
    data = read_layout(tmp_path)
    assert data.held_out_by_us
    assert data.shared_recordings == ()
    assert len(data.train) % 5 == 0


def test_flat_folder_without_labels_is_normal(tmp_path: Path) -> None:
    data = read_layout(folder_of(tmp_path, "monday.wav", "tuesday.FLAC"))
    assert data.layout == "flat"
    assert len(data.train) == 2
    assert data.test == ()


def test_nested_ids_are_one_machine(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        *(f"id_0{i}/normal/0000000{j}.wav" for i in (0, 2) for j in range(8)),
        "id_02/abnormal/00000000.wav",
    )
    data = read_layout(tmp_path)
    assert {clip.section for clip in data.train} == {"00", "02"}
    assert data.layout == "folders"


def test_bad_folders_are_refused_with_a_hint(tmp_path: Path) -> None:
    def refused(folder: Path) -> InputError:
        with pytest.raises(InputError) as caught:
            read_layout(folder)
        assert caught.value.where == str(folder)
        assert caught.value.hint
        assert caught.value.exit_code == 4
        return caught.value

    assert "no such folder" in str(refused(tmp_path / "nowhere"))
    assert "no audio files" in str(refused(folder_of(tmp_path / "empty", "readme.txt")))
    assert "is a file" in str(refused(folder_of(tmp_path, "a.wav") / "a.wav"))
    assert "no normal sound" in str(refused(folder_of(tmp_path / "bad", "abnormal/1.wav", "notes/2.wav")))
    several = folder_of(tmp_path / "all", "fan/train/normal_1.wav", "pump/train/normal_1.wav")
    assert "several machines here: fan, pump" in str(refused(several))
    mixed = folder_of(tmp_path / "mixed", "normal/1.wav", "pump/normal/1.wav")
    assert "several machines here: ., pump" in str(refused(mixed))


@real
def test_real_recordings() -> None:
    slider: DataSet = read_layout(RECORDINGS / "slider")
    assert (len(slider.train), len(slider.test), slider.faults) == (45, 15, ())
    assert slider.shared_recordings == ()
    motors = read_layout(RECORDINGS / "bldc")
    assert (len(motors.train), len(motors.test)) == (14, 27)
    assert motors.faults == ("bearing", "propeller")
    assert len(motors.shared_recordings) == 14
    noise = read_layout(RECORDINGS / "noise", hold_out=True)
    assert noise.shared_recordings == ()
    assert {clip.recording for clip in (*noise.train, *noise.test)} >= {"normal/aircon_1", "normal/street_0"}
