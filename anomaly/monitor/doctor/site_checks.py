"""Checks of the site: its file, bundles, database, sinks, and running monitors."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from anomaly import workspace
from anomaly.alerts.sinks import build_sinks, configured_sinks
from anomaly.bundle import open_bundle
from anomaly.config import Site, find_file, load_site
from anomaly.detect.model import check_model
from anomaly.errors import AnomalyError, ConfigError, ModelError
from anomaly.monitor.doctor.check_result import CheckResult, failed
from anomaly.store.current import memory_databases
from anomaly.store.database.file_lock import is_held
from anomaly.store.database.rows import DeliveryCount, EventRow
from anomaly.store.database.schema import MIGRATIONS
from anomaly.store.reader import PageRequest, StoreReader
from anomaly.store.store import DATABASE_NAME

_STALE_S = 60.0
_NEWEST = PageRequest(newest_first=True, limit=1)
_RECENT = PageRequest(newest_first=True, limit=5)


def config(path: Path | None) -> tuple[Site | None, CheckResult]:
    """Return the site, if its file can be read, and the result of the check."""
    try:
        file = find_file(path)
        if file is None:
            return None, CheckResult("site.config", "ok", "no site.yaml: the defaults apply")
        site = load_site(file)
        for sink in build_sinks(site):
            sink.close()
    except AnomalyError as error:
        return None, replace(failed("site.config", error), remedy=error.hint or _CONFIG_CHECK)
    return site, CheckResult(
        "site.config", "ok", f"{file}: {len(site.machines)} machines, {len(site.sinks.names)} sinks"
    )


def bundles(site: Site) -> Iterator[CheckResult]:
    """Verify each bundle that the site needs or that is there: every byte, and the decoded bitstream."""
    needed = {machine.model or name for name, machine in site.machines.items()}
    if not os.path.isdir(site.models_dir):
        yield _no_folder(site.models_dir)
        return
    names = sorted(needed | set(workspace.machines(site.models_dir)))
    if not names:
        message = f"no bundle in {site.models_dir}"
        yield CheckResult("site.bundles", "fail", message, _TRAIN, ModelError.exit_code)
    for name in names:
        check = f"site.bundle.{name}"
        try:
            bundle = open_bundle(site.models_dir / name)
            check_model(bundle)
        except AnomalyError as error:
            yield failed(check, error)
        else:
            created = f"{bundle.manifest.created_at:%Y-%m-%d}"
            yield CheckResult(check, "ok", f"whole, of {created}, signature: {bundle.signature}")


_CONFIG_CHECK = "correct the site file; `anomaly config check` names line and key"
_TRAIN = "`anomaly train --machine NAME`, or name the folder with --models, models_dir or ANOMALY_MODELS"


def _no_folder(models: Path) -> CheckResult:
    message = "is no folder" if os.path.lexists(models) else "there is no such folder of bundles"
    return CheckResult("site.bundles", "fail", f"{models}: {message}", _TRAIN, ConfigError.exit_code)


def database(site: Site) -> Iterator[CheckResult]:
    """Check that the database is whole, of a schema that this program knows, and that its messages are delivered."""
    path = site.state_dir / DATABASE_NAME
    yield from _elsewhere(path)
    if os.path.isfile(path):
        yield from _stored(path)
    elif os.path.lexists(path) or (os.path.lexists(site.state_dir) and not os.path.isdir(site.state_dir)):
        yield CheckResult("site.database", "fail", f"{path}: another file is in its place", _ELSEWHERE)
    else:
        yield CheckResult("site.database", "ok", f"none yet at {path}; the monitor makes it")


def _elsewhere(path: Path) -> Iterator[CheckResult]:
    """Report a database that a running monitor keeps in memory because the disk takes nothing."""
    try:
        found = memory_databases(path)
    except AnomalyError:
        return  # it has just been moved to the disk
    for one in found:
        text, _, remedy = one.fault.rpartition("; ")
        message = f"a monitor keeps its database in memory, which a restart of the computer loses: {text}"
        yield CheckResult("site.memory", "fail", message, remedy, ConfigError.exit_code)


def _stored(path: Path) -> Iterator[CheckResult]:
    reader = StoreReader(path)
    try:
        schema = reader.schema_version
        damage = reader.damage()
        known = schema <= MIGRATIONS[-1].version
        counts = reader.delivery_counts() if damage is None and known else []
        replaced = reader.events(_RECENT, name="store.damaged").rows if damage is None and known else ()
        dead = {
            row.sink: reader.dead_letters(_NEWEST, sink=row.sink).rows
            for row in counts
            if row.status == "dead"
        }
    except AnomalyError as error:
        yield CheckResult("site.database", "fail", str(error), _SET_ASIDE)
        return
    if damage is not None:
        yield CheckResult("site.database", "fail", f"{path}: {damage}", _SET_ASIDE)
        return
    if not known:
        message = f"{path} has schema {schema}, of a newer anomaly"
        yield CheckResult("site.database", "fail", message, "update anomaly")
        return
    message = f"{path}: whole, schema {schema}, {path.stat().st_size:,} bytes"
    yield CheckResult("site.database", "ok", message)
    yield from _replaced(replaced)
    yield _messages([row for row in counts if row.status == "pending"])
    for row in counts:
        if row.status == "dead":
            yield _dead_letters(row, dead[row.sink][0].error)


_ELSEWHERE = "name another folder with --state, state_dir in site.yaml or ANOMALY_STATE"
_SET_ASIDE = "a running monitor sets a damaged file aside and carries open cases over; start it"


def _replaced(events: Sequence[EventRow]) -> Iterator[CheckResult]:
    """Report what was lost with each damaged file, while that is still there."""
    for event in events:
        aside = Path(str(event.detail.get("set_aside", "")))
        if not aside.is_file():
            continue
        kept = event.detail.get("carried_over", {})
        message = (
            f"a damaged database was replaced at {event.time}; carried over: {kept.get('cases', 0)} open cases,"
            f" {kept.get('messages', 0)} messages, {kept.get('closed_cases', 0)} closed cases; lost: earlier scores"
            " and events that belong to no case"
        )
        remedy = (
            f"they may be read from {aside} with `sqlite3 {aside} .recover`; delete it when it is not needed"
        )
        yield CheckResult(f"site.database.{aside.name.rpartition('-')[2]}", "warn", message, remedy)


def _messages(pending: list[DeliveryCount]) -> CheckResult:
    if not pending:
        return CheckResult("site.messages", "ok", "none waits for delivery")
    age_s = time.time() - min(row.oldest_s for row in pending)
    waiting = sum(row.count for row in pending)
    message = f"{waiting} wait for delivery, the oldest for {age_s / 60:.0f} min"
    if age_s > 10 * _STALE_S:
        return CheckResult("site.messages", "warn", message, "see the checks of the sinks")
    return CheckResult("site.messages", "ok", message)


def _dead_letters(row: DeliveryCount, error: str | None) -> CheckResult:
    messages = "1 message is a dead letter" if row.count == 1 else f"{row.count} messages are dead letters"
    message = f"{messages}: the sink has refused them for good, the newest with: {error}"
    remedy = (
        f"correct account or address of the sink; `anomaly alerts test {row.sink}` shows whether it confirms"
    )
    return CheckResult(f"site.dead-letters.{row.sink}", "warn", message, remedy)


def sinks(site: Site) -> Iterator[CheckResult]:
    """Check that the receiver of each sink answers; nothing is sent (`anomaly alerts test NAME` does that)."""
    for sink in configured_sinks(site):
        check = f"site.sink.{sink.name}"
        try:
            answer = sink.probe()
        except AnomalyError as error:
            yield failed(check, error)
        except Exception as error:  # a probe of another package: its bug must not end the examination
            message = f"the probe of kind {sink.kind!r} failed: {type(error).__name__}: {error}"
            yield CheckResult(check, "fail", message, "update the package of this kind, or see its author")
        else:
            yield CheckResult(
                check, "ok", f"{answer}; `anomaly alerts test {sink.name}` sends a test message"
            )


def monitors(site: Site) -> Iterator[CheckResult]:
    """Check each machine that has a monitor: it runs, and its scores arrive."""
    path = site.state_dir / DATABASE_NAME
    for lock_file in sorted(site.state_dir.glob("monitor-*.lock")):
        machine = lock_file.name.removeprefix("monitor-").removesuffix(".lock")
        try:
            running = is_held(lock_file)
        except AnomalyError as error:
            yield failed(f"site.monitor.{machine}", error, "warn")
            continue
        if running:
            yield _last_second(machine, path)
        else:
            yield CheckResult(f"site.monitor.{machine}", "ok", "not running")


def _last_second(machine: str, path: Path) -> CheckResult:
    check = f"site.monitor.{machine}"
    try:
        readers = [one.reader for one in memory_databases(path)] or [StoreReader(path)]
        found = [score for reader in readers if (score := reader.last_score(machine)) is not None]
        newest = max(found, key=lambda score: score.time_s, default=None)
    except AnomalyError as error:
        return CheckResult(check, "warn", f"runs, but its scores cannot be read: {error}")
    age_s = None if newest is None else time.time() - newest.time_s
    if age_s is None or age_s > _STALE_S:
        message = "runs, but has stored no score" + ("" if age_s is None else f" for {age_s:.0f} s")
        return CheckResult(
            check, "warn", message, "see its log, and `anomaly cases list` for a case of the microphone"
        )
    return CheckResult(check, "ok", f"runs; its newest score is {max(0.0, age_s):.0f} s old")
