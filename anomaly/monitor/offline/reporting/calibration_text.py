"""Text of `anomaly calibrate`: the calibration in use, the false alarms it can promise, and the list of versions."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.detect.calibration.base import BaseCalibration
from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.promise import BUDGET_PER_DAY, false_alarm_promise
from anomaly.detect.calibration.versions import CalibrationVersion, Source
from anomaly.monitor.offline.reporting.next_steps import next_steps
from anomaly.readable import duration, local_time, rate
from anomaly.store.cases.case import unix_s


def version_text(
    machine: str,
    version: CalibrationVersion,
    added: Source,
    *,
    before: Calibration,
    after: Calibration,
    number_before: int,
    options: str = "",
    details: bool = False,
) -> list[str]:
    """Lines about a version that has just been made.

    Args:
        machine: its name.
        version: in use now.
        added: the new sound in it.
        before: calibration in use before.
        after: calibration of the version.
        number_before: version in use before; 0 for the bundle's own.
        options: folders and detector of the command line, which the next commands need too.
        details: limits and bounds too.
    """
    sound = f"{duration(added.seconds)} of {'' if version.alone else 'new '}normal sound"
    alone = " alone" if version.alone and len(version.sources) == 1 else ""
    return [
        f"calibration {version.number} of {machine} is in use, with {sound}{alone}.",
        false_alarm_promise(after).sentence(),
        "A running monitor takes it up within seconds.",
        *(_figures(before, after) if details else []),
        *next_steps(
            [
                (
                    f"anomaly replay --machine {machine} --calibration {version.number}{options}",
                    "cases that it would still open, on the last day's scores",
                ),
                (
                    f"anomaly calibrate --machine {machine} --revert {number_before}{options}",
                    "back to the one before",
                ),
            ]
        ),
    ]


def base_text(made: BaseCalibration) -> list[str]:
    """Lines about the first calibration of a detector for which the bundle holds none."""
    return [
        f"the {made.detector} of {made.machine} is calibrated.",
        false_alarm_promise(made.calibration).sentence(),
    ]


def versions_text(versions: Sequence[CalibrationVersion], current: int, bundle: str) -> list[str]:
    """List of the versions; * marks the one in use.

    Args:
        versions: oldest first.
        current: number in use; 0 is the bundle's own.
        bundle: version of the bundle in use.
    """
    lines = [f"{'*' if current == 0 else ' '} 0  the bundle's own"]
    for version in versions:
        mark = "*" if version.number == current else " "
        added = duration(sum(source.seconds for source in version.sources))
        other = "" if version.bundle == bundle else "  (of another bundle: not used)"
        made_at = local_time(unix_s(version.created_at))
        lines.append(
            f"{mark} {version.number}  {made_at}  {version.by}  {added} added  {version.reason}{other}"
        )
    return lines


def _figures(before: Calibration, after: Calibration) -> list[str]:
    limits = [calibration.limit(BUDGET_PER_DAY).value for calibration in (before, after)]
    return [
        f"limit of the decision for {rate(BUDGET_PER_DAY, 'false alarm')}: {limits[0]:.1f} before, {limits[1]:.1f} now",
        f"bound by the sound alone: {after.supported_per_day:,.0f} a day (95 %, rule of three); a limit for fewer "
        "is extrapolated",
    ]
