"""Energy ranges against SENNA's published figures, by hand."""

from __future__ import annotations

import json

import pytest

from chip.arch import ArchSpec
from chip.builder import NetworkBuilder
from chip.errors import ChipError
from chip.run_cost import cost, latency, utilisation


def test_free_running_reproduces_the_published_power(senna: ArchSpec) -> None:
    report = cost(senna, steps=4, sop=1000, spikes=100, seconds=0.032)
    # 23 mW for an audio hop of 32 ms.
    assert report.range_j("free-running") == pytest.approx((1000 * 687e-15, 736e-6))
    assert report.worst("free-running").joule == pytest.approx(736e-6)


def test_stepping_saves_under_the_clock_calibration_only(senna: ArchSpec) -> None:
    report = cost(senna, steps=4, sop=1000, spikes=100, seconds=0.032)
    stepped = {energy.calibration: energy.joule for energy in report.energies if energy.policy == "stepped"}
    assert stepped == pytest.approx({"activity": 687e-12, "clock": 4 * 0.92e-9, "leakage": 736e-6})
    assert report.worst("stepped").calibration == "leakage"


def test_at_the_operating_point_all_calibrations_agree(senna: ArchSpec) -> None:
    sop = round(23e-3 / 687e-15)
    report = cost(senna, steps=25_000_000, sop=sop, spikes=0, seconds=1.0)
    assert [energy.joule for energy in report.energies] == pytest.approx([23e-3] * 6)


def test_retention_of_membranes(senna: ArchSpec) -> None:
    assert cost(senna, 125, 0, 0, 1.0).retention_ok
    slow = cost(senna, 10, 0, 0, 1.0)
    assert not slow.retention_ok
    assert any("too slow" in note and "assumed" in note for note in slow.notes)


def test_every_figure_has_a_provenance(senna: ArchSpec) -> None:
    report = cost(senna, 100, 5000, 300, 0.8)
    assert all(figure.unit and figure.source for figure in report.figures.values())
    assert report.figures["sop_j"].provenance == "published"
    assert report.figures["min_step_hz"].provenance == "assumed"
    assert report.figures["sop_per_step"].value == 50
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["range_j"]["stepped"] == list(report.range_j("stepped"))


def test_idle_run_costs_power_alone(senna: ArchSpec) -> None:
    report = cost(senna, 0, 0, 0, 2.0)
    assert report.range_j("stepped") == pytest.approx((0, 46e-3))


@pytest.mark.parametrize(
    ("steps", "sop", "spikes", "seconds"),
    [(-1, 0, 0, 1.0), (1, -1, 0, 1.0), (1, 0, 0, 0.0), (1, 0, 0, float("nan")), (30_000_000, 0, 0, 1.0)],
)
def test_impossible_counts_are_refused(
    steps: int, sop: int, spikes: int, seconds: float, senna: ArchSpec
) -> None:
    with pytest.raises(ChipError):
        cost(senna, steps, sop, spikes, seconds)


def test_utilisation_and_latency_of_a_small_network(senna: ArchSpec) -> None:
    builder = NetworkBuilder(n_inputs=1)
    for source in range(3):
        builder.connect(source, builder.add_neuron(theta_p=1), 1)
    builder.output(0)
    builder.output(2)
    network = builder.build()
    assert utilisation(network, senna)["neurons"] == {"used": 3, "available": 1024, "share": 3 / 1024}
    way = latency(network, senna)
    assert way is not None
    assert (way["nearest_output"].value, way["farthest_output"].value) == pytest.approx((40e-9, 120e-9))
    assert latency(NetworkBuilder(n_inputs=1).build(), senna) is None
