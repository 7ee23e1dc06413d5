"""Checks of the site: its file, bundles, database, sinks, and the monitors that run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from anomaly import workspace
from anomaly.alerts.sinks import build_sinks, configured_sinks
from anomaly.bundle import open_bundle
from anomaly.config import Site, find_file, load_site
from anomaly.detect.model import check_model
from anomaly.errors import AnomalyError, ConfigError, ModelError
from anomaly.monitor.doctor.finding import CheckResult, failed
from anomaly.store.file_lock import FileLock
from anomaly.store.reader import PageRequest, StoreReader
from anomaly.store.rows import DeliveryCount
from anomaly.store.schema import MIGRATIONS
from anomaly.store.store import DATABASE_NAME

_STALE_S = 60.0
_NEWEST = PageRequest(newest_first=True, limit=1)


def config(path: Path | None) -> tuple[Site | None, CheckResult]:
    """The site file, if it can be read."""
    try:
        file = find_file(path)
        if file is None:
            return None, CheckResult("site.config", "ok", "no site.yaml: the defaults hold")
        site = load_site(file)
        for sink in build_sinks(site):
            sink.close()
    except AnomalyError as error:
        return None, failed("site.config", error)
    return site, CheckResult(
        "site.config", "ok", f"{file}: {len(site.machines)} machines, {len(site.sinks.names)} sinks"
    )


def bundles(site: Site) -> Iterator[CheckResult]:
    """Each bundle that the site needs, or that is there, verifies: every byte, and the decoded bitstream."""
    wanted = {machine.model or name for name, machine in site.machines.items()}
    if not os.path.isdir(site.models_dir):
        yield _no_folder(site.models_dir)
        return
    names = sorted(wanted | set(workspace.machines(site.models_dir)))
    if not names:
        words = f"no bundle in {site.models_dir}"
        yield CheckResult("site.bundles", "fail", words, _TRAIN, ModelError.exit_code)
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


_TRAIN = "`anomaly train --machine NAME`, or name the folder with --models, models_dir or ANOMALY_MODELS"


def _no_folder(models: Path) -> CheckResult:
    words = "is no folder" if os.path.lexists(models) else "there is no such folder of bundles"
    return CheckResult("site.bundles", "fail", f"{models}: {words}", _TRAIN, ConfigError.exit_code)


def database(site: Site) -> Iterator[CheckResult]:
    """The database is sound, of a schema that this program knows, and its messages leave."""
    path = site.state_dir / DATABASE_NAME
    if os.path.isfile(path):
        yield from _stored(path)
    elif os.path.lexists(path) or (os.path.lexists(site.state_dir) and not os.path.isdir(site.state_dir)):
        yield CheckResult("site.database", "fail", f"{path}: something else is in its way", _ELSEWHERE)
    else:
        yield CheckResult("site.database", "ok", f"none yet at {path}; the monitor makes it")


def _stored(path: Path) -> Iterator[CheckResult]:
    reader = StoreReader(path)
    try:
        schema = reader.schema_version
        damage = reader.damage()
        known = schema <= MIGRATIONS[-1].version
        counts = reader.delivery_counts() if damage is None and known else []
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
        words = f"{path} has schema {schema}, of a newer anomaly"
        yield CheckResult("site.database", "fail", words, "update anomaly")
        return
    words = f"{path}: sound, schema {schema}, {path.stat().st_size:,} bytes"
    yield CheckResult("site.database", "ok", words)
    yield _messages([row for row in counts if row.status == "pending"])
    for row in counts:
        if row.status == "dead":
            yield _dead_letters(row, dead[row.sink][0].error)


_ELSEWHERE = "name another folder with --state, state_dir in site.yaml or ANOMALY_STATE"
_SET_ASIDE = "restart the monitor: it sets a damaged file aside and carries open cases over"


def _messages(pending: list[DeliveryCount]) -> CheckResult:
    if not pending:
        return CheckResult("site.messages", "ok", "none waits for delivery")
    age_s = time.time() - min(row.oldest_s for row in pending)
    waiting = sum(row.count for row in pending)
    words = f"{waiting} wait for delivery, the oldest for {age_s / 60:.0f} min"
    if age_s > 10 * _STALE_S:
        return CheckResult("site.messages", "warn", words, "see whether the sinks below can be reached")
    return CheckResult("site.messages", "ok", words)


def _dead_letters(row: DeliveryCount, error: str | None) -> CheckResult:
    messages = "1 message is a dead letter" if row.count == 1 else f"{row.count} messages are dead letters"
    words = f"{messages}: the sink has refused them for good, the newest with: {error}"
    remedy = (
        f"correct account or address of the sink; `anomaly alerts test {row.sink}` shows whether it confirms"
    )
    return CheckResult(f"site.dead-letters.{row.sink}", "warn", words, remedy)


def sinks(site: Site) -> Iterator[CheckResult]:
    """Each sink's other side answers. Nothing is sent: `anomaly alerts test NAME` does that."""
    for sink in configured_sinks(site):
        check = f"site.sink.{sink.name}"
        try:
            words = sink.probe()
        except AnomalyError as error:
            yield failed(check, error)
        except Exception as error:  # a probe of another package: its bug is no reason to end the examination
            words = f"the probe of kind {sink.kind!r} failed: {type(error).__name__}: {error}"
            yield CheckResult(check, "fail", words, "update the package of this kind, or see its author")
        else:
            yield CheckResult(check, "ok", f"{words}; `anomaly alerts test {sink.name}` sends a test message")


def monitors(site: Site) -> Iterator[CheckResult]:
    """Which machines are being watched, and whether seconds arrive."""
    path = site.state_dir / DATABASE_NAME
    for lock_file in sorted(site.state_dir.glob("monitor-*.lock")):
        machine = lock_file.name.removeprefix("monitor-").removesuffix(".lock")
        lock = FileLock(lock_file)
        try:
            free = lock.acquire(wait=False)
        except AnomalyError as error:
            yield failed(f"site.monitor.{machine}", error, "warn")
            continue
        lock.release()
        if free:
            yield CheckResult(f"site.monitor.{machine}", "ok", "not running")
        else:
            yield _last_second(machine, path)


def _last_second(machine: str, path: Path) -> CheckResult:
    check = f"site.monitor.{machine}"
    try:
        newest = StoreReader(path).last_score(machine)
    except AnomalyError as error:
        return CheckResult(check, "warn", f"runs, but its scores cannot be read: {error}")
    age_s = None if newest is None else time.time() - newest.time_s
    if age_s is None or age_s > _STALE_S:
        words = "runs, but has stored no score" + ("" if age_s is None else f" for {age_s:.0f} s")
        return CheckResult(check, "warn", words, "see its log, and `anomaly cases list` for the microphone")
    return CheckResult(check, "ok", f"runs; its newest score is {max(0.0, age_s):.0f} s old")
