"""Facts of a machine from the site file, for messages in words."""

from __future__ import annotations

from anomaly.alerts.wording.case_text import MachineFacts
from anomaly.config import Site


def machine_facts(site: Site | None, machine: str) -> MachineFacts:
    """Return the facts of a machine; none of one that the site file does not name."""
    settings = None if site is None else site.machines.get(machine)
    if settings is None:
        return MachineFacts()
    return MachineFacts(
        name=settings.display_name,
        place=settings.location,
        false_alarms_per_day=settings.false_alarms_per_day,
    )
