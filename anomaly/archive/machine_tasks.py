"""Scoring of each machine of a run: its bundle, and the settings that a site file gives it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from anomaly.archive.results.run_settings import PartSettings
from anomaly.archive.scoring_task import ScoringTask
from anomaly.bundle import find_bundle
from anomaly.config.site import Site


@dataclass(frozen=True)
class MachineTasks:
    """Scoring of the machines of a run.

    Args:
        default: settings of the command line; its bundle is that of the only machine, or unused.
        models: folder of the bundles.
        site: machines with settings of their own; None without a site file.
        only: name of the only machine; None in a run for several.
    """

    default: ScoringTask
    models: Path
    site: Site | None = None
    only: str | None = None

    def tasks(self, machines: Iterable[str]) -> dict[str, ScoringTask]:
        """Return the scoring of each machine.

        Raises:
            ConfigError: a machine has no bundle.
        """
        return {machine: self._task(machine) for machine in sorted(machines)}

    def settings(self, tasks: Mapping[str, ScoringTask]) -> PartSettings:
        """Return the settings that the rows of these tasks depend on."""
        default = self.default
        return PartSettings(
            {machine: _described(task, default) for machine, task in tasks.items()},
            default.detector,
            default.false_alarms_per_day,
            default.channel,
            default.per_second,
        )

    def _task(self, machine: str) -> ScoringTask:
        if self.only is not None:
            return self.default
        found = None if self.site is None else self.site.machines.get(machine)
        if self.site is None or found is None:
            return replace(self.default, bundle=find_bundle(machine, self.models))
        return replace(
            self.default,
            bundle=find_bundle(self.site.bundle_of(machine), self.models),
            detector=found.detector,
            false_alarms_per_day=found.false_alarms_per_day,
            channel=found.channel,
        )


def _described(task: ScoringTask, default: ScoringTask) -> str:
    """Return the version of a bundle, with the settings in which its machine differs from the others."""
    names = ("detector", "false_alarms_per_day", "channel")
    own = [f"{name} {getattr(task, name)}" for name in names if getattr(task, name) != getattr(default, name)]
    return f"{task.version} ({', '.join(own)})" if own else task.version
