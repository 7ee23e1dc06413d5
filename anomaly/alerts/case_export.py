"""Cases as a table for spreadsheets: CSV and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from anomaly.extras import needs
from anomaly.store.cases.case import SEVERITIES, Case

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet


def _asset(name: str) -> Callable[[Case], Any]:
    return lambda case: case.asset.get(name)


_CELLS: Mapping[str, Callable[[Case], Any]] = MappingProxyType(
    {
        "id": lambda case: case.id,
        "machine": lambda case: case.machine,
        "display_name": _asset("display_name"),
        "location": _asset("location"),
        "cmms_number": _asset("cmms_number"),
        "criticality": _asset("criticality"),
        "kind": lambda case: case.kind,
        "state": lambda case: case.state.value,
        "severity": lambda case: SEVERITIES[case.severity - 1],
        "urgency": lambda case: case.urgency,
        "opened_at": lambda case: case.opened_at,
        "acknowledged_at": lambda case: case.acknowledged_at,
        "acknowledged_by": lambda case: case.acknowledged_by,
        "assigned_to": lambda case: case.assigned_to,
        "returned_at": lambda case: case.returned_at,
        "closed_at": lambda case: case.closed_at,
        "finding": lambda case: case.finding,
        "action": lambda case: case.action,
        "peak_score": lambda case: case.peak_score,
        "min_p_value": lambda case: case.min_p_value,
        "summary": lambda case: case.summary,
    }
)
COLUMNS = tuple(_CELLS)
"""Names of the columns, in order; new ones are added at the end."""
_TIMES = tuple(name for name in COLUMNS if name.endswith("_at"))
# A spreadsheet takes a cell that begins with one of these for a formula, and would run what somebody wrote as a note.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDTH_CHARACTERS, _TIME_FORMAT = 20, "yyyy-mm-dd hh:mm:ss"


def to_csv(cases: Sequence[Case]) -> bytes:
    """Return the cases as CSV after RFC 4180: UTF-8 with a byte-order mark, by which spreadsheets know the encoding.

    Times are UTC, ISO 8601. Text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(cell(case)) for cell in _CELLS.values()] for case in cases)
    return text.getvalue().encode("utf-8-sig")


def to_xlsx(cases: Sequence[Case]) -> bytes:
    """Return the cases as an Excel workbook; times are UTC, and text is never a formula.

    Raises:
        ConfigError: the package that writes workbooks is not installed.
    """
    with needs("xlsx"):
        import xlsxwriter

    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet("cases")
        bold, time = book.add_format({"bold": True}), book.add_format({"num_format": _TIME_FORMAT})
        for column, (name, cell) in enumerate(_CELLS.items()):
            sheet.write_string(0, column, f"{name} (UTC)" if name in _TIMES else name, bold)
            for number, case in enumerate(cases, 1):
                _write(sheet, number, column, cell(case), time if name in _TIMES else None)
        sheet.set_column(0, len(COLUMNS) - 1, _WIDTH_CHARACTERS)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(cases), len(COLUMNS) - 1)
    return data.getvalue()


def _write(sheet: Worksheet, row: int, column: int, value: Any, time: Format | None) -> None:
    if value is None:
        return
    if time is not None:
        # A workbook has no time zones.
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00")).replace(tzinfo=None)
        sheet.write_datetime(row, column, moment, time)
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    else:
        sheet.write_number(row, column, value)


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
