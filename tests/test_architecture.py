"""docs/architecture.md: walks of at most 15 files, and the files of each room as they are.

python tests/test_architecture.py    adds new files to the lists, and removes those that are gone
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
HEADING = "## Files of each room"
WALKS = ("## One second of sound", "## One network")
ROW = re.compile(r"^\| `(?P<room>[^`]+)` \| (?P<files>.*) \|$", re.MULTILINE)


def rooms() -> dict[str, set[str]]:
    """Names of the Python files in each folder of both packages, without ``__init__``."""
    found: dict[str, set[str]] = {}
    for package in ("anomaly", "chip"):
        for path in (ROOT / package).rglob("*.py"):
            if path.stem not in ("__init__", "__main__"):
                found.setdefault(str(path.parent.relative_to(ROOT)), set()).add(path.stem)
    return found


def listed() -> dict[str, list[str]]:
    """The lists of the page, in their order."""
    text = PAGE.read_text(encoding="utf-8").partition(HEADING)[2]
    return {row["room"]: row["files"].split(", ") for row in ROW.finditer(text)}


def section(heading: str) -> str:
    """The text of one section of the page."""
    text = PAGE.read_text(encoding="utf-8").partition(f"{heading}\n")[2]
    return text.partition("\n## ")[0]


def test_every_file_stands_in_the_list_of_its_room() -> None:
    lists = listed()
    assert {room: sorted(files) for room, files in lists.items()} == {
        room: sorted(files) for room, files in rooms().items()
    }


def test_walks_name_at_most_15_files_in_order() -> None:
    for heading in WALKS:
        numbers = [int(number) for number in re.findall(r"^(\d+)\. ", section(heading), re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert 5 < len(numbers) <= 15


def rewrite() -> None:
    """Rewrite the lists; files keep their places, new ones stand at the end."""
    old, actual = listed(), rooms()
    order = [room for room in old if room in actual]
    order += sorted(room for room in actual if room not in old)
    lines = ["| room | files |", "| --- | --- |"]
    for room in order:
        kept = [file for file in old.get(room, []) if file in actual[room]]
        lines.append(f"| `{room}` | {', '.join(kept + sorted(actual[room] - set(kept)))} |")
    text = PAGE.read_text(encoding="utf-8")
    head, _, tail = text.partition(HEADING)
    words = tail.partition("\n| ")[0].rstrip()
    PAGE.write_text(f"{head}{HEADING}{words}\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    rewrite()
