"""Files in batches have the rows that they have one by one, with compiled code too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.channels import Channel
from anomaly.audio.compiled import compiled_kernels
from anomaly.audio.files.plain_wav import read_plain_wav
from anomaly.audio.files.recordings import ReadingReport, blocks
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.bundle import open_bundle
from anomaly.detect.batch_file_score import BatchScorer
from anomaly.detect.file_score import FileScore, score_file
from anomaly.detect.model import load_model


@pytest.fixture(scope="module")
def files(pump_recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Recordings of many lengths and formats, some of which cannot be read."""
    folder = tmp_path_factory.mktemp("files")
    found = sorted(pump_recordings.rglob("*.wav"))[:4]
    sound, _ = soundfile.read(found[0], dtype="float32")
    long = np.tile(sound, 30)
    soundfile.write(folder / "long.wav", long, 16_000)
    soundfile.write(folder / "eleven.wav", long[: 11 * 16_000 + 77], 16_000)
    soundfile.write(folder / "short.wav", sound[:9_000], 16_000)
    soundfile.write(folder / "stereo.flac", np.stack([sound, sound * 0.5], 1), 16_000)
    soundfile.write(folder / "slow.wav", sound, 8_000)
    soundfile.write(folder / "silent.wav", np.zeros(40_000), 16_000)
    (folder / "cut.wav").write_bytes(found[1].read_bytes()[:100_001])
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("text")
    return [*found, *sorted(folder.iterdir()), folder / "missing.wav"]


@pytest.fixture
def compiled() -> Iterator[None]:
    yield
    compiled_kernels.unload()


def comparable(score: FileScore) -> tuple[object, ...]:
    seconds = [(s.second, s.score, s.p_value, s.groups.tolist(), s.operating) for s in score.scores]
    return (
        score.path,
        score.status,
        score.seconds,
        score.verdict,
        score.error,
        score.sensor,
        score.format,
        seconds,
    )


@pytest.mark.parametrize("detector", ["student", "teacher"])
@pytest.mark.parametrize("with_numba", [False, True])
def test_batches_have_the_bits_of_single_files(
    detector: str, with_numba: bool, pump_bundle: Path, files: list[Path], compiled: None
) -> None:
    model = load_model(open_bundle(pump_bundle), (detector,))
    scorer = model.scorer(detector)
    limit = scorer.calibration.limit(1.0)
    singly = [
        score_file(path, scorer, limit, sensor=model.sensor_check(), formats=model.formats) for path in files
    ]
    if with_numba:
        compiled_kernels.load()
        scorer = load_model(open_bundle(pump_bundle), (detector,)).scorer(detector)
    batch = BatchScorer(scorer, limit, model.sensor_check(), formats=model.formats)
    assert [comparable(one) for one in batch.score(files)] == [comparable(one) for one in singly]


@pytest.mark.parametrize("channel", ["mean", 0])
def test_plain_files_are_read_as_others(channel: Channel, files: list[Path]) -> None:
    plain = 0
    for path in files:
        quick, slow = ReadingReport(), ReadingReport()
        samples = read_plain_wav(path, quick, channel)
        if samples is not None:
            plain += 1
            assert (
                samples == np.concatenate(list(blocks(path, block_s=10, channel=channel, report=slow)))
            ).all()
            assert quick == slow
    # That of 160 s is long, those of the simulator have another rate.
    assert plain == 3
    assert read_plain_wav(files[5], ReadingReport(), 1) is None


def test_a_sensor_check_of_its_own_is_asked_second_by_second(pump_bundle: Path, files: list[Path]) -> None:
    class Counting(SensorCheck):
        calls = 0

        def second(self, samples, *, repeated=0.0):  # type: ignore[no-untyped-def]
            Counting.calls += 1
            return super().second(samples, repeated=repeated)

    scorer = load_model(open_bundle(pump_bundle)).scorer()
    list(BatchScorer(scorer, scorer.calibration.limit(1.0), Counting()).score(files[:1]))
    assert Counting.calls == 6
