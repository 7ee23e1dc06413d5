"""Every command line in the pages of this repository names commands and options that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from anomaly.cli import build

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page for folder in (".", "docs", "deploy", "models", "data") for page in (ROOT / folder).glob("*.md")
)
# To the end of the code, of the line, or to what explains it.
LINE = re.compile(
    r"(?:^|[`(|=] ?|\b[A-Z_]+=\S+ )anomaly +([a-z][^`\n|]*?)(?=`|\n|\||$|  +\S| +#)", re.MULTILINE
)
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")


def lines(page: Path) -> Iterator[str]:
    """The commands in code, in blocks and between the words."""
    for number, part in enumerate(re.split(r"^```.*$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)):
        for span in [part] if number % 2 else re.findall(r"`[^`]+`", part):
            yield from (
                found.strip() for found in LINE.findall(span.replace("\n", " " if number % 2 == 0 else "\n"))
            )


def wrong(line: str, command: Any) -> str | None:
    """Return the commands and options of a line that do not exist."""
    words = line.split()
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        if name.startswith("-"):
            break
        if name not in command.commands:
            return name if name.isidentifier() else None
        command = command.commands[name]
    known = {"--help"} | {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    return next((option for option in OPTION.findall(" ".join(words)) if option not in known), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_documented_is_there(page: Path) -> None:
    whole = typer.main.get_command(build())
    assert [(line, name) for line in lines(page) if (name := wrong(line, whole))] == []


def test_mistakes_are_found_and_most_lines_too() -> None:
    whole = typer.main.get_command(build())
    assert wrong("data simulte --machine pump", whole) == "simulte"
    assert wrong("train --machine pump --epochs 3", whole) == "--epochs"
    assert wrong("chip convert NETWORK OUT [--fit]", whole) is None
    assert sum(1 for page in PAGES for _ in lines(page)) > 80
