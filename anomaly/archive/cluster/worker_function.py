"""Function of a run in a Dask worker: it arrives once for each worker, also one that joins or restarts later."""

from __future__ import annotations

import copy
import platform
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from anomaly import __version__
from anomaly.errors import RemoteError
from anomaly.extras import needs

# Packages whose versions may change the last bit of a score.
_PACKAGES = ("numpy", "scipy", "numba", "soundfile", "soxr")

_functions: dict[str, Callable[[Any], Any]] = {}
_of_thread = threading.local()


def versions() -> dict[str, str]:
    """Return the versions of all that a score depends on, on this computer."""
    found = {"anomaly": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def worker_plugin(name: str, function: Callable[[Any], Any], expected: Mapping[str, str]) -> Any:
    """Return a plugin of Dask that keeps the function of a run in each worker.

    Args:
        name: of the run.
        function: applied to items.
        expected: versions on the computer that began the run; a worker with others is refused.
    """
    # Loaded here: Dask is part of an extra, and brings packages that scoring must not load.
    with needs("cluster"):
        from distributed import WorkerPlugin

    class FunctionPlugin(WorkerPlugin):
        idempotent = True

        def setup(self, worker: Any) -> None:
            check_versions(expected, versions(), str(getattr(worker, "address", "worker")))
            keep_function(name, function)

        def teardown(self, worker: Any) -> None:
            forget_function(name)

    return FunctionPlugin()


def keep_function(name: str, function: Callable[[Any], Any]) -> None:
    """Keep the function of a run in this process."""
    _functions[name] = function


def forget_function(name: str) -> None:
    """Forget the function of a run."""
    _functions.pop(name, None)


def check_versions(expected: Mapping[str, str], found: Mapping[str, str], where: str) -> None:
    """Compare versions.

    Raises:
        RemoteError: one differs.
    """
    different = [
        f"{name} {found.get(name)} (here {own})" for name, own in expected.items() if found.get(name) != own
    ]
    if different:
        hint = "install the same versions on all workers, or scores could differ in their last digits"
        raise RemoteError(f"has other versions: {', '.join(different)}", where=where, hint=hint)


def call(name: str, item: Any) -> Any:
    """Apply the function of a run in this worker; each of its threads has a copy, because a detector has a state."""
    own: dict[str, Callable[[Any], Any]] = _of_thread.__dict__
    if name not in own:
        own.clear()
        own[name] = copy.deepcopy(_functions[name])
    return own[name](item)
