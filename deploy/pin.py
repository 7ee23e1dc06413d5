"""Write constraints.txt: the installed version of every package that ``anomaly[all]`` requires.

Run it as ``make pins`` after changing the dependencies in pyproject.toml and installing them by hand.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TARGET = Path(__file__).with_name("constraints.txt")
BUILD = ("pip", "setuptools")
HEADER = "# Versions that the tests ran with; names and versions only. Written by `make pins`.\n"


def closure(requirement: Requirement, found: dict[str, str], done: set[tuple[str, str]]) -> None:
    """Add the installed versions of a requirement and of its dependencies to ``found``.

    Raises:
        SystemExit: a package is required but not installed.
    """
    name = canonicalize_name(requirement.name)
    new = {(name, extra) for extra in ("", *requirement.extras)} - done
    if not new:
        return
    done |= new
    try:
        installed = distribution(name)
    except PackageNotFoundError as error:
        raise SystemExit(f"{name} is required but not installed: install it, then run this again") from error
    found[name] = installed.version
    for line in installed.requires or []:
        inner = Requirement(line)
        if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for _, extra in new):
            closure(inner, found, done)


def main() -> None:
    """Write the constraints file."""
    found: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    for name in ("anomaly[all]", *BUILD):
        closure(Requirement(name), found, done)
    del found["anomaly"]
    TARGET.write_text(
        HEADER + "".join(f"{package}=={version}\n" for package, version in sorted(found.items()))
    )


if __name__ == "__main__":
    main()
