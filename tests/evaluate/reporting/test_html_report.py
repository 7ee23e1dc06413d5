from html.parser import HTMLParser
from pathlib import Path

import pytest

from anomaly.errors import ConfigError
from anomaly.evaluate.reporting.html_report import ReportSection, write_report
from anomaly.evaluate.reporting.plots import confusion


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def test_page_holds_everything(tmp_path: Path) -> None:
    picture = confusion(1, 2, 3, 4)
    page = write_report(
        tmp_path / "report",
        "Pump <1>",
        [
            ReportSection("How well", "One.\n\nTwo & <b>three</b>.", picture),
            ReportSection(
                "Per fault", rows=[["fault", "AUC", "clips"], ["rub", 0.98765, 1500], ["leak", None, True]]
            ),
        ],
        summary="Ten minutes.",
        figures={"AUC": 0.5, "neurons": 657},
    )
    reader = read(page)
    for words in (
        "Pump <1>",
        "Two & <b>three</b>.",
        "0.988",
        "1,500",
        "–",
        "yes",
        "Ten minutes.",
        "657",
        "0.500",
    ):
        assert words in reader.text
    # Nothing is fetched: the page can be mailed and opened from disk.
    assert [link[:22] for link in reader.links] == ["data:image/png;base64,"]
    assert (tmp_path / "report" / "pictures" / "01-how-well.png").read_bytes() == picture


def test_many_sections_get_links_that_lead_somewhere(tmp_path: Path) -> None:
    page = write_report(tmp_path, "Long", [ReportSection(f"Part {i}") for i in range(5)])
    text = page.read_text()
    for link in read(page).links:
        assert f'id="{link[1:]}"' in text


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    write_report(tmp_path, "One", [])
    write_report(tmp_path, "Two", [])
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert "Two" in (tmp_path / "index.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "mine.txt"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_report(tmp_path / "file" / "report", "One", [])
