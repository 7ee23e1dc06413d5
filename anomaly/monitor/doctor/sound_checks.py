"""Checks of sound input: permissions, inputs of this computer, and the microphones and streams of the site."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from anomaly.audio.capture.ffmpeg import is_address
from anomaly.audio.capture.inputs.input_device import InputDevice
from anomaly.audio.capture.inputs.listing import list_inputs
from anomaly.audio.capture.microphone import Microphone
from anomaly.audio.channels import Channel
from anomaly.audio.sensor.health import check_second
from anomaly.config import Site
from anomaly.errors import AnomalyError, DeviceError
from anomaly.monitor.doctor.check_result import CheckResult, failed
from anomaly.store.database.file_lock import is_held

# Linux lists each ALSA capture device here as pcmC<card>D<device>c.
NODES = Path("/dev/snd")
_GROUP = "audio"
# A sound server may take some seconds to open a device that sleeps.
_READ_TIMEOUT_S = 5.0


def permissions(nodes: Path = NODES) -> Iterator[CheckResult]:
    """Check that this user may open sound cards."""
    controls = sorted(nodes.glob("pcm*c")) if nodes.is_dir() else []
    if not controls:
        message = "no sound card here"
        remedy = "plug one in; in a container, pass /dev/snd and the audio group (see deploy/README.md)"
        yield CheckResult("sound.permissions", "warn", message, remedy)
        return
    closed = [node.name for node in controls if not os.access(node, os.R_OK | os.W_OK)]
    if not closed:
        yield CheckResult("sound.permissions", "ok", f"{_user()} may open {len(controls)} sound card inputs")
        return
    message = f"{_user()} may not open {', '.join(closed)}; groups: {', '.join(_groups())}"
    remedy = (
        f"`sudo usermod -aG {_GROUP} {_user()}`, then log in again"
        if _GROUP not in _groups()
        else f"see who owns {closed[0]}: `ls -l {nodes}`"
    )
    yield CheckResult("sound.permissions", "fail", message, remedy, DeviceError.exit_code)


def inputs(site: Site) -> Iterator[CheckResult]:
    """Check the inputs that `anomaly devices` lists, and the microphone or source of each machine of the site."""
    try:
        found = list_inputs()
    except AnomalyError as error:
        yield failed("sound.inputs", error)
        return
    usable = [entry for entry in found if entry.problem is None]
    if usable:
        names = ", ".join(entry.id for entry in usable)
        yield CheckResult("sound.inputs", "ok", f"{len(usable)} inputs: {names}")
    else:
        yield CheckResult("sound.inputs", "warn", _problems(found), "see `anomaly devices`")
    for name, machine in site.machines.items():
        check = f"sound.machine.{name}"
        if machine.device is not None:
            yield _microphone(check, machine.device, machine.channel, site.state_dir / f"monitor-{name}.lock")
        else:
            source = os.environ.get(machine.source_env, "") if machine.source_env else machine.source or ""
            yield _source(check, source, machine.source_env)


def _microphone(check: str, device: str, channel: Channel, lock: Path) -> CheckResult:
    """Open the microphone for a moment, unless a monitor uses it."""
    if lock.is_file() and is_held(lock):
        return CheckResult(check, "ok", f"{device} is in use by a monitor")
    try:
        with Microphone(device, channel=channel) as microphone:
            health = check_second(microphone.read(_READ_TIMEOUT_S).samples)
            message = f"{device} is {microphone.description}, {health.level_dbfs:.0f} dBFS"
    except AnomalyError as error:
        return failed(check, error)
    if health.status == "ok":
        return CheckResult(check, "ok", message)
    return CheckResult(check, "warn", f"{message}: {health.status}", "look at cable, gain and mute switch")


def _source(check: str, source: str, source_env: str | None) -> CheckResult:
    if source_env is not None and not source:
        return CheckResult(check, "fail", f"environment variable {source_env} is empty", f"set {source_env}")
    if is_address(source):
        if shutil.which("ffmpeg") is None:
            remedy = "apt-get install ffmpeg"
            return CheckResult(check, "fail", "a stream needs ffmpeg", remedy, DeviceError.exit_code)
        return CheckResult(check, "ok", "a stream, read by ffmpeg; the connection is not tested")
    if source != "-" and not Path(source).is_file():
        return CheckResult(check, "fail", f"there is no {source}", "correct the path")
    return CheckResult(check, "ok", f"reads {source}")


def _problems(found: list[InputDevice]) -> str:
    problems = [f"{entry.id}: {entry.problem}" for entry in found]
    return "no input can be used" + (f": {'; '.join(problems)}" if problems else "")


def _groups() -> list[str]:
    names = []
    for number in os.getgroups():
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            names.append(str(number))
    return names


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an account for this user number
        return str(os.getuid())
