"""Cases as CSV and XLSX: every column, text of others as text, times as times."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime

import openpyxl

from anomaly.alerts.case_export import COLUMNS, to_csv, to_xlsx
from anomaly.store.cases.case import Case

MakeCase = Callable[..., Case]
LATER = "2027-01-15T09:30:00.500Z"


def example(make_case: MakeCase) -> Case:
    asset = {"display_name": "Förderpumpe", "location": "=HYPERLINK(1)", "criticality": "high"}
    case = make_case(peak_score=4.5, min_p_value=1e-5, severity=2, asset=asset, summary='"A tone", 3.2 kHz')
    return case.assigned("+ann").closed(LATER, "outer-race", "replaced")


def test_csv(make_case: MakeCase) -> None:
    case = example(make_case)
    data = to_csv([case, make_case("fan")])
    assert data.startswith(b"\xef\xbb\xbfid,machine,")
    first, second = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert tuple(first) == COLUMNS
    assert (first["id"], first["machine"], first["display_name"]) == (case.id, "pump", "Förderpumpe")
    assert (first["location"], first["assigned_to"]) == ("'=HYPERLINK(1)", "'+ann")
    assert (first["severity"], first["urgency"], first["peak_score"]) == ("major", "6", "4.5")
    assert (first["state"], first["closed_at"], first["finding"]) == ("closed", LATER, "outer-race")
    assert first["summary"] == '"A tone", 3.2 kHz'
    assert (second["machine"], second["closed_at"], second["peak_score"]) == ("fan", "", "")


def test_xlsx(make_case: MakeCase) -> None:
    case = example(make_case)
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx([case, make_case("fan")])))["cases"]
    head, first, second = sheet.iter_rows(values_only=True)
    assert [str(name).removesuffix(" (UTC)") for name in head] == list(COLUMNS)
    row = dict(zip(COLUMNS, first, strict=True))
    assert (row["id"], row["location"], row["assigned_to"]) == (case.id, "=HYPERLINK(1)", "+ann")
    assert sheet.cell(2, COLUMNS.index("location") + 1).data_type == "s"
    assert (row["urgency"], row["peak_score"], row["min_p_value"]) == (6, 4.5, 1e-5)
    closed = row["closed_at"]
    assert isinstance(closed, datetime)
    assert closed.replace(microsecond=0) == datetime(2027, 1, 15, 9, 30)
    assert second[COLUMNS.index("closed_at")] is None


def test_no_cases_are_a_table_without_rows() -> None:
    assert to_csv([]).decode("utf-8-sig").splitlines() == [",".join(COLUMNS)]
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx([])))["cases"]
    assert sheet.max_row == 1
