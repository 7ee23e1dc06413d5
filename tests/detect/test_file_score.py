"""One file, one answer: in one go, in odd blocks, in stretches, and from a copy of the bundle."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.channels import Samples
from anomaly.audio.files.format_reference import FormatReference
from anomaly.audio.files.recordings import ReadingReport, read_16k
from anomaly.audio.sensor.reference import fit_reference
from anomaly.audio.sensor.sensor_check import DeadMicrophoneCheck, SensorCheck
from anomaly.audio.simulator import simulate
from anomaly.bundle import open_bundle
from anomaly.detect import file_score
from anomaly.detect.decision import Limit, State, limit_for
from anomaly.detect.file_score import FileScore, score_file
from anomaly.detect.model import load_model
from anomaly.detect.scoring import Scorer, SecondScore, recording_score

SECONDS = 23.7


@pytest.fixture(scope="module")
def sound() -> Samples:
    return simulate("pump", seconds=SECONDS, seed=55, fault="cavitation", severity=0.4).samples


@pytest.fixture
def file(tmp_path: Path, sound: Samples) -> Path:
    soundfile.write(tmp_path / "pump.wav", sound, 16_000, subtype="FLOAT")
    return tmp_path / "pump.wav"


@pytest.fixture(params=["student", "teacher"])
def detector(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def scorer(pump_bundle: Path, detector: str) -> Scorer:
    return load_model(open_bundle(pump_bundle)).scorer(detector)


@pytest.fixture
def limit(scorer: Scorer) -> Limit:
    return limit_for(1.0, scorer.calibration.dependence)


def bits(seconds: list[SecondScore] | tuple[SecondScore, ...]) -> list[tuple[int, str, str, bytes]]:
    """Everything in the scores, such that equal means equal to the last bit."""
    return [(s.second, s.score.hex(), s.p_value.hex(), s.groups.tobytes()) for s in seconds]


def odd_blocks(samples: Samples, seed: int) -> Iterator[Samples]:
    generator = np.random.default_rng(seed)
    start = 0
    while start < len(samples):
        size = int(generator.choice([1, 7, 511, 513, 1023, 4001, 15_999, 16_001, 40_003]))
        yield samples[start : start + size]
        start += size


def test_one_go_stream_and_file_agree_to_the_last_bit(scorer: Scorer, limit: Limit, file: Path) -> None:
    samples = read_16k(file)
    whole = scorer.recording(samples)
    assert [second.second for second in whole] == list(range(23))
    for seed in range(3):
        stream = scorer.stream()
        streamed = [second for block in odd_blocks(samples, seed) for second in stream.push(block)]
        assert bits(streamed) == bits(whole)
    scored = score_file(file, scorer, limit)
    assert bits(scored.scores) == bits(whole)
    assert scored.verdict is not None
    assert scored.verdict.score.hex() == recording_score(whole).hex()


def test_long_files_are_scored_in_stretches_with_the_same_bits(
    scorer: Scorer, limit: Limit, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score_file(file, scorer, limit)
    monkeypatch.setattr(file_score, "_STRETCH_S", 10)
    lengths = [
        len(part) for part in file_score.stretches(file, scorer.front_end.reset_s, "mean", ReadingReport())
    ]
    assert lengths == [160_000, 160_000, 59_200]
    in_stretches = score_file(file, scorer, limit)
    assert bits(in_stretches.scores) == bits(whole.scores)
    assert in_stretches.verdict == whole.verdict


def test_sound_that_is_far_quieter_than_training_is_not_called_a_stop(
    scorer: Scorer, limit: Limit, tmp_path: Path, sound: Samples
) -> None:
    soundfile.write(tmp_path / "quiet.wav", sound[:32_000] / 300, 16_000, subtype="FLOAT")
    scored = score_file(tmp_path / "quiet.wav", scorer, limit, sensor=DeadMicrophoneCheck())
    assert (scored.status, scored.sensor) == ("not-judged", "ok")
    assert "far quieter than all training sound" in str(scored.error)


def test_an_end_of_less_than_a_second_changes_nothing(
    scorer: Scorer, limit: Limit, tmp_path: Path, sound: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_score, "_STRETCH_S", 10)
    soundfile.write(tmp_path / "long.wav", sound[:164_000], 16_000, subtype="FLOAT")
    scored = score_file(tmp_path / "long.wav", scorer, limit)
    assert bits(scored.scores) == bits(scorer.recording(sound[:160_000]))
    assert scored.seconds == 10.25


def test_a_copy_of_the_bundle_gives_the_same_bits(
    scorer: Scorer, limit: Limit, file: Path, pump_bundle: Path, detector: str, tmp_path: Path
) -> None:
    copy = shutil.copytree(pump_bundle, tmp_path / "elsewhere" / "renamed")
    again = load_model(open_bundle(copy)).scorer(detector)
    assert bits(score_file(file, again, limit).scores) == bits(score_file(file, scorer, limit).scores)


@pytest.fixture
def student(pump_bundle: Path) -> Scorer:
    return load_model(open_bundle(pump_bundle)).scorer()


def judged(path: Path, scorer: Scorer) -> FileScore:
    return score_file(path, scorer, limit_for(1.0, scorer.calibration.dependence))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_a_clip_of_one_second_has_a_score_at_any_rate(rate_hz: int, student: Scorer, tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(rate_hz)
    soundfile.write(tmp_path / "one.wav", noise, rate_hz, subtype="FLOAT")
    scored = judged(tmp_path / "one.wav", student)
    assert (scored.status, len(scored.scores)) == ("ok", 1)


def test_high_rate_stereo_of_24_bits_is_fine(student: Scorer, tmp_path: Path) -> None:
    noise = 0.2 * np.random.default_rng(0).standard_normal((3 * 192_000, 2)).clip(-4, 4)
    soundfile.write(tmp_path / "studio.wav", noise, 192_000, subtype="PCM_24")
    scored = judged(tmp_path / "studio.wav", student)
    assert (scored.status, scored.seconds, len(scored.scores)) == ("ok", 3.0, 3)


def test_the_channel_decides(student: Scorer, sound: Samples, tmp_path: Path) -> None:
    other = 0.01 * np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    soundfile.write(tmp_path / "two.wav", np.stack([other, sound], axis=1), 16_000, subtype="FLOAT")
    limit = limit_for(1.0, student.calibration.dependence)
    scored = score_file(tmp_path / "two.wav", student, limit, channel=1)
    assert bits(scored.scores) == bits(student.recording(sound))
    missing = score_file(tmp_path / "two.wav", student, limit, channel=2)
    assert missing.status == "error"
    assert "no channel 2" in str(missing.error)


def test_what_is_wrong_is_said_not_raised(student: Scorer, sound: Samples, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "good.wav", sound, 16_000, subtype="FLOAT")
    data = (tmp_path / "good.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("not a sound\n" * 99)
    bad = sound.copy()
    bad[200_000] = np.nan
    soundfile.write(tmp_path / "nan.wav", bad, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "short.wav", sound[:15_999], 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "silent.wav", np.zeros(48_000), 16_000)
    expected = {
        "good": ("ok", ""),
        "cut": ("truncated", "is cut short"),
        "empty": ("error", "is empty"),
        "text": ("error", "is not a recording"),
        "nan": ("error", "not sound (nan at 12.500 s)"),
        "short": ("not-judged", "lasts 1.00 s; a score needs at least one second"),
        "silent": ("sensor", "the microphone delivers no sound"),
        "missing": ("error", "there is no such file"),
    }
    for name, (status, words) in expected.items():
        scored = judged(tmp_path / f"{name}.wav", student)
        assert scored.status == status, name
        assert words in (scored.error or "")
        assert (scored.verdict is None) == (status not in ("ok", "truncated"))


def test_a_truncated_file_is_judged_as_far_as_it_goes(
    student: Scorer, sound: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, sound[: 20 * 16_000], 16_000, subtype="FLOAT")
    path.write_bytes(path.read_bytes()[: -8 * 64_000])
    scored = judged(path, student)
    assert (scored.status, scored.seconds) == ("truncated", 12.0)
    assert bits(scored.scores) == bits(student.recording(sound[: 12 * 16_000]))
    assert "its header promises 8.00 s more than there is; 12.00 s were used" in str(scored.error)


def test_a_format_that_explains_the_state_is_the_status(
    student: Scorer, sound: Samples, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "two.wav", np.stack([sound, sound], axis=1), 16_000, subtype="FLOAT")
    limit = limit_for(1.0, student.calibration.dependence)
    formats = FormatReference((16_000,), (1,), ("PCM",), -60.0, 0.0)
    scored = score_file(tmp_path / "two.wav", student, limit, formats=formats)
    assert scored.verdict is not None
    assert scored.verdict.state is State.ALARM  # the sound is that of a fault
    assert (scored.status, scored.format) == ("format", "2 channels (training 1)")
    assert "may explain the score: 2 channels" in str(scored.error)
    level = FormatReference((16_000,), (2,), ("PCM",), -60.0, -50.0)
    scored = score_file(tmp_path / "two.wav", student, limit, formats=level)
    assert scored.status == "ok"  # a level alone may be that of the fault
    assert "dBFS (training -60.0 to -50.0)" in str(scored.format)


def test_a_dead_channel_under_the_mean_is_named(student: Scorer, sound: Samples, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "two.wav", np.stack([sound, 0 * sound], axis=1), 16_000, subtype="FLOAT")
    limit = limit_for(1.0, student.calibration.dependence)
    scored = score_file(tmp_path / "two.wav", student, limit)
    assert scored.format == "no sound in channel 1 of 2, counted from 0"
    assert score_file(tmp_path / "two.wav", student, limit, channel=0).format is None


def test_seconds_of_a_dead_microphone_do_not_count(student: Scorer, sound: Samples, tmp_path: Path) -> None:
    broken = sound[: 12 * 16_000].copy()
    broken[4 * 16_000 : 7 * 16_000] = 0.0
    soundfile.write(tmp_path / "gap.wav", broken, 16_000, subtype="FLOAT")
    scored = judged(tmp_path / "gap.wav", student)
    assert scored.status == "ok"
    assert scored.verdict is not None
    dead = [second for second, state in enumerate(scored.verdict.states) if state is None]
    # The two good seconds after a fault are not trusted yet.
    assert dead == [4, 5, 6, 7, 8]
    alive = [second for second in scored.scores if second.second not in (4, 5, 6)]
    assert scored.verdict.score == recording_score(alive)


def test_a_stop_is_not_judged_and_stretches_do_not_change_that(
    student: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [("high", 24.0), ("stopped", 16.0), ("high", 20.0)]
    made = simulate("pump", seconds=60, seed=8, states=states).samples
    soundfile.write(tmp_path / "stops.wav", made, 16_000, subtype="FLOAT")
    whole = judged(tmp_path / "stops.wav", student)
    assert whole.verdict is not None
    left_out = [k for k, state in enumerate(whole.verdict.states) if state is None]
    assert set(range(28, 39)) <= set(left_out) <= set(range(22, 44))
    # The score is of all seconds, as a monitor's is.
    assert whole.verdict.score == recording_score(list(whole.scores))
    stream = student.stream()
    live = stream.push(read_16k(tmp_path / "stops.wav"))
    assert [second.operating for second in live] == [second.operating for second in whole.scores]
    monkeypatch.setattr(file_score, "_STRETCH_S", 10)
    assert judged(tmp_path / "stops.wav", student).verdict == whole.verdict


def test_sound_far_quieter_than_all_training_sound_is_not_judged(
    student: Scorer, sound: Samples, tmp_path: Path
) -> None:
    """A stop that training never held, or a microphone that fails: which of the two is not known."""
    soundfile.write(tmp_path / "quiet.wav", sound * 0.1, 16_000, subtype="FLOAT")
    scored = judged(tmp_path / "quiet.wav", student)
    assert (scored.status, scored.verdict, scored.sensor) == ("sensor", None, "unlearned-stop")
    assert "far quieter than all training sound" in str(scored.error)


def test_the_microphone_is_judged_by_the_training_sound(
    student: Scorer, sound: Samples, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "normal.wav", sound, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "gain.wav", sound * 0.4, 16_000, subtype="FLOAT")
    check = SensorCheck(fit_reference([sound]))
    limit = limit_for(1.0, student.calibration.dependence)
    normal = score_file(tmp_path / "normal.wav", student, limit, sensor=check)
    quiet = score_file(tmp_path / "gain.wav", student, limit, sensor=check)
    assert (normal.status, normal.sensor) == ("ok", "ok")
    assert (quiet.status, quiet.sensor, quiet.verdict) == ("sensor", "gain", None)
