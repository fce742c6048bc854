"""<workflow>.csv: every participant of a workflow, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from pipelines.dashboard.facts import Run

_COLUMNS = (
    "run_id",
    "customer_id",
    "customer_name",
    "arm",
    "entry_no",
    "entered_date",
    "state_class",
    "exited_date",
    "exit_reason",
    "first_met_date",
    "matured",
)
_values = attrgetter(*_COLUMNS)


def participants_csv(runs: Iterable[Run]) -> str:
    """The runs as comma-separated values."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([harmless(value) for value in _values(run)] for run in runs)
    return out.getvalue()


def harmless(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("+44 20"), harmless(None), harmless(3)
    ("'=1+1", "'+44 20", '', '3')
    """
    text = "" if value is None else str(value)
    # marks that turn the direction of reading hide what a cell begins with
    first = text.lstrip(" \t\r\n\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
    return f"'{text}" if first.startswith(("=", "+", "-", "@")) or text.startswith(("\t", "\r")) else text
