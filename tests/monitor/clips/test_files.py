"""Clip files: written whole or not at all, without loss; damage is found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anomaly.audio.channels import Samples
from anomaly.errors import ConfigError, InputError
from anomaly.monitor.clips.files import FACTS, LEVELS, SOUND, ClipFacts, _sound, flac, read_clip, write_clip
from anomaly.monitor.clips.ring_buffer import on_grid


def facts(**changed: object) -> ClipFacts:
    values: dict[str, object] = {
        **{"id": "0123456789ab", "case_id": "ca5e", "machine": "pump", "content": "full", "begin_s": 1.8e9},
        **{"samples": 16_000, "since_reset": 0, "opened_s": 1.8e9, "detector": "student", "model": "abc"},
        **{"front_end": {"bands": 32, "reset_s": 10}, "repeatable": True, "seconds": ({"second": 0},)},
    }
    return ClipFacts(**values | changed)  # type: ignore[arg-type]


@pytest.fixture
def sound() -> Samples:
    return on_grid(np.random.default_rng(0).normal(0, 0.2, 16_000).astype(np.float32))


def test_a_clip_is_read_as_it_was_written(tmp_path: Path, sound: Samples) -> None:
    levels = np.arange(60, dtype=np.int32).reshape(1, 30, 2)
    size = write_clip(tmp_path / "a" / "b", facts(), sound, levels, b"png")
    found = read_clip(tmp_path / "a" / "b")
    assert found.facts == facts()
    assert found.samples is not None
    assert found.levels is not None
    assert np.array_equal(found.samples, sound)
    assert np.array_equal(found.levels, levels)
    assert size == sum(path.stat().st_size for path in (tmp_path / "a" / "b").iterdir())


@settings(deadline=None)
@given(arrays(np.float32, st.integers(1, 300), elements=st.floats(-1.5, 1.5, width=32)))
def test_flac_is_lossless_on_the_grid(samples: Samples) -> None:
    import io

    import soundfile

    sound = on_grid(samples)
    back, _ = soundfile.read(io.BytesIO(flac(sound)), dtype="float32")
    assert np.array_equal(back, sound)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (FACTS, b"{"),
        (FACTS, b"[]"),
        (FACTS, b"{}"),
        (FACTS, b'{"seconds": []}'),
        (SOUND, b"no flac"),
        (LEVELS, b"PK no zip"),
        (LEVELS, b""),
    ],
)
def test_damage_is_found(tmp_path: Path, sound: Samples, name: str, content: bytes) -> None:
    write_clip(tmp_path / "clip", facts(), sound, np.zeros((1, 1, 1), np.int32), b"png")
    (tmp_path / "clip" / name).write_bytes(content)
    with pytest.raises(InputError, match="is no whole clip"):
        read_clip(tmp_path / "clip")


def test_nothing_is_unpickled(tmp_path: Path, sound: Samples) -> None:
    write_clip(tmp_path / "clip", facts(), sound, None, b"png")
    np.savez(tmp_path / "clip" / LEVELS, levels=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="is no whole clip"):
        read_clip(tmp_path / "clip")


def test_a_missing_clip(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_clip(tmp_path / "none")


def test_a_folder_that_cannot_be_written(tmp_path: Path, sound: Samples) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError):
        write_clip(tmp_path / "file" / "clip", facts(), sound, None, b"png")


def test_sound_of_another_rate_is_refused(tmp_path: Path, sound: Samples) -> None:
    import soundfile

    soundfile.write(tmp_path / "x.flac", sound, 44_100)
    with pytest.raises(ValueError, match="44100 Hz"):
        _sound(tmp_path / "x.flac")


def test_facts_are_plain_json(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", facts(content="none"), None, None, b"")
    assert json.loads((tmp_path / "clip" / FACTS).read_text())["case_id"] == "ca5e"
