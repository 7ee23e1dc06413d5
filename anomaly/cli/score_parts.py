"""``anomaly score --out FOLDER --format parquet``: archives of any size, in parts, on all processors or a cluster."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from anomaly.archive.executors import Executor
    from anomaly.archive.machine_tasks import MachineTasks
    from anomaly.archive.result_counts import ResultCounts
    from anomaly.archive.scoring_task import ScoringTask
    from anomaly.archive.shard_task import ShardTask
    from anomaly.archive.sources.listing import ArchiveListing, ListingOptions

FORMATS = ("auto", "parquet", "tables")
# From so many files on Parquet is the default: the other tables are written when the last file is done.
AUTO_PARQUET_FILES = 1_000
# Fewer files are done before processes and compiled code have started.
_SERIAL_FILES = 100


@dataclass
class Selection:
    """Choice of machines, times and places on the command line.

    Args:
        task: settings of the scoring.
        models: folder of the bundles, if it is named.
        site: site file.
        machine_pattern: machine in the paths.
        time_pattern: time in the names.
        endpoint: address of an object store.
    """

    task: ScoringTask
    models: Path | None
    site: Path | None
    machine_pattern: str | None
    time_pattern: str | None
    endpoint: str | None

    @cached_property
    def machines(self) -> MachineTasks:
        """Scoring of the machines of the run."""
        from anomaly.archive.machine_tasks import MachineTasks
        from anomaly.config.site import load_site
        from anomaly.workspace import models_dir

        site = None if self.site is None else load_site(self.site)
        folder = site.models_dir if site is not None and self.models is None else models_dir(self.models)
        several = site is not None or self.machine_pattern is not None
        return MachineTasks(self.task, folder, site, None if several else self.task.bundle.resolve().name)

    def listing_options(self) -> ListingOptions:
        """Return the options of the listing."""
        from anomaly.archive.sources.listing import ListingOptions
        from anomaly.archive.sources.naming import MachineNames, TimePattern, machine_pattern

        site = self.machines.site
        names = MachineNames(
            self.machines.only,
            None if self.machine_pattern is None else machine_pattern(self.machine_pattern),
            None if site is None else frozenset(site.machines),
        )
        times = None if self.time_pattern is None else TimePattern(self.time_pattern)
        return ListingOptions(names, times, self.endpoint)

    def shard_task(self, listing: ArchiveListing, *, compiled: bool = False) -> ShardTask:
        """Return the scoring of the files of a listing."""
        from anomaly.archive.shard_task import ShardTask

        return ShardTask(self.machines.tasks(listing.machines), self.endpoint, compiled)


def listing_of(paths: list[str], list_file: str | None, selection: Selection) -> ArchiveListing:
    """List the files of the words of the command line and of a list.

    Raises:
        UsageError: there is no word at all.
        InputError: a word leads nowhere, or the list cannot be read.
    """
    from anomaly.archive.sources.listing import ArchiveListing, words_of_list
    from anomaly.errors import InputError, UsageError

    words = list(paths)
    if list_file == "-":
        words += words_of_list(sys.stdin)
    elif list_file is not None:
        try:
            with open(list_file, encoding="utf-8", errors="surrogateescape") as file:
                words += words_of_list(file)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=list_file) from error
    if not words:
        raise UsageError("there is nothing to score", hint="name recordings or folders, or --list FILE")
    listing = ArchiveListing(words, selection.listing_options())
    if (message := listing.skipped.message()) is not None:
        print(message, file=sys.stderr)
    return listing


def wants_parquet(table_format: str, out: Path | None, files: int, *, printed: bool) -> bool:
    """Return whether the tables are Parquet: as asked, as in the folder already, or by the number of files.

    Raises:
        UsageError: there is no such format, or rows were to be printed as well.
    """
    from importlib.util import find_spec

    from anomaly.archive.earlier_run import RUN_JSON
    from anomaly.archive.results.run_settings import MANIFEST_JSON
    from anomaly.errors import UsageError

    if table_format not in FORMATS:
        raise UsageError(f"is {table_format!r}, not one of {', '.join(FORMATS)}", where="--format")
    if table_format == "parquet" and printed:
        raise UsageError("does not go with --json or --jsonl", where="--format parquet")
    if table_format != "auto" or out is None or printed:
        return table_format == "parquet" and out is not None
    if (out / MANIFEST_JSON).exists() or (out / RUN_JSON).exists():
        return (out / MANIFEST_JSON).exists()
    return files > AUTO_PARQUET_FILES and find_spec("pyarrow") is not None


def score_parts(
    listing: ArchiveListing,
    selection: Selection,
    out: Path,
    workers: int | None,
    cluster: str | None,
    resume: bool,
    retry_errors: bool,
) -> ResultCounts | None:
    """Score the files that have no row yet; return the counts of this run, None where nothing was new.

    Raises:
        Exit: Ctrl-C was pressed; what is done is kept.
    """
    from anomaly.archive.parts_run import score_into_parts
    from anomaly.archive.results.result_folder import ResultFolder
    from anomaly.archive.results.run_settings import check_unused
    from anomaly.archive.run_progress import RunProgress
    from anomaly.archive.stop_request import stop_on_interrupt
    from anomaly.readable import count

    if not resume:
        check_unused(out)
    task = selection.shard_task(listing, compiled=len(listing) >= _SERIAL_FILES)
    folder = ResultFolder(out, selection.machines.settings(task.tasks))
    known = folder.known(without_errors=retry_errors)
    new = sum(file not in known for file in listing) if len(known) else len(listing)
    if new < len(listing):
        print(f"{len(listing) - new} of {count(len(listing), 'file')} are in {out} already", file=sys.stderr)
    if not new:
        folder.finish()
        print("nothing new", file=sys.stderr)
        return None
    folder.begin()
    executor = _executor(workers, cluster, new)
    with stop_on_interrupt() as stop, RunProgress(new) as progress:
        function = _portable(task) if cluster is not None else task
        counts = score_into_parts(
            listing, function, folder, executor, known=known, stop=stop, on_part=progress
        )
    print(counts.summary(), file=sys.stderr)
    if counts.files < new:
        print(f"ended early: {counts.files} of {new} files are done, and kept in {out};", file=sys.stderr)
        print("  the same command goes on with the rest", file=sys.stderr)
        raise typer.Exit(130)
    print(f"wrote {folder.finish().parent}", file=sys.stderr)
    return counts


def _portable(task: ShardTask) -> Any:
    from anomaly.archive.cluster.portable_task import portable

    return portable(task)


def _executor(workers: int | None, cluster: str | None, files: int) -> Executor:
    from anomaly.archive.executors import ProcessPool, SerialExecutor

    if cluster is not None:
        from anomaly.archive.cluster.dask_executor import DaskExecutor

        return DaskExecutor(cluster)
    if workers == 1 or (workers is None and files < _SERIAL_FILES):
        return SerialExecutor()
    return ProcessPool(workers)
