"""Compared layers have equal activity, and ratios are medians over turns."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import training_speed


def test_ratios_are_medians_over_turns() -> None:
    times = {
        "ours": np.array([1.0, 2.0, 4.0]),
        "signed": np.array([2.0, 2.0, 2.0]),
        "snntorch": np.array([3.0, 4.0, 40.0]),
        "spikingjelly": np.array([1.0, 2.0, 4.0]),
    }
    figures = training_speed.summary(times, {})
    assert figures["times_as_fast_as"]["ours"] == {"snntorch": 3.0, "spikingjelly": 1.0}
    assert figures["times_as_fast_as"]["signed"] == {"snntorch": 2.0, "spikingjelly": 1.0}
    assert figures["median_seconds"]["ours"] == 2.0


def test_all_layers_spike_about_as_often() -> None:
    peer = training_speed.Peer(Path(sys.executable), "snntorch")
    try:
        ours = training_speed.StudentLayer(False)
        assert peer.active == pytest.approx(ours.active, rel=0.1)
        assert ours.seconds() > 0 < peer.seconds()
    finally:
        peer.close()


def test_a_failing_peer_is_reported() -> None:
    with pytest.raises(RuntimeError, match="no_such_peer"):
        training_speed.Peer(Path(sys.executable), "no_such_peer")


def test_a_missing_python_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        training_speed.main(["--peers", "/no/such/python"])
    assert "no such file" in capsys.readouterr().err
