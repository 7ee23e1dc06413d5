"""Recordings are written whole, and read back unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.files.recordings import read
from anomaly.audio.files.write import save_flac, save_wav
from anomaly.errors import ConfigError

X = (0.1 * np.random.default_rng(0).standard_normal(8_000)).astype(np.float32)


@pytest.mark.parametrize(("save", "name"), [(save_wav, "a.wav"), (save_flac, "a.flac")])
def test_round_trip(save: object, name: str, tmp_path: Path) -> None:
    path = tmp_path / "pump" / name
    save(path, X, 44_100)  # type: ignore[operator]
    recording = read(path)
    assert recording.sample_rate_hz == 44_100
    np.testing.assert_allclose(recording.samples, X, atol=2**-23)
    assert [entry.name for entry in path.parent.iterdir()] == [name]


def test_beyond_full_scale_is_clipped_and_does_not_wrap(tmp_path: Path) -> None:
    save_wav(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5], np.float32))
    np.testing.assert_allclose(read(tmp_path / "a.wav").samples, [1, -1, 0.5], atol=1e-6)


def test_16_bits_on_request(tmp_path: Path) -> None:
    save_wav(tmp_path / "a.wav", X, subtype="PCM_16")
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_16"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError):
        save_wav(tmp_path / "file" / "a.wav", X)
