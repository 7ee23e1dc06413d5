"""Executor on a Dask cluster: one that runs elsewhere, or processes of this computer."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from anomaly.archive.cluster.worker_function import call, check_versions, versions, worker_plugin
from anomaly.errors import AnomalyError, RemoteError
from anomaly.extras import needs

Item = TypeVar("Item")
Result = TypeVar("Result")

LOCAL = "local"
_LOOPBACK = "127.0.0.1"
_CONNECT_S = 20.0
# Time for the first worker of a cluster that is just starting.
_FIRST_WORKER_S = 60.0
# Items submitted ahead, for each thread of the cluster: one in work and one waiting.
_SUBMITTED_PER_THREAD = 2


class DaskExecutor:
    """Applies a function on the workers of a cluster.

    The function is sent to each worker once. A worker that is lost does not end the run: the scheduler gives its items
    to others, and its results count once, because only this process writes them.

    Args:
        address: of the scheduler, such as ``tcp://scheduler:8786``, or ``local`` for processes of this computer.
        processes: number of local ones; default: one per processor.
    """

    def __init__(self, address: str = LOCAL, processes: int | None = None) -> None:
        self._address, self._processes = address, processes

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
        """Yield ``function(item)`` for each item, in order.

        Raises:
            RemoteError: no scheduler or worker answers, or a worker has other versions.
        """
        with self._client() as client:
            name = f"anomaly-{uuid.uuid4().hex}"
            ahead = _prepare(client, name, function) * _SUBMITTED_PER_THREAD
            submitted = _submit_each(client, name, items)
            waiting = deque(islice(submitted, ahead))
            while waiting:
                yield _result(waiting.popleft())
                waiting.extend(islice(submitted, 1))

    @contextmanager
    def _client(self) -> Iterator[Any]:
        with needs("cluster"):
            import distributed
        library: Any = distributed
        cluster: Any = None
        try:
            if self._address == LOCAL:
                cluster = library.LocalCluster(
                    self._processes,
                    threads_per_worker=1,
                    host=_LOOPBACK,
                    dashboard_address=f"{_LOOPBACK}:0",
                    worker_dashboard_address=f"{_LOOPBACK}:0",
                )
                target: Any = cluster
            else:
                target = self._address
            client = library.Client(target, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            hint = "start one with `dask scheduler` and `dask worker ADDRESS`"
            raise RemoteError(f"no scheduler answers: {error}", where=self._address, hint=hint) from error
        try:
            yield client
        finally:
            client.close()
            if cluster is not None:
                cluster.close()


def _prepare(client: Any, name: str, function: Callable[[Any], Any]) -> int:
    """Check the workers, send them the function, and return the number of their threads.

    Raises:
        RemoteError: there is no worker, or one has other versions.
    """
    try:
        client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
    except TimeoutError as error:
        raise RemoteError("has no worker", where="cluster", hint="start `dask worker ADDRESS`") from error
    try:
        found = client.run(versions)
        for worker, own in found.items():
            check_versions(versions(), own, str(worker))
        client.register_plugin(worker_plugin(name, function, versions()), name=name)
    except AnomalyError:
        raise
    except Exception as error:  # whatever a worker raises that lacks this program
        hint = "install the same version of anomaly on all workers"
        raise RemoteError(f"cannot be used: {error}", where="a worker of the cluster", hint=hint) from error
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))


def _submit_each(client: Any, name: str, items: Iterable[Any]) -> Iterator[Any]:
    """Yield the future of each item; an error of the items is the last future, so that it keeps its place."""
    try:
        for item in items:
            yield client.submit(call, name, item, pure=False)
    except Exception as error:
        yield error


def _result(future: Any) -> Any:
    if isinstance(future, Exception):
        raise future
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        hint = "its workers were killed again and again: give them more memory, or look at their logs"
        raise RemoteError("lost the same files several times", where="cluster", hint=hint) from error
