"""Options of the monitor: the command line overrides the site file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from anomaly.config import Machine, Site
from anomaly.errors import AnomalyError, ConfigError, UsageError
from anomaly.false_alarm_budget import check_budget
from anomaly.monitor.options import plan_from, plans_from
from anomaly.monitor.plan import MonitorPlan

NOTHING: dict[str, Any] = {
    "machine": None,
    "device": None,
    "source": None,
    "detector": None,
    "channel": None,
    "false_alarms_per_day": None,
    "realtime": True,
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Bundles for a pump and a fan; the file ties the pump to hw:1."""
    for name in ("pump", "fan"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bundle.json").touch()
    pump = Machine(device="hw:1", channel=2, detector="teacher", false_alarms_per_day=0.5)
    return Site(models_dir=tmp_path, machines={"pump": pump})


def test_the_site_file_supplies_what_the_command_line_leaves_out(site: Site) -> None:
    expected = MonitorPlan("pump", "hw:1", None, 2, "teacher", 0.5)
    assert plan_from(site, **NOTHING) == expected
    assert plan_from(site, **NOTHING | {"device": "hw:1"}) == expected
    assert plan_from(site, **NOTHING | {"machine": "pump"}) == expected


def test_the_command_line_overrides_the_site_file(site: Site) -> None:
    options = NOTHING | {
        "device": "hw:1",
        "detector": "student",
        "channel": "mean",
        "false_alarms_per_day": 3,
    }
    assert plan_from(site, **options) == MonitorPlan("pump", "hw:1", None, "mean", "student", 3)
    options = NOTHING | {"device": "hw:1", "machine": "fan"}
    assert plan_from(site, **options) == MonitorPlan("fan", "hw:1", None, "mean", "student", 1.0)


def test_a_channel_belongs_to_its_microphone(site: Site) -> None:
    for other in ({"device": "hw:7"}, {"source": "a.wav"}):
        plan = plan_from(site, **NOTHING | {"machine": "pump"} | other)
        assert (plan.channel, plan.detector, plan.false_alarms_per_day) == ("mean", "teacher", 0.5)
    assert plan_from(site, **NOTHING | {"machine": "pump", "source": "a.wav"}).device is None


def test_without_a_site_file_there_are_defaults(tmp_path: Path) -> None:
    (tmp_path / "pump").mkdir()
    (tmp_path / "pump" / "bundle.json").touch()
    plan = plan_from(Site(models_dir=tmp_path), **NOTHING | {"source": "-", "realtime": False})
    assert plan == MonitorPlan("pump", None, "-", "mean", "student", 1.0, realtime=False)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"device": "hw:9"}, "bundles here: fan, pump"),
        ({"device": "hw:1", "machine": "compressor"}, "bundles here: fan, pump"),
        ({"device": "hw:1", "machine": "../pump"}, "use letters"),
    ],
)
def test_an_ambiguous_machine_is_refused_with_the_list(
    site: Site, options: dict[str, str], hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_from(site, **NOTHING | options)
    assert hint in str(caught.value.hint)


def test_several_machines_on_one_device_are_named(site: Site) -> None:
    both = {"pump": Machine(device="hw:1", channel=0), "fan": Machine(device="hw:1", channel=1)}
    with pytest.raises(ConfigError, match="several machines listen to hw:1") as caught:
        plan_from(site.model_copy(update={"machines": both}), **NOTHING | {"device": "hw:1"})
    assert caught.value.hint == "add --machine pump or fan"


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_from(Site(models_dir=tmp_path / "models"), **NOTHING | {"device": "hw:0"})
    assert caught.value.hint == "bundles here: none"


@pytest.mark.parametrize("budget", [0.0, -1.0, 1e-5, 1441.0, float("nan"), float("inf")])
def test_impossible_budgets_are_refused(site: Site, budget: float) -> None:
    with pytest.raises(UsageError, match="--false-alarms-per-day"):
        check_budget(budget)
    with pytest.raises(UsageError):
        plan_from(site, **NOTHING | {"device": "hw:1", "false_alarms_per_day": budget})


@pytest.mark.parametrize("budget", [1e-300, 1441.0])
def test_impossible_budgets_of_the_site_file_are_refused(budget: float) -> None:
    with pytest.raises(ValidationError, match="false_alarms_per_day"):
        Machine(device="hw:1", false_alarms_per_day=budget)


@pytest.mark.parametrize("options", [{"detector": "parrot"}, {"channel": "left"}, {"channel": "-1"}])
def test_values_that_cannot_be_used(site: Site, options: dict[str, str]) -> None:
    with pytest.raises(AnomalyError) as caught:
        plan_from(site, **NOTHING | options)
    assert caught.value.exit_code == 2


def test_without_a_choice_all_machines_of_the_site_file_are_monitored(site: Site) -> None:
    many = {
        "pump": Machine(device="hw:1"),
        "fan": Machine(source="rtsp://camera/audio", model="pump", false_alarms_per_day=2),
    }
    both = site.model_copy(update={"machines": many})
    pump, fan = plans_from(both, **NOTHING)
    assert pump == MonitorPlan("pump", "hw:1", None, "mean", "student", 1.0, patient=True)
    assert fan == MonitorPlan(
        "fan", None, "rtsp://camera/audio", "mean", "student", 2.0, model="pump", patient=True
    )
    assert (fan.bundle, fan.live, pump.bundle, pump.live) == ("pump", True, "pump", True)
    assert plans_from(both, **NOTHING | {"machine": "fan"}) == [replace(fan, patient=False)]
    assert plans_from(site, **NOTHING) == [MonitorPlan("pump", "hw:1", None, 2, "teacher", 0.5, patient=True)]
    assert not plans_from(site, **NOTHING | {"device": "hw:1"})[0].patient


def test_a_fault_of_one_machine_of_a_site_leaves_the_others(site: Site) -> None:
    many = {
        "pump": Machine(device="hw:1"),
        "unknown": Machine(device="hw:2", model="turbine"),
        "yard": Machine(source_env="YARD_ADDRESS_THAT_IS_NOT_SET"),
    }
    pump, unknown, yard = plans_from(site.model_copy(update={"machines": many}), **NOTHING)
    assert (pump.fault, unknown.fault, unknown.bundle) == (None, None, "turbine")
    assert "YARD_ADDRESS_THAT_IS_NOT_SET is not set" in str(yard.fault)


def test_an_address_with_a_password_comes_from_the_environment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = site.model_copy(update={"machines": {"pump": Machine(source_env="PUMP_STREAM")}})
    with pytest.raises(ConfigError, match="PUMP_STREAM is not set") as caught:
        plans_from(secret, **NOTHING)
    assert "machines.pump.source_env" in str(caught.value.where)
    monkeypatch.setenv("PUMP_STREAM", "rtsp://ann:s3cret@camera/audio")
    assert plans_from(secret, **NOTHING)[0].source == "rtsp://ann:s3cret@camera/audio"


@pytest.mark.parametrize("inputs", [{}, {"device": "hw:1", "source": "a.wav"}])
def test_a_machine_has_one_input(inputs: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="one of device, source and source_env"):
        Machine(**inputs)
