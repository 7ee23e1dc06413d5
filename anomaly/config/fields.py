"""Types of the values in a site file; those of other packages' sinks are made of the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo

from anomaly.detector_names import detector_names
from anomaly.errors import AnomalyError
from anomaly.workspace import machine_name


def _checked_name(name: str) -> str:
    try:
        return machine_name(name)
    except AnomalyError as error:
        raise ValueError(f"{error.message}: {error.hint}") from error


def _installed_detector(name: str) -> str:
    known = [repr(one) for one in detector_names()]
    if repr(name) not in known:
        raise ValueError(f"must be {', '.join(known[:-1])} or {known[-1]}")
    return name


def _from_folder_of_file(path: Path, info: ValidationInfo) -> Path:
    folder = info.context["folder"] if info.context else Path()
    return Path(folder) / path.expanduser()


def host_and_port(text: str) -> str:
    """Return ``text`` if it names a host and a port.

    Raises:
        ValueError: it does not.
    """
    host, _, port = text.strip().rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 <= int(port) <= 65535:
        raise ValueError("must be an address and a port, such as 127.0.0.1:9464")
    return f"{host}:{int(port)}"


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Location = Annotated[Path, AfterValidator(_from_folder_of_file)]
"""A path; a relative one starts at the folder of the site file."""
Name = Annotated[str, AfterValidator(_checked_name)]
"""A name that can be part of a file name and of an MQTT topic."""
Detector = Annotated[str, AfterValidator(_installed_detector)]
Address = Annotated[str, AfterValidator(host_and_port)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
