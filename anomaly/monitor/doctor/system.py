"""The computer: Python, packages, disk, clock."""

from __future__ import annotations

import ctypes
import importlib
import platform
import shutil
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from anomaly import atomic
from anomaly.config import Site
from anomaly.errors import ConfigError
from anomaly.monitor.doctor.finding import CheckResult, failed

# What the core cannot do without: name of the distribution, and the module that proves that it works here.
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
_LITTLE_MIB, _TOO_LITTLE_MIB = 1024, 64
_FIRST_YEAR = 2026
# From linux/timex.h: the state of a clock that nobody disciplines, and room for struct timex on every processor.
_TIME_ERROR, _TIMEX_BYTES = 5, 512


def python() -> Iterator[CheckResult]:
    """The interpreter."""
    bits = 8 * struct.calcsize("P")
    words = f"Python {platform.python_version()}, {platform.machine()}, {bits} bit"
    if bits < 64:
        yield CheckResult(
            "python.version", "warn", words, "use a 64-bit system: the packages are built for those"
        )
    else:
        yield CheckResult("python.version", "ok", words)


def packages(site: Site) -> Iterator[CheckResult]:
    """Each package of the core is there and loads; so are those that the site asks for."""
    wanted = dict(CORE)
    if site.metrics is not None:
        wanted["prometheus-client"] = "prometheus_client"
    broken = False
    for name, module in wanted.items():
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:
            broken = True
            remedy = f"pip install {name}"
            if name == "sounddevice":
                remedy = "apt-get install libportaudio2, or pip install sounddevice"
            yield CheckResult("python.packages", "fail", f"{name} cannot be loaded: {error}", remedy)
    if not broken:
        yield CheckResult("python.packages", "ok", ", ".join(f"{name} {_version(name)}" for name in wanted))


def disk(site: Site) -> Iterator[CheckResult]:
    """There is room for the database and for clips, and the folder may be written."""
    folder = site.state_dir
    try:
        atomic.check_writable(folder, "--state, or state_dir in site.yaml")
    except ConfigError as error:
        yield failed("disk.state", error)
        return
    free_mib = shutil.disk_usage(_existing(folder)).free / _MIB
    words = f"{free_mib:,.0f} MiB free for {folder}"
    needed = max(_LITTLE_MIB, site.clips.free_mib)
    if free_mib < _TOO_LITTLE_MIB:
        yield CheckResult("disk.state", "fail", words, "make room: nothing can be stored soon")
    elif free_mib < needed:
        remedy = f"make room: below {site.clips.free_mib:g} MiB no clips are kept"
        yield CheckResult("disk.state", "warn", words, remedy)
    else:
        yield CheckResult("disk.state", "ok", words)


def clock() -> Iterator[CheckResult]:
    """Cases carry times: the clock is to be kept right by somebody."""
    now = datetime.now(UTC)
    words = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.year < _FIRST_YEAR:
        yield CheckResult("clock.time", "fail", words, "set the clock: `timedatectl set-ntp true`")
        return
    synchronised = _synchronised()
    if synchronised is None:
        yield CheckResult("clock.time", "warn", f"{words}; whether it is kept right cannot be told here")
    elif synchronised:
        yield CheckResult("clock.time", "ok", f"{words}, synchronised")
    else:
        remedy = "`timedatectl set-ntp true`, or install chrony; in a container, on its host"
        yield CheckResult("clock.time", "warn", f"{words}, not synchronised", remedy)


def _synchronised() -> bool | None:
    """What the kernel says of its clock; None where it cannot be asked."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return None
    state = int(adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))  # modes 0: only read
    return None if state < 0 else state != _TIME_ERROR


def _existing(folder: Path) -> Path:
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return there


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(no metadata)"
