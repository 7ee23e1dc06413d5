"""Checks of the computer: Python, packages, disk, clock."""

from __future__ import annotations

import ctypes
import importlib
import platform
import struct
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from anomaly import atomic
from anomaly.config import Site
from anomaly.detect.detectors.registry import detector_kind
from anomaly.detector_names import detector_names
from anomaly.disk_space import disk_fault, free_bytes
from anomaly.errors import AnomalyError, ConfigError
from anomaly.monitor.doctor.check_result import CheckResult, failed
from anomaly.readable import local_time

# Packages of the core: name of the distribution, and a module whose import shows that it works here.
CORE = {
    "numpy": "numpy",
    "scipy": "scipy.fft",
    "soundfile": "soundfile",
    "sounddevice": "sounddevice",
    "PyYAML": "yaml",
    "pydantic": "pydantic",
    "onnxruntime": "onnxruntime",
    "paho-mqtt": "paho.mqtt.client",
    "httpx": "httpx",
    "cryptography": "cryptography.hazmat.primitives.asymmetric.ed25519",
}
_MIB = 2**20
# A year of one machine takes a few hundred MiB without clips; the last MiB go to the write-ahead log.
_WARN_BELOW_MIB, _FAIL_BELOW_MIB = 1024, 64
# 2026-01-01: a computer without a battery for its clock starts in an earlier year.
_EARLIEST_S = 1_767_225_600.0
# From linux/timex.h: state of a clock that is not disciplined, and room for struct timex on every processor.
_TIME_ERROR, _TIMEX_BYTES = 5, 512


def python() -> Iterator[CheckResult]:
    """Check the interpreter."""
    bits = 8 * struct.calcsize("P")
    message = f"Python {platform.python_version()}, {platform.machine()}, {bits} bit"
    if bits < 64:
        yield CheckResult(
            "python.version", "warn", message, "use a 64-bit system: the packages are built for those"
        )
    else:
        yield CheckResult("python.version", "ok", message)


def packages(site: Site) -> Iterator[CheckResult]:
    """Check that each package of the core loads, and those that the site needs."""
    required = dict(CORE)
    if site.metrics is not None:
        required["prometheus-client"] = "prometheus_client"
    broken = False
    for name, module in required.items():
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:
            broken = True
            remedy = f"pip install {name}"
            if name == "sounddevice":
                remedy = "apt-get install libportaudio2, or pip install sounddevice"
            yield CheckResult("python.packages", "fail", f"{name} cannot be loaded: {error}", remedy)
    if not broken:
        yield CheckResult("python.packages", "ok", ", ".join(f"{name} {_version(name)}" for name in required))


def detectors() -> Iterator[CheckResult]:
    """List the installed detectors, and check that those of other packages can be imported."""
    broken = False
    for name in detector_names():
        try:
            detector_kind(name)
        except AnomalyError as error:
            broken = True
            remedy = f"repair or uninstall the package that registers {name}"
            yield CheckResult("python.detectors", "warn", str(error), remedy)
    if not broken:
        yield CheckResult("python.detectors", "ok", ", ".join(detector_names()))


def disk(site: Site) -> Iterator[CheckResult]:
    """Check that there is room for the database and for clips, and that the folder can be written."""
    folder = site.state_dir
    try:
        atomic.check_writable(folder, "--state, or state_dir in site.yaml")
    except ConfigError as error:
        fault = disk_fault(folder, error.message) if folder.is_dir() else None
        if fault is None:
            yield failed("disk.state", error)
        else:
            yield CheckResult("disk.state", "fail", fault.text, fault.remedy, ConfigError.exit_code)
        return
    free_mib = free_bytes(folder) / _MIB
    message = f"{free_mib:,.0f} MiB free for {folder}"
    needed = max(_WARN_BELOW_MIB, site.clips.free_mib)
    if free_mib < _FAIL_BELOW_MIB:
        yield CheckResult("disk.state", "fail", message, "make room: nothing can be stored soon")
    elif free_mib < needed:
        remedy = f"make room: below {site.clips.free_mib:g} MiB no clips are kept"
        yield CheckResult("disk.state", "warn", message, remedy)
    else:
        yield CheckResult("disk.state", "ok", message)


def clock() -> Iterator[CheckResult]:
    """Check the clock, because cases carry times: it must be synchronised."""
    now_s = time.time()
    message = local_time(now_s)
    if now_s < _EARLIEST_S:
        yield CheckResult("clock.time", "fail", message, "set the clock: `timedatectl set-ntp true`")
        return
    synchronised = _synchronised()
    if synchronised is None:
        yield CheckResult("clock.time", "warn", f"{message}; synchronisation cannot be checked here")
    elif synchronised:
        yield CheckResult("clock.time", "ok", f"{message}, synchronised")
    else:
        remedy = "`timedatectl set-ntp true`, or install chrony; in a container, on its host"
        yield CheckResult("clock.time", "warn", f"{message}, not synchronised", remedy)


def _synchronised() -> bool | None:
    """Return whether the kernel reports its clock as synchronised; None where it does not report."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return None
    state = int(adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))  # modes 0: only read
    return None if state < 0 else state != _TIME_ERROR


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(no metadata)"
