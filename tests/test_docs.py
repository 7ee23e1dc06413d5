"""Pages of this repository: links have targets, and the glossary has the terms that are used."""

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


def test_links_have_targets() -> None:
    found = pages()
    assert ROOT / "docs" / "architecture.md" in found
    assert [link for page in found for link in broken_links(page)] == []


def glossary_terms() -> list[str]:
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows[2:]]


def project_text() -> str:
    code = [path for room in ("anomaly", "chip", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    docs = [page for page in pages() if page.name != "glossary.md"]
    text = " ".join(path.read_text(encoding="utf-8") for path in [*code, *docs])
    # A term may be broken at the end of a line, and joined by a hyphen or an underscore.
    return re.sub(r"[\s_#-]+", " ", text).lower()


def test_glossary_terms_occur_in_the_code_or_the_docs() -> None:
    text = project_text()
    terms = glossary_terms()
    assert len(terms) > 80
    words = [re.escape(term.lower().replace("-", " ")) for term in terms]
    assert [word for word in words if not re.search(rf"\b{word}(e?s)?\b", text)] == []


def test_glossary_is_in_alphabetical_order() -> None:
    terms = [term.lower().replace("-", " ") for term in glossary_terms()]
    assert terms == sorted(terms)
