"""The NIR benchmark measures its figures on the small networks."""

from __future__ import annotations

import json

import pytest

import chip_nir


def test_quick_figures(capsys: pytest.CaptureFixture[str]) -> None:
    chip_nir.main(["--quick", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["exact_agreement"] == 1.0
    assert found["exact_spikes"] > 1000
    assert set(found["exports"]["loops"]) == {"snntorch", "sinabs"}
    assert found["readers"]["sinabs"]["spike_agreement"] == 1.0
    fitted, least = (found["imports"][f"LIF, reset zero{more}"]["chip"] for more in (", fitted", ""))
    assert fitted["count_difference"] < least["count_difference"]
