"""Chip specifications: complete, with provenance; errors name file, line and key."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from chip.arch import ArchSpec, load_arch
from chip.errors import SpecError

SENNA = (resources.files("chip") / "specs" / "senna.yaml").read_text(encoding="utf-8")


def _line(words: str) -> int:
    return next(at for at, line in enumerate(SENNA.splitlines(), 1) if words in line)


def test_senna_has_the_published_and_derived_values(senna: ArchSpec) -> None:
    assert (senna.array.neurons.value, senna.array.synapses.value) == (1024, 25_600)
    assert senna.neuron.fan_in.value == 25
    assert (senna.weight_max, senna.threshold_max, senna.feedback_max, senna.v_sat) == (31, 255, 255, 2047)
    assert senna.timing.clock_hz.value == 25e6
    assert senna.step_s == pytest.approx(senna.timing.latency_s.value)
    assert senna.energy.power_w.value / senna.timing.clock_hz.value == pytest.approx(0.92e-9)
    assert senna.array.neurons.provenance == "published"
    assert "ESSERC" in senna.energy.sop_j.source


def test_every_parameter_has_a_provenance(senna: ArchSpec) -> None:
    parameters = dict(senna.parameters())
    assert len(parameters) == 26
    assert all(parameter.source and parameter.unit for parameter in parameters.values())
    published = {key for key, parameter in parameters.items() if parameter.provenance == "published"}
    assert published == {
        "array.neurons",
        "array.synapses",
        "timing.clock_hz",
        "timing.latency_s",
        "energy.power_w",
        "energy.sop_j",
    }


def test_specification_is_loaded_by_path(tmp_path: Path, senna: ArchSpec) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SENNA)
    assert load_arch(path) == senna
    assert load_arch(str(path)).fingerprint() == senna.fingerprint()


def test_fingerprint_covers_what_bitstreams_depend_on(tmp_path: Path, senna: ArchSpec) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SENNA.replace("value: 23e-3", "value: 29e-3"))
    assert load_arch(path).fingerprint() == senna.fingerprint()
    path.write_text(SENNA.replace("weight_bits: {value: 6", "weight_bits: {value: 5"))
    assert load_arch(path).fingerprint() != senna.fingerprint()


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("neurons: {value: 1024", "neurons: {value: many", "array.neurons.value", "valid integer"),
        ("neurons: {value: 1024", "neurons: {value: -3", "array.neurons.value", "greater than or equal to 1"),
        ("neurons: {value: 1024", "neurons: {value: 10**99", "array.neurons.value", "valid integer"),
        ("neurons: {value: 1024", "neurons: {value: 1025", "array.neurons", "do not fit into 1024 cells"),
        ("rows: {value: 32", "rows: {value: 1000000", "array.rows", "32000000 cells are more than 65536"),
        ("inputs: {value: 128", "inputs: {value: 1000000", "array.inputs", "pads are more than 65536"),
        (
            "fan_in: {value: 25",
            "fan_in: {value: 1000000",
            "neuron.fan_in.value",
            "less than or equal to 4096",
        ),
        (
            "nets_per_channel: {value: 32",
            "nets_per_channel: {value: 1000000",
            "routing.nets_per_channel.value",
            "less than or equal to 4096",
        ),
        (
            "nets_per_channel: {value: 32",
            "nets_per_channel: {value: 4096",
            "routing.nets_per_channel",
            "8388608 tracks in all",
        ),
        ("synapses: {value: 25600", "synapses: {value: 25601", "array.synapses", "neurons x fan_in = 25600"),
        ("power_w: {value: 23e-3", "power_w: {value: .inf", "energy.power_w.value", "number"),
        ("power_w: {value: 23e-3", "power_w: {value: nan", "energy.power_w.value", "number"),
        ("[0, 1, 2", "[1, 2", "neuron.decay_shifts", "must contain 0"),
        ("[0, 1, 2", "[0, 77, 2", "neuron.decay_shifts.value.1", "less than or equal to 30"),
        (
            "unit: Hz, provenance: published",
            "unit: Hz, provenance: rumour",
            "timing.clock_hz.provenance",
            "'assumed'",
        ),
        ("recurrence: {value: true", "recurrence: {value: perhaps", "neuron.recurrence.value", "boolean"),
        ("  fan_in: {", "  fan_inn: {", "neuron.fan_in", "required"),
    ],
)
def test_invalid_value_is_reported_with_its_line(
    tmp_path: Path, old: str, new: str, key: str, words: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SENNA.replace(old, new))
    with pytest.raises(SpecError) as caught:
        load_arch(path)
    assert caught.value.message.startswith(f"{key}: ")
    assert words in caught.value.message
    line = _line("neuron:") if key == "neuron.fan_in" else _line(old)
    assert caught.value.where == f"{path}:{line}"


def test_too_many_synapses_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        SENNA.replace("rows: {value: 32", "rows: {value: 64").replace(
            "fan_in: {value: 25", "fan_in: {value: 4000"
        )
    )
    with pytest.raises(SpecError, match=r"neuron\.fan_in: times 2048 cells it is more than") as caught:
        load_arch(path)
    assert caught.value.where == f"{path}:{_line('fan_in: {')}"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("name: [1, 2", ":1", "is not YAML"),
        ("a: 1\nb: 2\na: 3\n", ":3", "the key a stands here a second time"),
        ("a: &x [1]\nb: *x\n", ":1", "aliases are not allowed"),
        ("a: &x {b: *x}\n", "", "is not YAML|aliases"),
        ("[" * 5000, "", "nested too deeply"),
        ("", ":1", "must hold keys such as name: and "),
        ("- 1\n", ":1", "must hold keys such as name: and "),
        ("colour: red\n" + SENNA, ":1", "colour: Extra inputs are not permitted"),
        ("%" * 10, ":1", "is not YAML"),
        ("a: 1 #" + "x" * (1 << 20), "", "longer than 1 MiB"),
        ("a: \x07", "", "is not YAML"),
    ],
)
def test_malformed_specification_is_refused(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=words) as caught:
        load_arch(path)
    assert str(caught.value.where).startswith(f"{path}{place}")


def test_missing_file_lists_known_names(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_arch("senn")
    assert "senna" in (caught.value.hint or "")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\xd8")
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "binary.yaml", "is not text in UTF-8")):
        with pytest.raises(SpecError, match=f"cannot be read as a chip specification: {reason}"):
            load_arch(path)
