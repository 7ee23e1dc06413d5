"""A bundle in memory: what loads, and what does not belong together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.audio.simulator import simulate
from anomaly.bundle import Bundle, open_bundle, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.bundle.parts import ARCH, BITSTREAM, CALIBRATION, TEACHER
from anomaly.detect.model import load_model
from anomaly.detect.scoring import recording_score
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd


@pytest.fixture
def altered(pump_bundle: Path, tmp_path: Path) -> Callable[..., Bundle]:
    """Write a whole and signed-for bundle that differs from the pump's in some files."""
    whole = open_bundle(pump_bundle)

    def write(files: dict[str, bytes | None], **manifest: Any) -> Bundle:
        content: dict[str, bytes | None] = {name: whole.read(name) for name in whole.manifest.files}
        content |= files
        kept = {name: data for name, data in content.items() if data is not None}
        facts = {name: getattr(whole.manifest, name) for name in ManifestDraft.model_fields}
        return write_bundle(tmp_path / "pump", ManifestDraft(**(facts | manifest)), kept)

    return write


@pytest.fixture
def calibration(pump_bundle: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((pump_bundle / CALIBRATION).read_bytes())
    return values


def test_both_detectors_score(pump_bundle: Path) -> None:
    model = load_model(open_bundle(pump_bundle))
    assert (model.machine, list(model.scorers)) == ("pump", ["student", "teacher"])
    assert model.scorer() is model.scorers["student"]
    clip = simulate("pump", seconds=2.5, seed=3).samples
    for name in ("student", "teacher"):
        seconds = model.scorer(name).recording(clip)
        assert model.score_clip(clip, detector=name) == recording_score(seconds)
    assert model.score_clip(clip) == model.score_clip(clip, detector="student")


def test_small_gains_are_compensated_where_the_bundle_knows_the_level(
    pump_bundle: Path, altered: Callable[..., Bundle], calibration: dict[str, Any]
) -> None:
    clip = simulate("pump", seconds=6, seed=3).samples
    louder = (clip * 10 ** (2 / 20)).astype(np.float32)
    knows = load_model(open_bundle(pump_bundle))
    del calibration["level"]
    older = load_model(altered({CALIBRATION: json.dumps(calibration).encode()}))
    assert abs(knows.score_clip(louder) - knows.score_clip(clip)) < 0.5
    assert older.score_clip(louder) - older.score_clip(clip) > 2.0
    assert abs(older.score_clip(clip) - knows.score_clip(clip)) < 0.1


@pytest.mark.parametrize("level", [[], "loud", {"spectra": [[1.5] * 32], "own_gain_cb": [1], "shape_cb": 1}])
def test_a_level_that_makes_no_sense_is_refused(
    altered: Callable[..., Bundle], calibration: dict[str, Any], level: object
) -> None:
    bundle = altered({CALIBRATION: json.dumps(calibration | {"level": level}).encode()})
    with pytest.raises(ModelError, match="level reference"):
        load_model(bundle)


def test_a_student_alone_scores_the_same_and_loads_nothing_that_runs_a_teacher(pump_bundle: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from anomaly.bundle import open_bundle\n"
        "from anomaly.detect.model import load_model\n"
        f"load_model(open_bundle(Path({str(pump_bundle)!r})), ('student',))\n"
        "print('onnxruntime' in sys.modules)\n"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
    whole, alone = (load_model(open_bundle(pump_bundle), names) for names in (("student", "teacher"), ()))
    clip = simulate("pump", seconds=2.5, seed=3).samples
    assert alone.score_clip(clip) == whole.score_clip(clip)
    assert alone.score_clip(clip, detector="teacher") == whole.score_clip(clip, detector="teacher")


def test_the_same_bundle_written_again_loads(altered: Callable[..., Bundle]) -> None:
    assert load_model(altered({})).machine == "pump"


@pytest.mark.parametrize("name", [CALIBRATION, BITSTREAM, TEACHER, ARCH])
def test_every_file_is_needed(altered: Callable[..., Bundle], name: str) -> None:
    with pytest.raises(ModelError, match=f"has no {name}"):
        load_model(altered({name: None}))


@pytest.mark.parametrize("name", [CALIBRATION, BITSTREAM, TEACHER, ARCH])
@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\x00" * 40, b"[" * 100_000])
def test_every_file_is_checked(altered: Callable[..., Bundle], name: str, content: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(altered({name: content}))
    assert name in str(caught.value)


def test_parts_of_calibration_are_needed(altered: Callable[..., Bundle], calibration: dict[str, Any]) -> None:
    for part in ("encoder", "student", "teacher"):
        less = {key: value for key, value in calibration.items() if key != part}
        with pytest.raises(ModelError, match=part):
            load_model(altered({CALIBRATION: json.dumps(less).encode()}))


def test_calibrations_belong_to_their_detector(
    altered: Callable[..., Bundle], calibration: dict[str, Any]
) -> None:
    swapped = {**calibration, "student": calibration["teacher"], "teacher": calibration["student"]}
    with pytest.raises(ModelError, match=r"the student is calibrated on the scale 'log'"):
        load_model(altered({CALIBRATION: json.dumps(swapped).encode()}))


def test_a_calibration_is_on_the_scale_of_its_detector(
    altered: Callable[..., Bundle], calibration: dict[str, Any]
) -> None:
    pooling = {
        **calibration["student"]["pooling"],
        "scale": "log",
        "view_centre": [0.0] * 2,
        "view_spread": [1.0] * 2,
    }
    other = {**calibration, "student": {**calibration["student"], "pooling": pooling}}
    with pytest.raises(ModelError, match="the student is calibrated on the scale 'log'"):
        load_model(altered({CALIBRATION: json.dumps(other).encode()}))


def test_the_front_end_belongs_to_the_detectors(altered: Callable[..., Bundle]) -> None:
    with pytest.raises(ModelError, match="has 32 bands"):
        load_model(altered({}, front_end=FrontEnd(bands=64).to_dict()))
    with pytest.raises(ModelError, match="another front end"):
        load_model(altered({}, front_end={"bands": 32}))


def test_the_encoder_belongs_to_the_network(
    altered: Callable[..., Bundle], calibration: dict[str, Any]
) -> None:
    encoder = {"mean": [0] * 16, "threshold": [50] * 16, "micro_steps": 4}
    values = {**calibration, "encoder": encoder}
    with pytest.raises(ModelError, match="the network has 32 inputs"):
        load_model(altered({CALIBRATION: json.dumps(values).encode()}))


def test_the_encoder_comes_back() -> None:
    code = DeltaCode(np.array([-4000, 3], np.int32), np.array([20, 700], np.int32), 3, True, 5)
    again = DeltaCode.from_dict(json.loads(json.dumps(code.to_dict())))
    assert again.mean.tolist() == code.mean.tolist()
    assert again.threshold.tolist() == code.threshold.tolist()
    assert (again.micro_steps, again.nearest, again.leak) == (3, True, 5)


def test_an_encoder_from_before_leaks_has_none() -> None:
    assert DeltaCode.from_dict({"mean": [0], "threshold": [1], "micro_steps": 4}).leak == 0


@pytest.mark.parametrize(
    "encoder",
    [
        None,
        [],
        {},
        {"mean": [0], "threshold": [1]},
        {"mean": [0], "threshold": [0], "micro_steps": 4},
        {"mean": [0, 1], "threshold": [1], "micro_steps": 4},
        {"mean": [[0]], "threshold": [[1]], "micro_steps": 4},
        {"mean": [], "threshold": [], "micro_steps": 4},
        {"mean": [10**30], "threshold": [1], "micro_steps": 4},
        {"mean": [float("nan")], "threshold": [1], "micro_steps": 4},
        {"mean": ["low"], "threshold": [1], "micro_steps": 4},
        {"mean": [0], "threshold": [1], "micro_steps": 0},
        {"mean": [0], "threshold": [1], "micro_steps": float("inf")},
        {"mean": [0], "threshold": [1], "micro_steps": "four"},
        {"mean": [0], "threshold": [1], "micro_steps": 4, "leak": 31},
        {"mean": [0], "threshold": [1], "micro_steps": 4, "leak": -1},
        {"mean": [0], "threshold": [1], "micro_steps": 4, "leak": 4.5},
        {"mean": [0], "threshold": [1], "micro_steps": 4, "leak": True},
    ],
)
def test_encoders_that_make_no_sense(encoder: Any) -> None:
    with pytest.raises(ModelError):
        DeltaCode.from_dict(encoder)
