"""Many viewers of a live stream at once, in a process of their own.

python -m lib.web.viewers HOST PORT MACHINE COUNT SECONDS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time


async def _watch(host: str, port: int, machine: str, until_s: float, delays: list[float]) -> int:
    """Follow the stream; return the number of events, and add the delay of each picture."""
    reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    writer.write(f"GET /api/v1/live?machine={machine} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    name, events = "", 0
    try:
        while (left_s := until_s - time.time()) > 0:
            try:
                line = await asyncio.wait_for(reader.readline(), left_s)
            except TimeoutError:
                break
            if not line:
                break
            if line.startswith(b"event: "):
                name, events = line[7:].strip().decode(), events + 1
            elif name == "mel" and line.startswith(b"data: "):
                facts = json.loads(line[6:])
                if facts.get("levels"):
                    delays.append(time.time() - facts["time_s"])
    finally:
        writer.close()
    return events


async def watch_all(host: str, port: int, machine: str, count: int, seconds: float) -> dict[str, float]:
    """Let viewers watch for some seconds; return the number of their events and the delays of the pictures."""
    delays: list[float] = []
    until_s = time.time() + seconds
    events = await asyncio.gather(*(_watch(host, port, machine, until_s, delays) for _ in range(count)))
    delays.sort()
    if not delays:
        return {"viewers": 0, "events": sum(events)}
    return {
        "viewers": sum(number > 0 for number in events),
        "events": sum(events),
        "pictures": len(delays),
        "median_ms": 1_000 * delays[len(delays) // 2],
        "p99_ms": 1_000 * delays[int(0.99 * (len(delays) - 1))],
        "most_ms": 1_000 * delays[-1],
    }


if __name__ == "__main__":
    _, host, port, machine, count, seconds = sys.argv
    print(json.dumps(asyncio.run(watch_all(host, int(port), machine, int(count), float(seconds)))))
