"""Input spikes: files, refusals, and random spikes that repeat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.sim.stimulus import load_spikes, random_spikes


def test_spikes_are_loaded_from_npy_files(tmp_path: Path) -> None:
    spikes = random_spikes(3, 20, streams=2)
    np.save(tmp_path / "many.npy", spikes)
    np.save(tmp_path / "one.npy", spikes[:, 0])
    np.testing.assert_array_equal(load_spikes(tmp_path / "many.npy"), spikes)
    np.testing.assert_array_equal(load_spikes(tmp_path / "one.npy"), spikes[:, :1])


def test_files_without_spikes_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.zeros(3))
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "short.npy", np.zeros((20, 3), np.int8))
    (tmp_path / "short.npy").write_bytes((tmp_path / "short.npy").read_bytes()[:-1])
    for name in ("flat", "objects", "text", "short", "missing"):
        with pytest.raises(NetworkError) as caught:
            load_spikes(tmp_path / f"{name}.npy")
        assert f"{name}.npy" in str(caught.value.where)


def test_random_spikes_repeat_and_have_their_rate() -> None:
    spikes = random_spikes(10, 1000, streams=4, rate=0.3, seed=1)
    assert spikes.shape == (1000, 4, 10)
    assert spikes.dtype == np.int8
    assert set(np.unique(spikes)) == {-1, 0, 1}
    assert np.count_nonzero(spikes) / spikes.size == pytest.approx(0.3, abs=0.01)
    np.testing.assert_array_equal(spikes, random_spikes(10, 1000, streams=4, rate=0.3, seed=1))


@pytest.mark.parametrize(
    ("spikes", "words"),
    [
        (np.zeros((5, 1, 2), np.int8), r"has the shape \(5, 1, 2\)"),
        (np.zeros((5, 0, 3), np.int8), r"has the shape \(5, 0, 3\)"),
        (np.full((5, 3), np.nan), "holds float64 instead of integers"),
        (np.full((5, 1, 3), 2, np.int8), "holds values other than"),
    ],
)
def test_spikes_that_do_not_fit_the_network_are_refused_with_their_file(
    spikes: NDArray[Any], words: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", spikes)
    with pytest.raises(NetworkError, match=words) as caught:
        load_spikes(tmp_path / "x.npy", 3)
    assert caught.value.where == str(tmp_path / "x.npy")
