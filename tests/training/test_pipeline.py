"""One training from end to end: the same seed gives the same bytes, and a failure leaves nothing behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from anomaly.bundle import open_bundle
from anomaly.bundle.parts import ARCH, BITSTREAM, CALIBRATION, TEACHER
from anomaly.detect.model import load_model
from anomaly.errors import ConfigError, InputError, ModelError, UsageError
from anomaly.training import TrainingRequest, TrainingResult, imported_teacher, pipeline, train
from chip.arch import load_arch
from chip.compiler import verify_spikes
from chip.errors import SpecError
from chip.network import Network
from chip.sim.stimulus import random_spikes


@pytest.fixture
def request_(pump_data: Path, tmp_path: Path) -> TrainingRequest:
    return TrainingRequest("pump", pump_data, tmp_path / "models", profile="small", seed=3)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_bundle_that_scores(trained: TrainingResult, pump_data: Path) -> None:
    opened = open_bundle(trained.bundle.path)
    assert {TEACHER, BITSTREAM, ARCH, CALIBRATION, "network.npz"} <= set(opened.manifest.files)
    samples = soundfile.read(pump_data / "normal_00.wav", dtype="float32")[0]
    model = load_model(opened)
    for name in ("student", "teacher"):
        assert len(model.scorer(name).recording(samples)) == 5


def test_formats_of_the_recordings_are_kept_with_the_calibration(trained: TrainingResult) -> None:
    formats = json.loads(open_bundle(trained.bundle.path).read(CALIBRATION))["formats"]
    assert (formats["sample_rates_hz"], formats["channels"], formats["codecs"]) == ([16_000], [1], ["PCM"])
    assert trained.to_dict()["left_out"] == []


def test_what_is_programmed_is_what_was_trained(trained: TrainingResult) -> None:
    bundle = open_bundle(trained.bundle.path)
    kept = Network.from_npz(bundle.read("network.npz"))
    decoded = trained.artifacts.compiled.network
    assert kept.same_as(decoded)
    spikes = random_spikes(32, 200, seed=1)
    assert verify_spikes(kept, decoded, spikes, v_sat=load_arch(bundle.path / ARCH).v_sat) is None
    verified = bundle.manifest.metrics["verified"]
    assert verified["equal"]
    assert verified["neuron_steps"] > 100_000


def test_the_result_as_json(trained: TrainingResult) -> None:
    result = json.loads(json.dumps(trained.to_dict()))
    assert {"bundle", "fits", "neurons", "synapses", "seconds", "verified", "machine"} <= set(result)
    assert result["fits"] is True
    assert result["verified"] is True
    assert 0 < result["neurons"] <= 1024
    assert 0 < result["synapses"] <= 25_600
    metrics = result["metrics"]
    assert metrics["silent_files"] == 0
    assert metrics["training_seconds"] == pytest.approx(35)
    assert metrics["distillation"]["ran"] is True
    assert -1 <= metrics["distillation"]["lead"] <= 1
    # Half a minute of sound, on which the teacher was fitted, does not tell what it is ahead by.
    assert metrics["distillation"]["kept_because"] == "too little sound"
    assert metrics["activity"]["saturations"] == 0
    assert 0 < metrics["activity"]["sop_per_s"] < metrics["activity"]["teacher_macs_per_s"]


def test_the_manifest_records_the_training(trained: TrainingResult) -> None:
    manifest = trained.bundle.manifest
    assert (manifest.machine, manifest.signer) == ("pump", None)
    assert manifest.detectors["student"] == {"arch": "senna", "profile": "small", "seed": 3}
    assert manifest.detectors["teacher"]["given"] is False
    assert len(manifest.data_fingerprint) == len(manifest.code_fingerprint) == 64


def test_stages_are_reported_in_order(trained: TrainingResult, stages: list[tuple[str, float]]) -> None:
    names = list(dict.fromkeys(stage for stage, _ in stages))
    assert names == ["reading", "teaching", "distilling", "compiling", "calibrating"]
    assert all(0 <= share <= 1 for _, share in stages)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(trained: TrainingResult, request_: TrainingRequest) -> None:
    again = train(request_)
    for name in (TEACHER, BITSTREAM, "network.npz", CALIBRATION, ARCH):
        assert again.bundle.read(name) == trained.bundle.read(name), name
    assert again.bundle.manifest.data_fingerprint == trained.bundle.manifest.data_fingerprint


@pytest.mark.slow
def test_an_imported_teacher_and_its_front_end_are_kept(
    trained: TrainingResult, request_: TrainingRequest, tmp_path: Path
) -> None:
    key = tmp_path / "site.key"
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(pem)
    request = replace(request_, teacher=trained.bundle.path / TEACHER, seed=4, sign_key=key)
    other = train(request)
    assert other.bundle.read(TEACHER) == trained.bundle.read(TEACHER)
    assert other.bundle.manifest.detectors["student"]["seed"] == 4
    assert other.bundle.manifest.detectors["teacher"]["given"] is True
    assert other.bundle.manifest.front_end == trained.bundle.manifest.front_end
    assert other.bundle.signature == "untrusted"


def silent(folder: Path) -> None:
    for number in range(8):
        soundfile.write(folder / f"normal_{number}.wav", np.zeros(80_000), 16_000)


def short(folder: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(29 * 16_000)
    soundfile.write(folder / "normal_0.wav", noise, 16_000)


def broken(folder: Path) -> None:
    short(folder)
    (folder / "normal_1.wav").write_text("no sound")


def empty(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (empty, "no audio files here"),
        (silent, "all 8 recordings are silent"),
        (short, r"holds 29\.0 s of usable normal sound"),
        (broken, r"holds 29\.0 s of usable normal sound"),
    ],
)
def test_recordings_that_cannot_be_used(
    fill: Callable[[Path], None], words: str, request_: TrainingRequest, tmp_path: Path
) -> None:
    data = tmp_path / "recordings"
    data.mkdir()
    fill(data)
    with pytest.raises(InputError, match=words) as caught:
        train(replace(request_, data=data))
    assert str(data) in str(caught.value)
    assert not request_.models.exists()


def test_a_folder_that_is_not_there(request_: TrainingRequest, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        train(replace(request_, data=tmp_path / "nowhere"))
    assert not request_.models.exists()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"profile": "quick"}, UsageError, "no profile 'quick'"),
        ({"arch": "sienna"}, SpecError, "cannot be read"),
        ({"machine": "../pump"}, ConfigError, "is no machine name"),
        ({"machine": ""}, ConfigError, "is no machine name"),
        ({"sign_key": "nowhere.key"}, ConfigError, "the key cannot be read"),
        ({"sign_key": "text"}, ConfigError, "is not a PEM private key"),
        ({"teacher": "nowhere.onnx"}, ModelError, "cannot be read"),
        ({"teacher": "text"}, ModelError, "is no model that can be run"),
        ({"models": "text"}, ConfigError, "cannot be written"),
    ],
)
def test_requests_that_cannot_be_met(
    change: dict[str, str],
    error: type[Exception],
    words: str,
    request_: TrainingRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object) -> None:
        pytest.fail("recordings were read before the request was checked")

    monkeypatch.setattr(pipeline, "read_layout", never)
    (tmp_path / "text").write_text("neither a key nor a model nor a folder")
    paths = {"sign_key", "teacher", "models"}
    values = {name: tmp_path / value if name in paths else value for name, value in change.items()}
    with pytest.raises(error, match=words):
        train(replace(request_, **values))  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text"]


def test_a_teacher_for_other_bands(
    request_: TrainingRequest, trained: TrainingResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wide:
        bands = 64

        def __init__(self, onnx: bytes) -> None:
            pass

    monkeypatch.setattr(imported_teacher, "TeacherDetector", Wide)
    with pytest.raises(ModelError, match="expects 64 bands, the front end gives 32"):
        train(replace(request_, teacher=trained.bundle.path / TEACHER))


def test_a_read_only_folder_is_refused_before_the_training(
    request_: TrainingRequest,
    monkeypatch: pytest.MonkeyPatch,
    unprivileged: Callable[[], AbstractContextManager[None]],
) -> None:
    request_.models.mkdir()
    request_.models.chmod(0o555)
    monkeypatch.setattr(pipeline, "read_layout", lambda _: pytest.fail("recordings were read"))
    with unprivileged(), pytest.raises(ConfigError, match="cannot be written"):
        train(request_)
    assert list(request_.models.iterdir()) == []


class UnexpectedError(Exception):
    """A failure that no code expects."""


@pytest.mark.parametrize("failure", [UnexpectedError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("stage", ["build_artifacts", "fingerprint.of_code", "_files"])
def test_an_old_bundle_survives(
    stage: str,
    failure: type[BaseException],
    trained: TrainingResult,
    request_: TrainingRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(trained.bundle.path, request_.models / "pump")
    before = content(request_.models)

    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(pipeline, "build_artifacts", lambda *_, **__: trained.artifacts)
    place, _, name = stage.rpartition(".")
    monkeypatch.setattr(getattr(pipeline, place) if place else pipeline, name, fail)
    with pytest.raises(failure):
        train(request_)
    assert content(request_.models) == before
    open_bundle(request_.models / "pump")


def test_an_old_bundle_survives_a_full_disk(
    trained: TrainingResult, request_: TrainingRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained.bundle.path, request_.models / "pump")
    before = content(request_.models)
    synced = []

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline, "build_artifacts", lambda *_, **__: trained.artifacts)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        train(request_)
    assert content(request_.models) == before


def test_silent_files_are_left_out_and_counted(
    trained: TrainingResult,
    request_: TrainingRequest,
    pump_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = shutil.copytree(pump_data, tmp_path / "recordings")
    soundfile.write(data / "normal_99.wav", np.zeros(80_000), 16_000)
    monkeypatch.setattr(pipeline, "build_artifacts", lambda *_, **__: trained.artifacts)
    again = train(replace(request_, data=data))
    assert again.bundle.manifest.metrics["silent_files"] == 1
    assert again.bundle.manifest.data_fingerprint != trained.bundle.manifest.data_fingerprint
