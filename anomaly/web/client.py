"""Client of the HTTP API for Python programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from anomaly.errors import RemoteError

_TIMEOUT_S = 30.0


class Client:
    """Client of one server; use it as a context manager.

    Args:
        url: of the server, such as ``http://127.0.0.1:8421``.
        token: of a program, from the server's file of tokens.
        name: of a user, in place of a token.
        password: of that user.
        http: in place of a client of httpx.

    Example::

        with Client("http://127.0.0.1:8421") as client:
            worst = client.machines()[0]
            for case in client.cases(machine=worst["machine"], state="open"):
                client.acknowledge(case["id"], note="on my way")

    Raises:
        RemoteError: the server cannot be reached, or refuses; so do all methods.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        name: str | None = None,
        password: str | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT_S) if http is None else http
        self._url = url
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._csrf: str | None = None
        if name is not None:
            self._csrf = self._send("POST", "/login", json={"name": name, "password": password or ""})["csrf"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return what a path below ``/api/v1`` holds."""
        return self._send("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Carry out an action; return its result."""
        return self._send("POST", path, json=dict(body or {}), headers=self._action_headers())

    def machines(self) -> list[dict[str, Any]]:
        """Return all machines, the worst first."""
        found: list[dict[str, Any]] = self.get("/machines")
        return found

    def scores(
        self,
        machine: str,
        *,
        since_s: float | None = None,
        until_s: float | None = None,
        resolution: str | None = None,
    ) -> dict[str, Any]:
        """Return the score of a machine over time, in columns."""
        query = {"from": since_s, "to": until_s, "resolution": resolution}
        found: dict[str, Any] = self.get(f"/machines/{machine}/scores", **query)
        return found

    def cases(self, *, machine: str | None = None, state: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield cases, the newest first, page by page."""
        page: str | None = None
        while True:
            found = self.get("/cases", machine=machine, state=state, page=page)
            yield from found["items"]
            page = found["next"]
            if page is None:
                return

    def acknowledge(self, case: str, note: str = "") -> dict[str, Any]:
        """Record that somebody knows of a case."""
        found: dict[str, Any] = self.post(f"/cases/{case}/acknowledge", {"note": note})
        return found

    def score(self, recording: Path, machine: str, *, per_second: bool = False) -> dict[str, Any]:
        """Score a WAV file, as ``anomaly score`` does."""
        headers = {"Content-Type": "audio/wav", **self._action_headers()}
        query = {"machine": machine, "per_second": str(per_second).lower()}
        content = recording.read_bytes()
        found: dict[str, Any] = self._send("POST", "/score", params=query, content=content, headers=headers)
        return found

    def live(self, machine: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield name and content of each event of the live stream."""
        query = {} if machine is None else {"machine": machine}
        timeout = httpx.Timeout(_TIMEOUT_S, read=60.0)
        try:
            with self._http.stream(
                "GET", "/api/v1/live", params=query, headers=self._headers, timeout=timeout
            ) as answer:
                if answer.is_error:
                    answer.read()
                    raise self._refused(answer)
                name = "message"
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        yield name, json.loads(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            raise RemoteError(f"cannot be reached: {error}", where=self._url) from error

    def _action_headers(self) -> dict[str, str]:
        """Return the CSRF token of the session; a program with a token needs none."""
        if "Authorization" in self._headers:
            return {}
        if self._csrf is None:
            self._csrf = self.get("/site")["csrf"]
        return {"X-CSRF-Token": self._csrf or ""}

    def _send(self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
        try:
            answer = self._http.request(
                method, f"/api/v1{path}", headers={**self._headers, **(headers or {})}, **options
            )
        except httpx.HTTPError as error:
            raise RemoteError(f"cannot be reached: {error}", where=self._url) from error
        if answer.is_error:
            raise self._refused(answer)
        return answer.json()

    def _refused(self, answer: httpx.Response) -> RemoteError:
        try:
            said = answer.json()["error"]
            message, hint = str(said["message"]), said["hint"]
        except (ValueError, KeyError, TypeError):
            message, hint = answer.text[:200], None
        return RemoteError(f"{answer.status_code}: {message}", where=self._url, hint=hint)
