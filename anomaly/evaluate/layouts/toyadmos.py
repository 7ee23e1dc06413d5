"""File names of ToyADMOS and ToyADMOS2, which have naming schemes of their own.

ToyADMOS (arXiv 1908.03299) has ``case1/NormalSound_IND/1100010001_ToyCar_case1_normal_IND_ch1_0001.wav`` and
``case1/AnomalousSound_IND/1101010001_ToyCar_case1_ab01_IND_ch1_0001.wav``: case 1 to 4 are machines of a kind, ``ab01``
a fault, ``ch1`` to ``ch4`` microphones of the same take. ``EnvironmentalNoise_CNT`` is no machine.

ToyADMOS2 (arXiv 2106.02369) has ``CN001-carA1-speed1_mic1_00001`` and ``CA001-carA1-speed1-a-damageL_mic1_00001``:
C a car, T a train, N normal, A anomalous, ``A1`` the machine, ``a`` the fault, ``L`` the severity; ``N1_mic1_00001`` is
noise. Files written by the authors' mixer have the names of DCASE 2021.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_FIRST = re.compile(
    r"\d+_[A-Za-z]+_(?P<case>case(?P<section>\d+))_(?P<state>normal|ab\d+)_(?P<kind>IND|CNT)_ch\d+_(?P<take>\d+)",
    re.IGNORECASE,
)
_SECOND = re.compile(
    r"(?P<take>[CT](?P<state>[NA])\d+-(?:car|train)(?P<section>[A-Z]\d+)-speed\d+"
    r"(?:-(?P<fault>[a-z]+))?(?:-damage[A-Z]+)?)_mic\d+_(?P<number>\d+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ToyName:
    """Fields parsed from a name of ToyADMOS.

    Attributes:
        label: normal or anomaly.
        fault: the fault's code, such as ``ab01`` or ``a``.
        recording: equal for the microphones of one take.
        section: number of the machine among its like.
    """

    label: Literal["normal", "anomaly"]
    fault: str | None
    recording: str
    section: str


def parse_toy_name(stem: str) -> ToyName | None:
    """Parse a name without its suffix; None if it is of neither scheme.

    Example:
        >>> read_toy_name("CA001-carA1-speed1-a-damageL_mic2_00003")
        ToyName(label='anomaly', fault='a', recording='CA001-carA1-speed1-a-damageL_00003', section='A1')
    """
    if first := _FIRST.fullmatch(stem):
        state = first["state"].lower()
        fault = None if state == "normal" else state
        recording = "_".join([first["case"].lower(), state, first["kind"].upper(), first["take"]])
        return ToyName("anomaly" if fault else "normal", fault, recording, first["section"])
    if second := _SECOND.fullmatch(stem):
        anomalous = second["state"].upper() == "A"
        fault = second["fault"].lower() if anomalous and second["fault"] else None
        recording = f"{second['take']}_{second['number']}"
        return ToyName("anomaly" if anomalous else "normal", fault, recording, second["section"])
    return None
