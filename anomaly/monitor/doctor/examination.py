"""All checks of the doctor, in the order in which failures are best repaired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anomaly.config import Site, find_site
from anomaly.errors import ConfigError
from anomaly.monitor.doctor import answer_checks, site_checks, sound_checks, system_checks
from anomaly.monitor.doctor.check_result import CheckResult


def examine(
    config: Path | None = None, *, models: Path | None = None, state: Path | None = None
) -> Iterator[CheckResult]:
    """Run all checks; each result comes as soon as its check is done.

    Args:
        config: the site file; default: as for every command.
        models: folder of the bundles, in place of the site's.
        state: folder of the database, in place of the site's.
    """
    yield from system_checks.python()
    loaded, result = site_checks.config(config)
    yield result
    site = loaded or _default_site()
    changes = {"models_dir": models, "state_dir": state}
    site = site.model_copy(update={key: value for key, value in changes.items() if value is not None})
    yield from system_checks.packages(site)
    yield from system_checks.detectors()
    yield from system_checks.disk(site)
    yield from system_checks.clock()
    yield from sound_checks.permissions()
    yield from sound_checks.inputs(site)
    yield from site_checks.bundles(site)
    yield from site_checks.database(site)
    yield from site_checks.sinks(site)
    yield from answer_checks.answers(site)
    yield from site_checks.monitors(site)


def _default_site() -> Site:
    """Return the site without its file, so that a mistake in the file does not hide all other results."""
    try:
        return find_site(Path("/dev/null"))
    except ConfigError:
        return Site()
