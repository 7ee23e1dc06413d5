"""All checks, in the order in which one would mend things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anomaly.config import Site, find_site
from anomaly.errors import ConfigError
from anomaly.monitor.doctor import site as of_site
from anomaly.monitor.doctor import sound, system
from anomaly.monitor.doctor.finding import CheckResult


def examine(
    config: Path | None = None, *, models: Path | None = None, state: Path | None = None
) -> Iterator[CheckResult]:
    """Look at everything; each finding comes as soon as it is known.

    Args:
        config: the site file; default: as for every command.
        models: folder of the bundles, in place of the site's.
        state: folder of the database, in place of the site's.
    """
    yield from system.python()
    found, finding = of_site.config(config)
    yield finding
    site = found or _defaults()
    changes = {"models_dir": models, "state_dir": state}
    site = site.model_copy(update={key: value for key, value in changes.items() if value is not None})
    yield from system.packages(site)
    yield from system.disk(site)
    yield from system.clock()
    yield from sound.permissions()
    yield from sound.inputs(site)
    yield from of_site.bundles(site)
    yield from of_site.database(site)
    yield from of_site.sinks(site)
    yield from of_site.monitors(site)


def _defaults() -> Site:
    """The site without its file, so that a mistake in it does not hide everything else."""
    try:
        return find_site(Path("/dev/null"))
    except ConfigError:
        return Site()
