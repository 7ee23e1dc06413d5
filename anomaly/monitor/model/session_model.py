"""The model of a session: a scorer with the calibration in use, the limit, and the sensor check of its training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.bundle import Bundle, open_bundle, versions
from anomaly.bundle.parts import read_calibration
from anomaly.config import Site
from anomaly.detect.calibration.versions import with_calibration_in_use
from anomaly.detect.decision import Limit, Policy
from anomaly.detect.model import load_model
from anomaly.detect.scoring import Scorer
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Centibels
from anomaly.monitor.plan import MonitorPlan


@dataclass(frozen=True, eq=False)
class SessionModel:
    """Scorer, limit and sensor check of one machine.

    Args:
        version: of the bundle, ``+N`` with the number of a calibration made after training.
        scorer: its detector with the calibration in use.
        limit: of the decision.
        sensor: checks the microphone against the training sound of this model.
        normal_levels: mean levels of the training sound, hundredths of a decibel, [bands]; None where levels are
            normalised, or the bundle does not hold them.
    """

    version: str
    scorer: Scorer
    limit: Limit
    sensor: SensorCheck
    normal_levels: Centibels | None = None


def load_session_model(plan: MonitorPlan, site: Site) -> SessionModel:
    """Load the model of a plan.

    Raises:
        ModelError: the bundle cannot be used.
        ConfigError: the budget cannot be kept.
    """
    bundle = open_bundle(site.models_dir / plan.bundle)
    return model_of_bundle(versions.version_of(bundle.path), bundle, plan, site.state_dir)


def model_of_bundle(version: str, bundle: Bundle, plan: MonitorPlan, state_dir: Path) -> SessionModel:
    """Load a bundle with the calibration in use.

    Args:
        version: label of the model.
        bundle: the folder.
        plan: detector and budget.
        state_dir: where calibrations are kept.

    Raises:
        ModelError: the bundle cannot be used.
        ConfigError: the budget cannot be kept.
    """
    model = load_model(bundle, (plan.detector,), state_dir=state_dir, machine=plan.machine)
    own = model.scorer(plan.detector)
    scorer = with_calibration_in_use(own, state_dir, plan.machine, versions.version_of(bundle.path))
    limit = scorer.calibration.limit(plan.false_alarms_per_day)
    return SessionModel(version, scorer, limit, model.sensor_check(), _normal_levels(bundle, model.front_end))


def policy_of(site: Site, machine: str) -> Policy:
    """Return the alarm policy of a machine from the site file."""
    settings = site.machines.get(machine)
    return Policy() if settings is None else Policy(**settings.alarm.model_dump())


def _normal_levels(bundle: Bundle, front_end: FrontEnd) -> Centibels | None:
    """Return the mean levels that the encoder starts from: those of the training sound."""
    mean = read_calibration(bundle).get("encoder", {}).get("mean")
    if front_end.level_normalise or not isinstance(mean, list) or len(mean) != front_end.bands:
        return None
    return np.array(mean, dtype=np.int32)
