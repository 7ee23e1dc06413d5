"""Text of `anomaly status`: one line per machine, the worst first, then sinks, disk and database."""

from __future__ import annotations

from anomaly.monitor.status.site_status import DiskStatus, SiteStatus
from anomaly.monitor.status.stored_facts import DatabaseStatus

_MIB = 2**20


def status_text(status: SiteStatus) -> list[str]:
    """Return the lines for people; times are local."""
    lines = [machine.text(status.time_s) for machine in status.machines]
    lines += [_line("sink", sink.text(status.time_s)) for sink in status.sinks]
    if not status.sinks:
        lines.append(_line("sink", "none: alerts are stored and sent to nobody"))
    return [*lines, _line("disk", _disk(status.disk)), _line("database", _database(status.database))]


def _line(name: str, text: str) -> str:
    return f"{name:<8} {text}"


def _disk(disk: DiskStatus) -> str:
    if disk.fault is not None:
        return str(disk.fault)
    low = "; too little: no clips are kept, make room" if disk.low else ""
    return f"{disk.free_bytes / _MIB:,.0f} MiB free for {disk.path}{low}"


def _database(database: DatabaseStatus) -> str:
    if database.memory is not None:
        return f"in memory ({database.memory}), which a restart of the computer loses: {database.fault}"
    if database.is_stale:
        return f"{database.path} may be out of date: {database.fault}"
    if database.error is not None:
        return f"cannot be read: {database.error}"
    if database.bytes is None:
        return f"none yet at {database.path}; the monitor makes it"
    return f"{database.path}, {database.bytes / _MIB:,.1f} MiB"
