"""Geometry of common bearing types, with its source.

Makers change the number and size of balls of a type without changing its name. The match of frequencies allows for a
deviation of two percent; who knows the geometry of the bearing that is fitted should give it instead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from anomaly.config.facts.bearing_geometry import BearingGeometry

_CWRU = "Case Western Reserve University bearing data center"
_SPECTRAQUEST = "SpectraQuest machinery fault simulator, data sheet of its rotor bearings"
_USUAL = (
    "usual inner design, pitch diameter as mean of bore and outside diameter (ISO 15); check with the maker"
)


class BearingType(NamedTuple):
    """A type of bearing and where its geometry comes from."""

    geometry: BearingGeometry
    source: str


def _usual(
    balls: int, ball_mm: float, bore_mm: float, outside_mm: float, contact_deg: float = 0
) -> BearingType:
    return BearingType(BearingGeometry(balls, ball_mm, (bore_mm + outside_mm) / 2, contact_deg), _USUAL)


TYPES: Mapping[str, BearingType] = MappingProxyType(
    {
        "608": _usual(7, 3.969, 8, 22),
        "6000": _usual(7, 4.762, 10, 26),
        "6001": _usual(8, 4.762, 12, 28),
        "6002": _usual(9, 4.762, 15, 32),
        "6200": _usual(8, 4.762, 10, 30),
        "6201": _usual(7, 5.953, 12, 32),
        "6202": _usual(8, 5.953, 15, 35),
        "6203": BearingType(BearingGeometry(8, 6.7462, 28.4988), _CWRU),
        "6204": _usual(8, 7.938, 20, 47),
        "6205": BearingType(BearingGeometry(9, 7.94, 39.04), _CWRU),
        "6206": _usual(9, 9.525, 30, 62),
        "6207": _usual(9, 11.112, 35, 72),
        "6208": _usual(9, 11.906, 40, 80),
        "6209": _usual(9, 12.7, 45, 85),
        "6210": _usual(10, 12.7, 50, 90),
        "6211": _usual(10, 14.288, 55, 100),
        "6212": _usual(10, 15.875, 60, 110),
        "6304": _usual(7, 9.525, 20, 52),
        "6305": _usual(7, 11.509, 25, 62),
        "6306": _usual(8, 12.303, 30, 72),
        "6307": _usual(8, 13.494, 35, 80),
        "6308": _usual(8, 15.081, 40, 90),
        "6309": _usual(8, 17.462, 45, 100),
        "6310": _usual(8, 19.05, 50, 110),
        "6311": _usual(8, 20.638, 55, 120),
        "6312": _usual(8, 22.225, 60, 130),
        "6313": _usual(8, 23.812, 65, 140),
        "6314": _usual(8, 25.4, 70, 150),
        "7209": _usual(14, 11.9, 45, 85, 40),
        "ER-10K": BearingType(BearingGeometry(8, 7.9375, 33.4772), _SPECTRAQUEST),
        "ER-12K": BearingType(BearingGeometry(8, 7.9375, 33.4772), _SPECTRAQUEST),
        "ER-16K": BearingType(BearingGeometry(9, 7.9375, 38.5064), _SPECTRAQUEST),
        "UER204": BearingType(BearingGeometry(8, 7.92, 34.55), "XJTU-SY bearing data sets"),
        "ZA-2115": BearingType(
            BearingGeometry(16, 8.407, 71.501, 15.17), "IMS bearing data, NASA repository"
        ),
    }
)
"""Types by designation."""

_SUFFIX = re.compile(
    r"[-/ ]?(2RS1?|RS1?|2Z|ZZ|Z|DDU|LLU|C[2-5]|N|NR|JEM|SKF|FAG|NSK|NTN)\b.*$", re.IGNORECASE
)


def bearing_type(name: str) -> BearingType:
    """Return a type by its designation; suffixes of seals, clearance and maker do not matter.

    Raises:
        ValueError: the table does not hold it.
    """
    wanted = _plain(_SUFFIX.sub("", name.strip()))
    for known, found in TYPES.items():
        if _plain(known) == wanted:
            return found
    near = difflib.get_close_matches(name.strip().upper(), TYPES, 3) or list(TYPES)
    words = "did you mean" if len(near) <= 3 else "known:"
    raise ValueError(
        f"unknown bearing type {name!r} ({words} {', '.join(near)}); or give balls, ball_mm, pitch_mm, contact_deg"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s-]", "", name).upper()
