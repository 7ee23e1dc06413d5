"""Report: fit, utilisation, and the provenance of every figure."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.builder import NetworkBuilder
from chip.reporting.report import as_text, full_report, network_report, run_report
from chip.sim.simulator import Simulator
from chip.sim.stimulus import random_spikes
from chip.testing import random_network


def test_report_lists_every_parameter_with_its_provenance(senna: ArchSpec) -> None:
    report = json.loads(json.dumps(network_report(random_network(senna, seed=1), senna)))
    assert report["fits"] is True
    assert report["parameters"]["neuron.fan_in"]["provenance"] == "derived"
    text = as_text(report)
    for key, parameter in senna.parameters():
        assert f"{parameter.provenance:<9} {key} = " in text
    assert "neurons     24 of 1024 (2.3%)" in text
    tracks = report["utilisation"]["tracks"]
    assert 0 < tracks["mean"] < tracks["max"] <= tracks["per_channel"] == 32
    assert tracks["mean"] == pytest.approx(tracks["used"] / 2112)
    assert f"tracks      {tracks['used']} of 67584" in text
    assert f"channels    {tracks['max']} of 32 tracks in the fullest" in text


def test_report_of_a_network_that_does_not_fit(senna: ArchSpec) -> None:
    report = network_report(random_network(senna, seed=1, inputs=129), senna)
    assert report["fits"] is False
    assert "error: input_count: network\n      129, limit 128" in as_text(report)
    assert "tracks" not in report["utilisation"]
    assert "tracks      not routed: network: does not fit senna" in as_text(report)


def test_known_usage_is_not_routed_again(senna: ArchSpec) -> None:
    usage = np.zeros(2112, np.int64)
    usage[:3] = (1, 0, 5)
    tracks = network_report(random_network(senna, seed=1), senna, usage)["utilisation"]["tracks"]
    assert tracks == {
        "used": 6,
        "available": 67584,
        "share": 6 / 67584,
        "per_channel": 32,
        "max": 5,
        "mean": 6 / 2112,
    }


def test_network_without_outputs_has_no_latency(senna: ArchSpec) -> None:
    report = network_report(NetworkBuilder(n_inputs=1).build(), senna)
    assert report["latency_s"] is None
    assert "from input to output" not in as_text(report)
    assert "no neurons and no synapses and no outputs" in as_text(report)


def test_run_report_adds_the_durations_of_streams(senna: ArchSpec) -> None:
    network = random_network(senna, seed=1)
    run = Simulator(network, v_sat=senna.v_sat).run(random_spikes(8, 50, streams=5))
    report = json.loads(json.dumps(run_report(run, senna, step_hz=125.0)))
    assert (report["steps"], report["streams"], report["sop"]) == (50, 5, run.sop)
    assert report["cost"]["figures"]["seconds"]["value"] == 2.0
    assert report["cost"]["figures"]["steps"]["value"] == 250


def test_full_report_adds_neurobench_and_other_chips(senna: ArchSpec) -> None:
    network = random_network(senna, seed=1)
    report = json.loads(json.dumps(full_report(network, senna, step_hz=125)))
    assert report["input"] == "256 steps of sparse random spikes"
    assert report["neurobench"]["steps"] == 256
    assert "comparison" not in report
    report = full_report(network, senna, random_spikes(8, 20), step_hz=125, compared=True)
    assert [chip["name"] for chip in report["comparison"]][:2] == ["senna", "loihi"]
    text = as_text(report)
    assert "NeuroBench, per step, on the given spikes" in text
    assert "truenorth: does not fit" in text
