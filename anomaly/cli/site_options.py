"""Site, machine and calibrated detector for the commands `calibrate`, `feedback` and `replay`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomaly.config import Site
    from anomaly.monitor.offline.calibrated_detector import CalibratedDetector


def chosen_site(config: Path | None, models: Path | None, state: Path | None) -> Site:
    """Return the site file with the folders of the command line in it."""
    from anomaly.config import find_site

    changes = {"models_dir": models, "state_dir": state}
    return find_site(config).model_copy(update={k: v for k, v in changes.items() if v is not None})


def chosen_detector(
    config: Path | None, models: Path | None, state: Path | None, machine: str | None, detector: str | None
) -> tuple[Site, str, str]:
    """Return the site, a machine (named, the only one of the site file, or the only bundle), and its detector."""
    from anomaly.detector_names import check_detector_name
    from anomaly.errors import ConfigError
    from anomaly.monitor.options import choose

    chosen = None if detector is None else check_detector_name(detector)
    site = chosen_site(config, models, state)
    if os.path.lexists(site.state_dir) and not os.path.isdir(site.state_dir):
        raise ConfigError("is no folder", where=site.state_dir, hint="name the folder with --state")
    name, settings = choose(site, machine, None, None)
    return site, name, chosen or ("student" if settings is None else settings.detector)


def calibrated_detector(
    config: Path | None, models: Path | None, state: Path | None, machine: str | None, detector: str | None
) -> tuple[Site, CalibratedDetector]:
    """Return the site, and the detector of a machine as `chosen_detector` finds it, with its calibration in use."""
    from anomaly.monitor.offline.calibrated_detector import load_calibrated_detector

    site, name, chosen = chosen_detector(config, models, state, machine, detector)
    folder = site.models_dir / site.bundle_of(name)
    return site, load_calibrated_detector(folder, site.state_dir, name, chosen)
