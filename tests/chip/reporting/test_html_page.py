"""HTML report: self-contained, escaped, with the reason for missing pictures."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from chip.arch import ArchSpec
from chip.compiler import Compiled, compile_network
from chip.reporting.html_page import page, report_files
from chip.reporting.pictures import PICTURES
from chip.reporting.report import full_report
from chip.rules import Finding
from chip.testing import random_network

VOID = {"meta", "img"}


@pytest.fixture(scope="module")
def compiled(senna: ArchSpec) -> Compiled:
    return compile_network(random_network(senna, seed=2), senna)


class Balance(HTMLParser):
    """Parser that checks that every tag that opens closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(text: str) -> Balance:
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    return balance


def test_page_is_self_contained(compiled: Compiled, senna: ArchSpec) -> None:
    pytest.importorskip("matplotlib")
    files, missing = report_files(compiled, senna)
    assert missing is None
    assert set(files) == {"report.html", "report.txt", *PICTURES}
    text = files["report.html"]
    assert isinstance(text, str)
    links = parsed(text).links
    assert len(links) == len(PICTURES)
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert not re.search(r"<script|@import|url\(", text)
    for words in ("Use of the chip", "Design rules", "NeuroBench", "Side by side", "decoded and compared"):
        assert words in text
    assert "compiled in" in files["report.txt"]


def test_page_lists_every_parameter_with_its_source(compiled: Compiled, senna: ArchSpec) -> None:
    text = page(compiled, full_report(compiled.network, senna, step_hz=125), {}, None)
    for key, parameter in senna.parameters():
        assert f"<td>{key}</td>" in text
        assert f'<td class="{parameter.provenance}">' in text
    parsed(text)


def test_labels_are_escaped(compiled: Compiled, senna: ArchSpec) -> None:
    evil = "<script>alert(1)</script>"
    arch = senna.model_copy(update={"title": evil})
    content = full_report(compiled.network, arch, step_hz=125)
    finding = Finding("dangling", "warning", f"neuron 1 ({evil})", "a", "b", "c")
    content["findings"] = [dataclasses.asdict(finding)]
    text = page(compiled, content, {}, f"because {evil}")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 4
    parsed(text)
