"""Names of the detectors that are installed: the built-in ones, and those that other packages register.

A package registers a detector by an entry point of the group ``anomaly.detectors``; its name is the detector's name
(`anomaly.detect.detectors.registry` loads it). Reading the names imports none of these packages.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from anomaly.errors import ConfigError, UsageError

BUILT_IN_DETECTORS = ("student", "teacher")
ENTRY_POINT_GROUP = "anomaly.detectors"


def detector_names() -> tuple[str, ...]:
    """Return the names of all installed detectors, the built-in ones first."""
    registered = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return (*BUILT_IN_DETECTORS, *sorted(registered - set(BUILT_IN_DETECTORS)))


def detector_entry_point(name: str) -> EntryPoint | None:
    """Return the entry point that registers a detector, or None for a built-in or unknown one.

    Raises:
        ConfigError: several packages register the name.
    """
    found = [] if name in BUILT_IN_DETECTORS else list(entry_points(group=ENTRY_POINT_GROUP, name=name))
    if len({point.value for point in found}) > 1:
        packages = ", ".join(sorted(point.dist.name if point.dist else point.value for point in found))
        raise ConfigError(
            f"several packages register a detector {name!r}", where=packages, hint="uninstall all but one"
        )
    return found[0] if found else None


def check_detector_name(name: str) -> str:
    """Return ``name`` if a detector of this name is installed.

    Raises:
        UsageError: there is none; the hint lists those that there are.
    """
    known = detector_names()
    if name not in known:
        raise UsageError(
            f"there is no detector {name!r}", where="--detector", hint=f"one of {', '.join(known)}"
        )
    return name
