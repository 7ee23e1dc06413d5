"""Links between the pages of this repository lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def pages() -> list[Path]:
    folders = (ROOT, ROOT / "docs", ROOT / "data", ROOT / "models", ROOT / "benchmarks", ROOT / "deploy")
    return sorted(page for folder in folders for page in folder.glob("*.md"))


def broken_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not (page.parent / target).exists():
            yield f"{page.relative_to(ROOT)} → {target}"


def test_links_lead_somewhere() -> None:
    found = pages()
    assert ROOT / "docs" / "architecture.md" in found
    assert [link for page in found for link in broken_links(page)] == []
