"""Random damage of a database's files: pages of every table and index, header, free list, log and shared memory.

The damage is done from outside, as a failing disk, a cable or a careless person does it.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

PAGE = 4096
_SECTOR = 512
_HEADER = 100
_FREE_TRUNK_AT = 32
_INTERIOR = (2, 5)
_LOG_HEADER, _FRAME_HEADER = 32, 24


def damage(path: Path, rng: random.Random) -> str:
    """Damage one of the files of a database; return what was done, "" if there is none to damage.

    Args:
        path: the database.
        rng: decides.
    """
    end = rng.choices(("", "-wal", "-shm"), (0.76, 0.16, 0.08))[0]
    part = path.with_name(f"{path.name}{end}")
    if not part.exists() or part.stat().st_size == 0:
        end, part = "", path
    if not part.exists() or part.stat().st_size == 0:
        return ""
    size = part.stat().st_size
    if rng.random() < 0.05:
        length = rng.choice((0, rng.randrange(size), rng.randrange(size) // PAGE * PAGE))
        with part.open("r+b") as file:
            file.truncate(length)
        return f"cut{end} at {length} of {size}"
    if end and rng.random() < 0.1:
        part.unlink()
        return f"removed{end}"
    if end:
        return _damage_log(part, end, rng)
    return ", ".join(_damage_page(part, rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))


def _damage_log(part: Path, end: str, rng: random.Random) -> str:
    """Damage the header or a frame of the log, or a block of the shared memory."""
    size = part.stat().st_size
    if rng.random() < 0.2:
        place, length = 0, min(_LOG_HEADER, size)
    elif end == "-wal":
        frame = PAGE + _FRAME_HEADER
        place = _LOG_HEADER + rng.randrange(max(1, (size - _LOG_HEADER) // frame)) * frame
        length = min(frame, size - place)
    else:
        place = rng.randrange(size) // _SECTOR * _SECTOR
        length = min(rng.choice((_SECTOR, PAGE)), size - place)
    return f"{end[1:]} at {place}: {_overwrite(part, place, max(1, length), rng)}"


def _damage_page(path: Path, rng: random.Random) -> str:
    data = path.read_bytes()
    names = {name: tree for name, root in _roots(path).items() if (tree := _tree(data, root))}
    kind, free = rng.random(), _free_pages(data)
    if kind < 0.12:
        name, page = "header", 1
    elif kind < 0.2 and free:
        name, page = "free list", rng.choice(free)
    elif kind < 0.9 and names:
        name = rng.choice(sorted(names))
        page = names[name][0] if rng.random() < 0.3 else rng.choice(names[name])
    else:
        name, page = "any", rng.randrange(max(1, len(data) // PAGE)) + 1
    place, length = (page - 1) * PAGE, PAGE
    if name == "header" and rng.random() < 0.5:
        length = _HEADER
    length = min(length, len(data) - place)
    if length <= 0:
        return ""
    return f"{name} page {page}: {_overwrite(path, place, length, rng)}"


def _overwrite(path: Path, place: int, length: int, rng: random.Random) -> str:
    """Overwrite a block of a file in one of several ways; return its name."""
    size = path.stat().st_size
    with path.open("r+b") as file:

        def read(at: int) -> bytes:
            file.seek(at)
            return file.read(length)

        def write(at: int, content: bytes) -> None:
            file.seek(at)
            file.write(content)

        own = read(place)
        if not own:
            return "nothing"  # the file was replaced meanwhile
        other = rng.randrange(max(1, size // PAGE)) * PAGE if length == PAGE else place
        kind = rng.choice([*_CONTENTS, "bits", "swapped", "copied"])
        if kind == "swapped":
            found = read(other)
            write(place, found)
            write(other, own[: len(found)])
        elif kind == "copied":
            write(place, read(other))
        else:
            write(place, _CONTENTS[kind](own, rng))
    return kind


def _flipped(own: bytes, rng: random.Random) -> bytes:
    content = bytearray(own)
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def _scratched(own: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(own))
    noise = rng.randbytes(min(rng.randint(1, 64), len(own) - at))
    return own[:at] + noise + own[at + len(noise) :]


def _torn(own: bytes, rng: random.Random) -> bytes:
    """A page of which only the first sectors were written; the others hold something else."""
    at = rng.randrange(0, len(own), _SECTOR)
    return own[:at] + rng.choice((bytes(len(own) - at), rng.randbytes(len(own) - at)))


_CONTENTS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "noise": lambda own, rng: rng.randbytes(len(own)),
    "zeros": lambda own, _: bytes(len(own)),
    "bits": _flipped,
    "scratched": _scratched,
    "torn": _torn,
}


def _roots(path: Path) -> dict[str, int]:
    """First pages of all tables and indexes, as far as the file can still say."""
    found: dict[str, int] = {}
    with (
        suppress(sqlite3.Error, UnicodeDecodeError),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection,
    ):
        for name, root in connection.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0"):
            found[str(name)] = int(root)
    return found


def _tree(data: bytes, root: int) -> list[int]:
    """Pages of a table or an index, the root first."""
    pages = [root] if 0 < root <= len(data) // PAGE else []
    for page in pages:  # grows
        at = (page - 1) * PAGE + (_HEADER if page == 1 else 0)
        if data[at] not in _INTERIOR:
            continue
        count = min(_number(data, at + 3, 2), (PAGE - _HEADER) // 2)
        cells = [(page - 1) * PAGE + _number(data, at + 12 + 2 * i, 2) for i in range(count)]
        children = [_number(data, cell, 4) for cell in cells] + [_number(data, at + 8, 4)]
        pages += [p for p in dict.fromkeys(children) if 0 < p <= len(data) // PAGE and p not in pages]
    return pages


def _free_pages(data: bytes) -> list[int]:
    """Pages of the free list: trunks and leaves."""
    trunk, found = _number(data, _FREE_TRUNK_AT, 4), list[int]()
    while 0 < trunk <= len(data) // PAGE and trunk not in found:
        at = (trunk - 1) * PAGE
        count = min(_number(data, at + 4, 4), PAGE // 4 - 2)
        found += [trunk, *(_number(data, at + 8 + 4 * i, 4) for i in range(count))]
        trunk = _number(data, at, 4)
    return [page for page in found if 0 < page <= len(data) // PAGE]


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
